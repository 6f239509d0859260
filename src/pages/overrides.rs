//! The operator's own files, by the name of what they take the place of.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use belgie_api::settings::Problem;

/// Names have at most a folder and a file; looking any deeper could follow a link in circles.
const DEPTH: usize = 2;

/// One file.
pub(super) struct Override {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// All files that have not found their place yet.
#[derive(Default)]
pub(super) struct Overrides(BTreeMap<String, Override>);

impl Overrides {
    /// Reads the folder. Files and folders whose names begin with a dot are left to whoever put them there: editors,
    /// version control, orchestrators that mount configuration.
    pub(super) fn read(folder: Option<&Path>, problems: &mut Vec<Problem>) -> Self {
        let mut overrides = Self::default();
        if let Some(folder) = folder {
            overrides.read_folder(folder, "", DEPTH, problems);
        }
        overrides
    }

    /// The file that takes the place of this name.
    pub(super) fn take(&mut self, name: &str) -> Option<Override> {
        self.0.remove(name)
    }

    /// Whatever is left takes nobody's place, most often because its name has a mistake in it.
    pub(super) fn report_unused(self, problems: &mut Vec<Problem>) {
        for (name, file) in self.0 {
            problems.push(Problem::new(
                file.path.display().to_string(),
                format!("there is no template `{name}` whose place this file could take"),
                "Correct the name, or move the file out of the override folder.",
            ));
        }
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str, depth: usize, problems: &mut Vec<Problem>) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return problems.push(unreadable(folder, &error)),
        };
        for entry in entries {
            let (path, file_name) = (entry.path(), entry.file_name());
            let name = format!("{prefix}{}", file_name.to_string_lossy());
            if file_name.to_string_lossy().starts_with('.') {
                continue;
            }
            if !path.is_dir() {
                self.read_file(name, path, problems);
            } else if depth > 1 {
                self.read_folder(&path, &format!("{name}/"), depth - 1, problems);
            } else {
                problems.push(Problem::new(
                    path.display().to_string(),
                    "no template lies this deep",
                    "Templates of plugins lie in a folder with the plugin's id; move the files there.",
                ));
            }
        }
    }

    fn read_file(&mut self, name: String, path: PathBuf, problems: &mut Vec<Problem>) {
        match fs::read_to_string(&path) {
            Ok(text) => {
                self.0.insert(name, Override { path, text });
            }
            Err(error) => problems.push(unreadable(&path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        path.display().to_string(),
        format!("it cannot be read: {error}"),
        "See that it exists, that this process may read it, and that files are UTF-8 text.",
    )
}
