//! Passwords everybody knows: a short list that is built in, and what the operator has collected.
//!
//! NIST SP 800-63B-4 section 3.1.1.2 wants new passwords compared with a list of common and leaked ones. The operator's
//! file is either the ordered list of SHA-1 hashes that Have I Been Pwned hands out, which is searched where it lies and
//! never loaded, or a plain list, which is kept in memory. Nothing leaves the machine.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use belgie_api::{Failure, Result};

const COMMON: &str = include_str!("common_passwords.txt");
/// A plain list is kept in memory, so it may not be as large as one of hashes.
const LARGEST_PLAIN: u64 = 64 * 1024 * 1024;
const HASH_CHARACTERS: usize = 40;
/// No line of a list of hashes is longer: the hash, a colon, a count, a line break.
const LONGEST_LINE: u64 = 80;

/// Knows passwords nobody should choose.
#[derive(Clone, Default)]
pub struct BreachedPasswords {
    file: Option<Arc<List>>,
}

enum List {
    Hashes(PathBuf),
    Plain(HashSet<String>),
}

impl BreachedPasswords {
    /// Opens the operator's file and finds out which kind it is.
    ///
    /// # Errors
    /// When it cannot be read, or a plain list is larger than 64 MiB.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let mut first = String::new();
        BufReader::new(File::open(path)?.take(LONGEST_LINE))
            .read_line(&mut first)
            .or_else(|error| if error.kind() == io::ErrorKind::InvalidData { Ok(0) } else { Err(error) })?;
        if is_hash_line(first.trim_end()) {
            return Ok(Self { file: Some(Arc::new(List::Hashes(path.to_owned()))) });
        }
        if std::fs::metadata(path)?.len() > LARGEST_PLAIN {
            let message = "a plain list is kept in memory: give one of SHA-1 hashes in their order instead";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let text = String::from_utf8_lossy(&std::fs::read(path)?).to_lowercase();
        Ok(Self { file: Some(Arc::new(List::Plain(text.lines().map(|line| line.trim_end().to_owned()).collect()))) })
    }

    /// Whether everybody knows this password, in whatever case.
    ///
    /// # Errors
    /// When the operator's file cannot be read any more.
    pub async fn knows(&self, password: &str) -> Result<bool> {
        let lower = password.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Ok(true);
        }
        match self.file.clone() {
            None => Ok(false),
            Some(list) => {
                let hash = sha1_hex(password);
                let look = move || match list.as_ref() {
                    List::Plain(known) => Ok(known.contains(&lower)),
                    List::Hashes(path) => File::open(path).and_then(|file| holds(file, &hash)),
                };
                tokio::task::spawn_blocking(look).await.map_err(Failure::internal)?.map_err(Failure::internal)
            }
        }
    }
}

fn is_hash_line(line: &str) -> bool {
    let hash = line.split(':').next().unwrap_or_default();
    hash.len() == HASH_CHARACTERS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The form the list is in, not a use of SHA-1 that anything depends on.
fn sha1_hex(password: &str) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hash.as_ref().iter().fold(String::with_capacity(HASH_CHARACTERS), |mut text, byte| {
        let _written = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02X}"));
        text
    })
}

/// Looks for a hash in a file of lines in order, halving what is left: some thirty short reads in a list of any size.
fn holds(mut file: File, hash: &str) -> io::Result<bool> {
    // The line looked for begins in `low..high`, if it is there.
    let (mut low, mut high) = (0, file.seek(SeekFrom::End(0))?);
    while low < high {
        let middle = low + (high - low) / 2;
        let (start, line) = line_from(&mut file, middle)?;
        let found = line.split(':').next().unwrap_or_default().trim_end().to_ascii_uppercase();
        if line.is_empty() || start >= high {
            high = middle;
            continue;
        }
        match found.as_str().cmp(hash) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => low = start + line.len() as u64,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

/// The first line that begins at `place` or later, and where it begins.
fn line_from(file: &mut File, place: u64) -> io::Result<(u64, String)> {
    let from = place.saturating_sub(1);
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::with_capacity(256, file.take(3 * LONGEST_LINE));
    let mut skipped = Vec::new();
    // One byte earlier: if that is a line break, the line begins at `place` itself.
    let start = if place == 0 { 0 } else { from + reader.read_until(b'\n', &mut skipped)? as u64 };
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok((start, String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{BreachedPasswords, COMMON, sha1_hex};

    async fn with_file(content: &str) -> (tempfile::TempDir, BreachedPasswords) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list.txt");
        std::fs::write(&path, content).expect("a writable folder");
        let list = BreachedPasswords::open(Some(&path)).expect("a list");
        (folder, list)
    }

    #[tokio::test]
    async fn every_line_of_an_ordered_list_is_found_and_nothing_else() {
        for line_break in ["\n", "\r\n"] {
            for count in [1, 2, 3, 100] {
                let mut hashes: Vec<String> = (0..count).map(|n| sha1_hex(&format!("known {n}"))).collect();
                hashes.sort();
                let text = hashes.iter().enumerate().fold(String::new(), |mut text, (n, hash)| {
                    write!(text, "{hash}:{}{line_break}", n * n * 1_000).expect("a text");
                    text
                });
                let (_folder, list) = with_file(&text).await;
                for n in 0..count {
                    assert!(list.knows(&format!("known {n}")).await.expect("an answer"), "{n} of {count}");
                    assert!(!list.knows(&format!("unknown {n}")).await.expect("an answer"), "{n} of {count}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_plain_list_is_compared_in_any_case() {
        let (_folder, list) = with_file("our company name\nWinter in Ghent\n").await;
        assert!(list.knows("winter in ghent").await.expect("an answer"));
        assert!(!list.knows("summer in ghent").await.expect("an answer"));
    }

    #[tokio::test]
    async fn the_most_common_ones_are_known_without_any_file() {
        let list = BreachedPasswords::default();
        assert!(list.knows("Password1234").await.expect("an answer"));
        assert!(!list.knows("correct horse battery staple").await.expect("an answer"));
        assert!(
            COMMON.lines().all(|line| line.len() >= 8 && line == line.to_lowercase()),
            "shorter ones are refused anyhow"
        );
        assert_eq!(sha1_hex("password"), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
    }
}
