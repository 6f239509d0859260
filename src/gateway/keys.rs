//! Keys derived from the host's secret, and secrets sealed with them.

use std::sync::Arc;

use belgie_api::crypto::{self, base64url, from_base64url, hmac_sha256};
use belgie_api::ports::Keys;
use belgie_api::{Entropy, Failure, Result};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::BootError;
use crate::config::Config;
use crate::config::secrets::{Secrets, load_or_create};

/// What every sealed text begins with: the form it is in.
const FORM: &str = "s1";
/// Characters of the mark that says which secret a text was sealed with.
const MARK_CHARACTERS: usize = 8;

/// Keys derived from the host's secret (HKDF-SHA-256, RFC 5869).
pub struct DerivedKeys {
    current: Generation,
    previous: Option<Generation>,
    entropy: Arc<dyn Entropy>,
}

/// One secret, and the mark it leaves on what it seals.
struct Generation {
    secrets: Secrets,
    mark: String,
}

impl Generation {
    fn new(secret: &SecretString) -> Self {
        let secrets = Secrets::new(secret);
        let mark: String =
            base64url(&hmac_sha256(&derive(&secrets, "seal-mark"), &[])).chars().take(MARK_CHARACTERS).collect();
        Self { secrets, mark }
    }

    fn key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(&self.secrets, &format!("seal:{purpose}")))
    }
}

#[expect(clippy::expect_used, reason = "HKDF fails only when more than 255 blocks are asked for; this asks for one")]
fn derive(secrets: &Secrets, purpose: &str) -> [u8; 32] {
    *secrets.key(purpose).expect("one block of HKDF output")
}

impl DerivedKeys {
    /// Takes the configured secret, or the one kept in the data directory, which is made at the first start.
    pub fn open(config: &Config, entropy: &Arc<dyn Entropy>) -> Result<Self, BootError> {
        let secret: SecretString = match &config.secret {
            Some(secret) => secret.clone(),
            None => load_or_create(&config.data_dir, &mut |bytes| entropy.fill(bytes)).map_err(BootError::Secret)?,
        };
        Ok(Self::new(&secret, config.previous_secret.as_ref(), Arc::clone(entropy)))
    }

    fn new(secret: &SecretString, previous: Option<&SecretString>, entropy: Arc<dyn Entropy>) -> Self {
        Self { current: Generation::new(secret), previous: previous.map(Generation::new), entropy }
    }
}

impl Keys for DerivedKeys {
    fn derive(&self, purpose: &str) -> [u8; 32] {
        derive(&self.current.secrets, purpose)
    }

    fn seal(&self, purpose: &str, context: &[u8], secret: &[u8]) -> Result<String> {
        let sealed = crypto::seal(&self.current.key(purpose), &*self.entropy, &[purpose.as_bytes(), context], secret)
            .map_err(Failure::internal)?;
        Ok(format!("{FORM}.{}.{}", self.current.mark, base64url(&sealed)))
    }

    fn unseal(&self, purpose: &str, context: &[u8], sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let refuse = || {
            Failure::internal(
                "a sealed text does not open: was the host's secret changed without naming the earlier one as `previous_secret`?",
            )
        };
        let mut parts = sealed.splitn(3, '.');
        let (Some(FORM), Some(mark), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refuse());
        };
        let generations = std::iter::once(&self.current).chain(&self.previous);
        let generation = generations.into_iter().find(|generation| generation.mark == mark).ok_or_else(refuse)?;
        let bytes = from_base64url(body).ok_or_else(refuse)?;
        crypto::unseal(&generation.key(purpose), &[purpose.as_bytes(), context], &bytes).map_err(|_| refuse())
    }

    fn is_stale(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1) != Some(self.current.mark.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use belgie_api::entropy::SystemEntropy;
    use belgie_api::ports::Keys;
    use secrecy::SecretString;

    use super::DerivedKeys;

    fn keys(secret: &str, previous: Option<&str>) -> DerivedKeys {
        let wrap = |text: &str| SecretString::from(text.to_owned());
        DerivedKeys::new(&wrap(secret), previous.map(wrap).as_ref(), Arc::new(SystemEntropy))
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_in_its_place_only() {
        let keys = keys("one", None);
        let sealed = keys.seal("tokens", b"row 1", b"a secret").expect("sealed");
        assert!(!sealed.contains("secret"));
        assert_eq!(keys.unseal("tokens", b"row 1", &sealed).expect("opened").as_slice(), b"a secret");
        assert!(keys.unseal("mail", b"row 1", &sealed).is_err());
        assert!(keys.unseal("tokens", b"row 2", &sealed).is_err());
        assert_ne!(sealed, keys.seal("tokens", b"row 1", b"a secret").expect("sealed"), "a nonce is used once");
    }

    #[test]
    fn a_changed_text_does_not_open() {
        let keys = keys("one", None);
        let sealed = keys.seal("tokens", b"", b"a secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("still text");
            let opened = keys.unseal("tokens", b"", &changed);
            // Base64 leaves bits of the last character unused.
            assert!(opened.is_err() || at + 1 == sealed.len(), "changed at {at}");
        }
        for junk in ["", "s1", "s1..", "plain text", "s1.AAAAAAAA.AAAA"] {
            assert!(keys.unseal("tokens", b"", junk).is_err(), "{junk:?}");
        }
    }

    #[test]
    fn a_new_secret_opens_what_the_one_before_sealed_and_calls_it_stale() {
        let sealed = keys("one", None).seal("tokens", b"", b"a secret").expect("sealed");
        let rotated = keys("two", Some("one"));
        assert_eq!(rotated.unseal("tokens", b"", &sealed).expect("opened").as_slice(), b"a secret");
        assert!(rotated.is_stale(&sealed));
        assert!(!rotated.is_stale(&rotated.seal("tokens", b"", b"a secret").expect("sealed")));
        assert!(keys("two", None).unseal("tokens", b"", &sealed).is_err(), "the earlier secret was not named");
    }
}
