//! Passwords: Argon2id with the parameters OWASP recommends (19 MiB, two passes, one lane), off the async threads and
//! only a few at a time, so that a flood of sign-ins cannot take all the memory.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use belgie_api::{Entropy, Failure, Result};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// How many passwords are worked on at once; each takes 19 MiB.
const AT_ONCE: usize = 4;
/// How long a sign-in waits for its turn before it is told to come back.
const WAIT_AT_MOST: Duration = Duration::from_secs(3);

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct PasswordHasher {
    slots: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
    /// The hash of a password nobody has: checked when there is no account, so that both cases take the same time.
    decoy: Arc<str>,
}

impl PasswordHasher {
    /// Makes a hasher, and its decoy from random bytes: nothing is hashed for it, and no password is known to fit.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let mut random = Zeroizing::new([0_u8; 48]);
        entropy.fill(random.as_mut_slice());
        let (salt, output) = random.split_at(16);
        let encode = |bytes| STANDARD_NO_PAD.encode(bytes);
        let decoy = format!("$argon2id$v=19$m=19456,t=2,p=1${}${}", encode(salt), encode(output));
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)), entropy, decoy: decoy.into() }
    }

    /// The hash of a password in PHC form, with a fresh salt.
    ///
    /// # Errors
    /// When hashing fails or the process is shutting down.
    pub async fn hash(&self, password: String) -> Result<String> {
        let password = Zeroizing::new(password);
        let salt = salt(self.entropy.as_ref());
        self.off_thread(move || hash_now(password.as_bytes(), &salt)).await
    }

    /// Whether the password fits the hash. Without a hash the answer is no, after the same work.
    ///
    /// # Errors
    /// When the stored hash is damaged or the process is shutting down.
    pub async fn is_right(&self, password: String, hash: Option<String>) -> Result<bool> {
        let password = Zeroizing::new(password);
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .off_thread(move || Ok(Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()))
            .await?;
        Ok(known && fits)
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let waiting = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(WAIT_AT_MOST, waiting).await.map_err(Failure::unavailable)?;
        let slot = slot.map_err(Failure::internal)?;
        // The slot goes with the work: a client that leaves frees nothing while its password is still being hashed.
        let work = move || {
            let _slot = slot;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; 16] {
    let mut salt = [0_u8; 16];
    entropy.fill(&mut salt);
    salt
}

fn hash_now(password: &[u8], salt: &[u8; 16]) -> Result<String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password, salt)
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use belgie_api::entropy::SystemEntropy;

    use super::{PasswordHash, PasswordHasher};

    #[tokio::test]
    async fn the_decoy_costs_what_a_real_hash_costs() {
        let hasher = PasswordHasher::new(Arc::new(SystemEntropy));
        let real = hasher.hash("a password".to_owned()).await.expect("a hash");
        let parse = |text: &str| PasswordHash::new(text).expect("PHC form");
        let (real, decoy) = (parse(&real), parse(&hasher.decoy));
        assert_eq!((real.algorithm, real.version, real.params), (decoy.algorithm, decoy.version, decoy.params));
        assert_eq!(real.hash.map(|hash| hash.len()), decoy.hash.map(|hash| hash.len()));
        assert!(!hasher.is_right("a password".to_owned(), None).await.expect("an answer"));
    }
}
