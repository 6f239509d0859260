//! Which proofs were used: each is taken once (RFC 9449 section 11.1).

use std::collections::HashMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// How many proofs are remembered in memory; one takes about 60 bytes.
const MOST: usize = 200_000;

/// Whether a proof was taken just now, or why that cannot be found out.
pub type Taken<'a> = Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>>;

/// Where used proofs are remembered. Several processes behind one address need a place that all of them see, where one of them is
/// first: a table with a unique key, or `SET NX` of Redis.
pub trait UsedProofs: Send + Sync {
    /// Takes a proof: `true` for whoever is first. It must be remembered until a moment, in seconds since 1970; `now` likewise.
    ///
    /// # Errors
    /// When it cannot be found out; the request is turned away.
    fn take(&self, proof: [u8; 32], until: u64, now: u64) -> Taken<'_>;
}

/// The memory of this process, which is all that one process needs.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    until: HashMap<[u8; 32], u64>,
    /// When there was no room the last time, in seconds since 1970.
    swept_at: u64,
}

impl UsedProofs for InMemory {
    fn take(&self, proof: [u8; 32], until: u64, now: u64) -> Taken<'_> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.until.len() >= MOST && used.swept_at != now {
            used.swept_at = now;
            used.until.retain(|_, until| *until >= now);
        }
        let is_full = used.until.len() >= MOST;
        let taken = match used.until.get(&proof) {
            Some(until) if *until >= now => Ok(false),
            // Forgetting one that is still good would let it be used again.
            None if is_full => Err("too many proofs are in use at once".to_owned()),
            _ => {
                used.until.insert(proof, until);
                Ok(true)
            }
        };
        Box::pin(ready(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::{InMemory, MOST, UsedProofs};

    fn proof(number: usize) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    #[tokio::test]
    async fn a_proof_is_taken_once_while_it_is_good_and_memory_has_an_end() {
        let used = InMemory::default();
        assert_eq!(used.take(proof(0), 100, 50).await, Ok(true));
        assert_eq!(used.take(proof(0), 100, 100).await, Ok(false));
        for number in 1..MOST {
            assert_eq!(used.take(proof(number), 100, 50).await, Ok(true));
        }
        assert!(used.take(proof(MOST), 100, 100).await.is_err(), "nothing that is good is forgotten");
        assert_eq!(used.take(proof(MOST), 200, 101).await, Ok(true));
        assert_eq!(used.0.lock().unwrap().until.len(), 1);
        assert_eq!(used.take(proof(MOST), 150, 101).await, Ok(false));
        assert_eq!(used.take(proof(MOST), 300, 160).await, Ok(false), "nobody makes it be forgotten before its time");
    }
}
