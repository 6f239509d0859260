//! The host secret and the keys derived from it.
//!
//! One secret, many purposes: every use derives its own key by a label, so that a value made for one purpose is
//! worth nothing for another.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use aws_lc_rs::{error::Unspecified, hkdf};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use belgie_api::settings::Problem;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

const FILE_NAME: &str = "secret";
const SECRET_BYTES: usize = 32;
/// The file holds 43 characters and a line break; anything much longer is not ours.
const MOST_BYTES: u64 = 1_024;
/// Separates our keys from those of any other program given the same secret.
const SALT: &[u8] = b"belgie host secret v1";

/// A key for one purpose. Wiped from memory when dropped.
pub type DerivedKey = Zeroizing<[u8; 32]>;

/// The key material of this host.
#[derive(Clone)]
pub struct Secrets {
    root: hkdf::Prk,
}

impl Secrets {
    /// The secrets that follow from `secret`, which must be hard to guess; the configuration checks that.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self { root: hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.expose_secret().as_bytes()) }
    }

    /// The key for `label` (`csrf`, `request-state`, `setup`, ...): HKDF-SHA256, RFC 5869. The same secret and label
    /// give the same key on every node.
    ///
    /// # Errors
    /// When the cryptographic library fails, which it does for no label of reasonable length.
    pub fn key(&self, label: &str) -> Result<DerivedKey, Unspecified> {
        let mut key = Zeroizing::new([0; 32]);
        self.root.expand(&[label.as_bytes()], hkdf::HKDF_SHA256)?.fill(key.as_mut_slice())?;
        Ok(key)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// The secret kept in `<data_dir>/secret`, made on the first start: 32 bytes from `entropy`, as base64url.
///
/// Directory and file belong to their owner alone. Processes that start at the same time agree on one secret.
///
/// # Errors
/// When the file cannot be made or read, is not a secret, or can be read by others.
pub fn load_or_create(data_dir: &Path, entropy: &mut dyn FnMut(&mut [u8])) -> Result<SecretString, Problem> {
    let path = data_dir.join(FILE_NAME);
    if let Some(secret) = load(&path)? {
        return Ok(secret);
    }
    create(data_dir, &path, entropy).map_err(|error| failed(&path, "keep a secret in", &error))?;
    // Read back rather than returned: another process may have been first.
    load(&path)?.ok_or_else(|| failed(&path, "read", &io::ErrorKind::NotFound.into()))
}

fn load(path: &Path) -> Result<Option<SecretString>, Problem> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "read", &error)),
    };
    let metadata = file.metadata().map_err(|error| failed(path, "read", &error))?;
    if metadata.mode() & 0o077 != 0 {
        let message = "other users of this machine may read or write this file";
        let remedy = format!(
            "chmod 600 {0}; if others may have seen it, delete it instead: that ends all sessions",
            path.display()
        );
        return Err(Problem::new(path.display().to_string(), message, remedy));
    }
    let mut text = Zeroizing::new(String::new());
    let limited = file.take(MOST_BYTES).read_to_string(&mut text);
    limited.map_err(|error| failed(path, "read", &error))?;
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text.trim()).map(Zeroizing::new);
    if decoded.is_ok_and(|bytes| bytes.len() == SECRET_BYTES) {
        Ok(Some(SecretString::from(text.trim())))
    } else {
        let message = "this file does not hold a secret of this program: 32 bytes as base64url";
        let remedy = "restore it from a backup, or delete it to have a new one made: that ends all sessions";
        Err(Problem::new(path.display().to_string(), message, remedy))
    }
}

/// Writes a whole secret under a name of its own and then links it to its place, which fails if there is one: the
/// file is either absent or complete, and the first process wins.
fn create(data_dir: &Path, path: &Path, entropy: &mut dyn FnMut(&mut [u8])) -> io::Result<()> {
    make_dir(data_dir)?;
    refuse_shared_dir(data_dir)?;
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    entropy(bytes.as_mut_slice());
    let mut name = [0; 8];
    entropy(&mut name);
    let draft = data_dir.join(format!(".secret-{:016x}", u64::from_ne_bytes(name)));
    let mut text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    text.push('\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&draft)?;
    placed?;
    // The name must survive a crash as well as the content does.
    File::open(data_dir)?.sync_all()
}

/// Makes the data directory, for its owner alone, unless it is there.
///
/// # Errors
/// When it cannot be made.
pub fn ensure_data_dir(data_dir: &Path) -> Result<(), Problem> {
    make_dir(data_dir).map_err(|error| {
        let remedy = "let this process make it, or name another one as data_dir (BELGIE_DATA_DIR)";
        Problem::new(data_dir.display().to_string(), format!("cannot make this directory: {error}"), remedy)
    })
}

fn make_dir(data_dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir)
}

fn refuse_shared_dir(data_dir: &Path) -> io::Result<()> {
    let mode = fs::metadata(data_dir)?.permissions().mode();
    if mode & 0o022 == 0 {
        return Ok(());
    }
    // Whoever can write here can replace the secret.
    let message = format!("others can write to the directory: chmod 700 {}", data_dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn failed(path: &Path, verb: &str, error: &io::Error) -> Problem {
    let remedy = "let this process own the data directory (data_dir), or give the secret as BELGIE_SECRET";
    Problem::new(path.display().to_string(), format!("cannot {verb} this file: {error}"), remedy)
}
