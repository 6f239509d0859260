//! Which proofs were used: each is taken once (RFC 9449 section 11.1).

use std::collections::HashMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::proof::sha256;

/// How many proofs are remembered in memory; one takes about 100 bytes.
const MOST: usize = 200_000;

/// A proof that is good for its request, and may have been used before.
#[derive(Clone, Copy, Debug)]
pub struct ShownProof<'a> {
    /// A hash of its key and its `jti`: the same for the same proof, and for no other.
    pub id: [u8; 32],
    /// The SHA-256 thumbprint of its key (RFC 7638), in base64url. Whoever limits how many are remembered gives each key a share, so
    /// that nobody leaves no room for others.
    pub key: &'a str,
    /// Until when it is good, and has to be remembered, in seconds since 1970.
    pub until: u64,
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// This is its first use, which is remembered now.
    First,
    /// It was used before.
    Again,
    /// Its key has shown more proofs in a short time than are remembered of one key. It is not taken.
    TooMany,
}

/// What became of a proof, or why that cannot be found out.
pub type Taken<'a> = Pin<Box<dyn Future<Output = Result<Use, String>> + Send + 'a>>;

/// Where used proofs are remembered. Several processes behind one address need a place that all of them see, where one of them is
/// first: a table with a unique key, or `SET NX` of Redis.
pub trait UsedProofs: Send + Sync {
    /// Takes a proof, if it is used for the first time; `now` in seconds since 1970.
    ///
    /// # Errors
    /// When it cannot be found out; the request is turned away.
    fn take(&self, proof: ShownProof<'_>, now: u64) -> Taken<'_>;
}

/// The memory of this process, which is all that one process needs. It has an end (200,000 proofs), and a key may have as many as are
/// free: one that floods has half of it and is refused then, two have a third each, and others go on.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    proofs: HashMap<[u8; 32], Remembered>,
    /// How many proofs there are of each key.
    of_key: HashMap<KeyId, u32>,
    /// When there was no room the last time, in seconds since 1970.
    swept_at: u64,
}

/// The half of a hash of a thumbprint: enough that no other key has it.
type KeyId = [u8; 16];

#[derive(Debug)]
struct Remembered {
    until: u64,
    key: KeyId,
}

impl Used {
    fn of(&self, key: KeyId) -> usize {
        self.of_key.get(&key).map_or(0, |count| *count as usize)
    }

    fn has_room(&self, key: KeyId) -> bool {
        self.of(key) < MOST.saturating_sub(self.proofs.len())
    }

    /// Forgets what is good no longer: at most once a second, since it looks at everything.
    fn sweep(&mut self, now: u64) {
        if self.swept_at == now {
            return;
        }
        self.swept_at = now;
        self.proofs.retain(|_, proof| proof.until >= now);
        self.of_key.clear();
        for proof in self.proofs.values() {
            *self.of_key.entry(proof.key).or_default() += 1;
        }
    }

    fn take(&mut self, proof: ShownProof<'_>, now: u64) -> Result<Use, String> {
        let key = id_of(proof.key);
        if let Some(known) = self.proofs.get_mut(&proof.id) {
            if known.until >= now {
                return Ok(Use::Again);
            }
            known.until = proof.until;
            return Ok(Use::First);
        }
        if !self.has_room(key) {
            self.sweep(now);
        }
        // Forgetting one that is still good would let it be used again.
        match (self.has_room(key), self.of(key)) {
            (true, _) => {
                self.proofs.insert(proof.id, Remembered { until: proof.until, key });
                *self.of_key.entry(key).or_default() += 1;
                Ok(Use::First)
            }
            (false, 0) => Err("too many proofs are in use at once".to_owned()),
            (false, _) => Ok(Use::TooMany),
        }
    }
}

impl UsedProofs for InMemory {
    fn take(&self, proof: ShownProof<'_>, now: u64) -> Taken<'_> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(proof, now);
        Box::pin(ready(taken))
    }
}

fn id_of(key: &str) -> KeyId {
    let mut id = KeyId::default();
    id.iter_mut().zip(sha256(key.as_bytes())).for_each(|(to, from)| *to = from);
    id
}

#[cfg(test)]
mod tests {
    use super::{InMemory, MOST, ShownProof, Use, UsedProofs};

    async fn take(used: &InMemory, key: &str, number: usize, until: u64, now: u64) -> Result<Use, String> {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        used.take(ShownProof { id, key, until }, now).await
    }

    /// How many proofs a key gets in one after the other, from a number on.
    async fn flood(used: &InMemory, key: &str, from: usize, until: u64, now: u64) -> usize {
        let mut taken = 0;
        while take(used, key, from + taken, until, now).await == Ok(Use::First) {
            taken += 1;
        }
        assert_eq!(take(used, key, from + taken, until, now).await, Ok(Use::TooMany));
        taken
    }

    #[tokio::test]
    async fn a_proof_is_taken_once_while_it_is_good() {
        let used = InMemory::default();
        assert_eq!(take(&used, "a", 0, 100, 50).await, Ok(Use::First));
        assert_eq!(take(&used, "a", 0, 100, 100).await, Ok(Use::Again));
        assert_eq!(take(&used, "a", 0, 200, 101).await, Ok(Use::First), "its id may come again when it is over");
        assert_eq!(take(&used, "a", 0, 300, 160).await, Ok(Use::Again), "nobody makes it be forgotten before its time");
    }

    #[tokio::test]
    async fn a_key_that_floods_is_refused_and_others_go_on() {
        let used = InMemory::default();
        assert_eq!(flood(&used, "flood", 0, 100, 50).await, MOST / 2);
        for number in 0..1_000 {
            assert_eq!(take(&used, "calm", MOST + number, 100, 51).await, Ok(Use::First));
        }
        assert_eq!(take(&used, "flood", MOST / 2, 100, 52).await, Ok(Use::TooMany), "no room is made for it");
        // What it has used stays used, and when that is over it goes on as if nothing had been.
        assert_eq!(take(&used, "flood", 0, 100, 100).await, Ok(Use::Again));
        assert_eq!(take(&used, "flood", MOST / 2, 200, 101).await, Ok(Use::First));
        assert_eq!(used.0.lock().unwrap().proofs.len(), 1);
        assert_eq!(flood(&used, "flood", MOST, 200, 102).await, MOST / 2 - 1);
    }

    #[tokio::test]
    async fn several_that_flood_share_what_there_is_and_memory_has_an_end() {
        let used = InMemory::default();
        for (number, (key, share)) in
            [("one", MOST / 2), ("two", MOST / 4), ("three", MOST / 8)].into_iter().enumerate()
        {
            assert_eq!(flood(&used, key, number * MOST, 100, 50).await, share);
        }
        let left = MOST / 8;
        for number in 0..left {
            assert_eq!(take(&used, &number.to_string(), 3 * MOST + number, 100, 50).await, Ok(Use::First));
        }
        assert!(take(&used, "last", 4 * MOST, 100, 50).await.is_err(), "nothing that is good is forgotten");
        assert_eq!(used.0.lock().unwrap().proofs.len(), MOST);
        assert_eq!(take(&used, "last", 4 * MOST, 200, 101).await, Ok(Use::First));
    }
}
