//! Secrets: given inline or through a file, shown never.

use std::{fs::File, io::Read, path::Path};

use secrecy::SecretString;

use super::{
    Origin, Section,
    raw::{Fault, Raw, Shape},
    section::Attempt,
};

/// What stands for a secret wherever the configuration is printed.
const MASK: &str = "(secret)";
/// More than any key or certificate chain needs; guards against pointing at a device or a log.
const MOST_BYTES: u64 = 64 * 1024;

impl Section {
    /// A secret: `key` holds it, or `<key>_file` names a file that does (one line break at its end is left out).
    ///
    /// Whichever comes from the later origin wins, so a variable overrides a file named in the configuration; both
    /// from one origin is a problem. The value never appears in a problem or in the effective configuration.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        let inline = self.attempt(key, None, &SECRET);
        let file = self.attempt(&file_key, None, &FILE);
        let has_file = matches!(file, Attempt::Good(..));
        if !has_file && !matches!(file, Attempt::Bad) {
            self.ledger().record(&self.path_of(&file_key), None, Origin::Default);
        }
        match (inline, file) {
            (Attempt::Good(_, one), Attempt::Good(_, other)) if same_source(&one, &other) => {
                let message = format!("`{key}` and `{file_key}` are both set");
                self.complain(key, message, "keep the one you want and take the other out");
                None
            }
            (Attempt::Good(value, one), Attempt::Good(_, other)) if one > other => Some(value),
            (Attempt::Good(value, _), Attempt::Absent | Attempt::Bad) => Some(value),
            (_, Attempt::Good(path, origin)) => {
                let value = self.secret_from(&file_key, Path::new(&path));
                if value.is_some() {
                    self.ledger().record(&self.path_of(key), Some(MASK.to_owned()), origin);
                }
                value
            }
            (Attempt::Absent, Attempt::Absent) => {
                self.ledger().record(&self.path_of(key), None, Origin::Default);
                None
            }
            (Attempt::Absent | Attempt::Bad, _) => None,
        }
    }

    fn secret_from(&self, file_key: &str, path: &Path) -> Option<SecretString> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
        let remedy = "name a file that this process can read and that holds nothing but the secret, as text";
        if let Err(error) = read {
            self.complain(file_key, format!("cannot read {}: {error}", path.display()), remedy);
            return None;
        }
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() || text.len() as u64 > MOST_BYTES {
            self.complain(file_key, format!("{} is empty or too large", path.display()), remedy);
            return None;
        }
        Some(SecretString::from(value))
    }
}

const SECRET: Shape<'static, SecretString> = Shape {
    expected: "a text",
    read: &|raw: &Raw| match raw.text() {
        Some(text) if !text.is_empty() => Ok(SecretString::from(text)),
        _ => Err(Fault::Kind),
    },
    show: &|_| MASK.to_owned(),
};

const FILE: Shape<'static, String> = Shape {
    expected: "the name of a file",
    read: &|raw: &Raw| match raw.text() {
        Some(text) if !raw.is_blank() => Ok(text.to_owned()),
        _ => Err(Fault::Kind),
    },
    show: &|path| super::raw::quoted(path),
};

/// Two variables are one source although their names differ.
fn same_source(one: &Origin, other: &Origin) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}
