//! The book every section writes to: problems, effective values, and the names it has been asked for.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Problem, Problems,
    nearest::nearest,
    raw::{Found, Raw},
};

const PREFIX: &str = "BELGIE_";
/// Variables of the test suite, which the program itself never reads.
const TEST_PREFIX: &str = "BELGIE_TEST_";

/// Who gave a value. Ordered: a later origin wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody: it is the built-in default.
    Default,
    /// The configuration file.
    File,
    /// The environment variable of this name.
    Environment(String),
    /// A command-line option.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// One setting as it is in force. Displays as a line of TOML with its origin as a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The key, with its section: `session.max_age_seconds`.
    pub path: String,
    /// The value as it would stand in the file; a mask for a secret; `None` when an optional setting is not set.
    pub value: Option<String>,
    /// Who gave it.
    pub origin: Origin,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}  # {}", self.path, self.origin),
            None => write!(f, "# {} is not set", self.path),
        }
    }
}

/// The environment variable that overrides the key at `path`.
#[must_use]
pub fn environment_name(path: &str) -> String {
    let path = path.strip_prefix("plugins.").unwrap_or(path);
    let name = path.chars().map(|letter| match letter {
        '.' | '-' => '_',
        other => other.to_ascii_uppercase(),
    });
    PREFIX.chars().chain(name).collect()
}

/// The book that all sections of one reading share. A clone is another handle on the same book.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    environment: BTreeMap<String, String>,
    command_line: BTreeMap<String, String>,
    aliases: BTreeMap<String, Vec<String>>,
    /// Every variable somebody would read, with the key it overrides.
    names: BTreeMap<String, String>,
    effective: Vec<Effective>,
    problems: Vec<Problem>,
}

impl Ledger {
    /// A new book over these environment variables. Only those that start with `BELGIE_` are kept.
    #[must_use]
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        let environment = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        Self(Arc::new(Mutex::new(Book { environment, ..Book::default() })))
    }

    /// Lets a command-line option decide the key at `path`, whatever file and environment say.
    pub fn override_key(&self, path: impl Into<String>, text: impl Into<String>) {
        self.book().command_line.insert(path.into(), text.into());
    }

    /// Declares a variable that is read elsewhere, so that it is not reported as unknown.
    pub fn expect_variable(&self, name: impl Into<String>) {
        let name = name.into();
        self.book().names.insert(name.clone(), name);
    }

    /// Notes a problem. The same problem twice is noted once.
    pub fn add(&self, problem: Problem) {
        let mut book = self.book();
        if !book.problems.contains(&problem) {
            book.problems.push(problem);
        }
    }

    /// Notes a problem with the value at `path`, pointing at the variable or option it came from if it did.
    pub fn complain(&self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let place = self.origin(path).map_or_else(|| path.to_owned(), |origin| place(path, &origin));
        self.add(Problem::new(place, message, remedy));
    }

    /// Who gave the value at `path`; `None` if nobody read it or it could not be read.
    #[must_use]
    pub fn origin(&self, path: &str) -> Option<Origin> {
        self.book().effective.iter().find(|entry| entry.path == path).map(|entry| entry.origin.clone())
    }

    /// Every setting read so far as it is in force, in the order of reading; secrets are masked.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        self.book().effective.clone()
    }

    /// Notes every `BELGIE_*` variable that nobody read, except those of the test suite.
    pub fn check_environment(&self) {
        let mut book = self.book();
        let unknown: Vec<_> = book
            .environment
            .keys()
            .filter(|name| !name.starts_with(TEST_PREFIX) && !book.names.contains_key(*name))
            .map(|name| unknown_variable(name, &book.names))
            .filter(|problem| !book.problems.contains(problem))
            .collect();
        book.problems.extend(unknown);
    }

    /// What the reading came to.
    ///
    /// # Errors
    /// Everything noted so far, when anything was.
    pub fn verdict(&self) -> Result<(), Problems> {
        let problems = Problems(self.book().problems.clone());
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    pub(super) fn alias(&self, path: &str, name: &str) {
        let mut book = self.book();
        let names = book.aliases.entry(path.to_owned()).or_default();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }

    /// The raw value for `path`: command line, else environment, else what the file has.
    pub(super) fn find(&self, path: &str, in_file: Option<toml::Value>) -> Option<Found> {
        let mut book = self.book();
        let mut names = vec![environment_name(path)];
        names.extend(book.aliases.get(path).cloned().unwrap_or_default());
        let mut given = Vec::new();
        for name in names {
            let owner = book.names.entry(name.clone()).or_insert_with(|| path.to_owned()).clone();
            let value = book.environment.get(&name).filter(|value| !value.trim().is_empty()).cloned();
            if let Some(value) = value {
                if owner != path {
                    let clash = ambiguous(&name, &owner, path);
                    book.problems.push(clash);
                }
                given.push((name, value));
            }
        }
        if let [(first, value), rest @ ..] = given.as_slice()
            && rest.iter().any(|(_, other)| other != value)
        {
            let others = rest.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            book.problems.push(Problem::new(
                first.clone(),
                format!("{others} is another name of the same setting and has another value"),
                "unset all but one of them",
            ));
        }
        if let Some(text) = book.command_line.get(path).cloned() {
            return Some(Found { raw: Raw::Text(text), origin: Origin::CommandLine });
        }
        let outside = given.into_iter().next();
        outside
            .map(|(name, value)| Found { raw: Raw::Text(value), origin: Origin::Environment(name) })
            .or_else(|| in_file.map(|value| Found { raw: Raw::Toml(value), origin: Origin::File }))
    }

    pub(super) fn record(&self, path: &str, value: Option<String>, origin: Origin) {
        let entry = Effective { path: path.to_owned(), value, origin };
        let mut book = self.book();
        match book.effective.iter_mut().find(|known| known.path == path) {
            Some(known) => *known = entry,
            None => book.effective.push(entry),
        }
    }

    /// Whether the optional setting at `path` was read and nobody gave it.
    pub(super) fn is_unset(&self, path: &str) -> bool {
        self.book().effective.iter().any(|entry| entry.path == path && entry.value.is_none())
    }

    /// A known key of this name in some section, for "did you mean".
    pub(super) fn key_named(&self, name: &str) -> Option<String> {
        let book = self.book();
        let mut paths = book.effective.iter().map(|entry| &entry.path);
        paths.find(|path| path.rsplit('.').next() == Some(name)).cloned()
    }

    // The book stays usable after a panic elsewhere: every change to it is complete in itself.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    // The environment may hold secrets, so only the findings are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.book().problems.len();
        f.debug_struct("Ledger").field("problems", &problems).finish_non_exhaustive()
    }
}

/// How to point at a value: at the key in the file, the variable, or the option.
pub(super) fn place(path: &str, origin: &Origin) -> String {
    match origin {
        Origin::Default | Origin::File => path.to_owned(),
        Origin::Environment(name) => name.clone(),
        Origin::CommandLine => format!("--{}", path.rsplit('.').next().unwrap_or(path).replace('_', "-")),
    }
}

fn unknown_variable(name: &str, known: &BTreeMap<String, String>) -> Problem {
    let remedy = match nearest(name, known.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? Otherwise unset it"),
        None => "unset it, or write it as BELGIE_<SECTION>_<KEY>".to_owned(),
    };
    Problem::new(name, "no setting has this environment variable", remedy)
}

fn ambiguous(name: &str, one: &str, other: &str) -> Problem {
    let message = format!("it could mean `{one}` or `{other}`");
    Problem::new(name, message, "unset it and set the one you mean in the file")
}
