//! The three sources of the configuration, gathered and not yet judged.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
};

use belgie_api::settings::{Ledger, Problem, Problems, Section};

use super::dot_env;

/// Names the configuration file when `--config` does not.
const FILE_VARIABLE: &str = "BELGIE_CONFIG";
/// Read when it exists and no other file is named.
const USUAL_FILE: &str = "belgie.toml";
/// Variables beside those of the environment.
const DOT_ENV: &str = ".env";

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`: the file to read.
    pub config: Option<PathBuf>,
    /// `--data-dir`: wins over `data_dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`: wins over `server.listen`. Text, so that a mistake in it is reported with all others.
    pub listen: Option<String>,
}

/// A configuration file that has been read.
#[derive(Clone)]
pub struct ConfigFile {
    /// Where it was found, for messages.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Everything the configuration is made from.
#[derive(Clone, Default)]
pub struct RawConfig {
    /// The file, if there is one.
    pub file: Option<ConfigFile>,
    /// The environment; only variables that start with `BELGIE_` matter.
    pub environment: BTreeMap<String, String>,
    /// The command line.
    pub overrides: Overrides,
}

impl RawConfig {
    /// Gathers the configuration of this process: its environment, what `.env` in the working directory adds to it, and
    /// the file that `--config` or `BELGIE_CONFIG` names, or `belgie.toml` in the working directory if there is one.
    /// What stands in the environment wins over `.env`, even when it is empty.
    ///
    /// # Errors
    /// When a file is named and cannot be read, one of the usual ones is there and cannot be read, or a line of `.env` is
    /// no variable.
    pub fn of_process(overrides: Overrides) -> Result<Self, Problems> {
        // Of two values of a name the later one counts.
        let environment = variables_of_file(Path::new(DOT_ENV))?.into_iter().chain(std::env::vars_os());
        Self::gather(environment, overrides)
    }

    /// As [`of_process`](Self::of_process), from an environment given by the caller and no `.env`.
    ///
    /// # Errors
    /// As [`of_process`](Self::of_process).
    pub fn gather(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: Overrides,
    ) -> Result<Self, Problems> {
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.starts_with("BELGIE_"))
            .collect();
        let in_variable = environment.get(FILE_VARIABLE).filter(|path| !path.is_empty());
        let named = overrides.config.clone().or_else(|| in_variable.map(PathBuf::from));
        let file = match &named {
            Some(path) => Some(read_file(path).map_err(|error| unreadable(path, &error))?),
            None => match read_file(Path::new(USUAL_FILE)) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(unreadable(Path::new(USUAL_FILE), &error)),
            },
        };
        Ok(Self { file, environment, overrides })
    }

    /// A configuration of this text alone: no environment, no command line.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let file = ConfigFile { path: PathBuf::from(USUAL_FILE), text: text.to_owned() };
        Self { file: Some(file), ..Self::default() }
    }

    /// Parses the file and opens the book that its readers report to.
    ///
    /// # Errors
    /// When the file is not TOML.
    pub(super) fn open(self) -> Result<(Section, Ledger), Problems> {
        let table = self.file.as_ref().map(parse).transpose()?.unwrap_or_default();
        let ledger = Ledger::new(self.environment);
        ledger.expect_variable(FILE_VARIABLE);
        if let Some(path) = self.overrides.data_dir {
            ledger.override_key("data_dir", path.to_string_lossy());
        }
        if let Some(address) = self.overrides.listen {
            ledger.override_key("server.listen", address);
        }
        Ok((Section::new("", table, &ledger), ledger))
    }
}

fn variables_of_file(path: &Path) -> Result<Vec<(OsString, OsString)>, Problems> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        // Whatever else bears the name (some keep a folder there) holds no variables.
        Err(_) if !path.is_file() => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let (variables, problems) = dot_env::read(path, &text);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

fn read_file(path: &Path) -> io::Result<ConfigFile> {
    let text = std::fs::read_to_string(path)?;
    Ok(ConfigFile { path: path.to_owned(), text })
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    let remedy = "name a configuration file that exists and that this process can read";
    Problem::new(path.display().to_string(), format!("cannot read this file: {error}"), remedy).into()
}

// The parser's own rendering quotes the line, which may hold a secret: only its message and the position are used.
fn parse(file: &ConfigFile) -> Result<toml::Table, Problems> {
    file.text.parse().map_err(|error: toml::de::Error| {
        let offset = error.span().map_or(0, |span| span.start);
        let before = file.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let place = format!("{}:{line}:{column}", file.path.display());
        let message = format!("this is not TOML: {}", error.message().replace('\n', ", "));
        Problem::new(place, message, "correct this line; everything else is checked once the file can be read").into()
    })
}

impl fmt::Debug for ConfigFile {
    // The text may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for RawConfig {
    // The environment may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.keys().collect();
        f.debug_struct("RawConfig")
            .field("file", &self.file)
            .field("environment", &names)
            .field("overrides", &self.overrides)
            .finish()
    }
}
