//! The life of a key: it is added, signs, is retired and forgotten.

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Event, Failure, Result, Timestamp};

use super::super::OAuth;
use super::{SEAL, make};
use crate::model::key::{FreshKey, KEPT_LONGER, KeyAlgorithm, KeyState, PUBLISHED_BEFORE, StoredKey};
use crate::store;

/// What a rotation did: the ids of the keys.
#[derive(Debug)]
pub struct Rotated {
    /// Of which algorithm.
    pub algorithm: KeyAlgorithm,
    /// The key that signs no more; `None` when there was none.
    pub retired: Option<String>,
    /// The key that signs now.
    pub current: String,
    /// The key that will sign next.
    pub next: String,
}

impl OAuth {
    /// Adds a key; `false` when there is one in its place. `current_at`: when it began to sign, if it does.
    pub(super) async fn add_key(
        &self,
        tx: &mut Tx,
        key: &FreshKey,
        current_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let stored = StoredKey {
            id: key.id.clone(),
            algorithm: key.algorithm,
            public_key: key.public_key.clone(),
            private_key: self.host.seal(SEAL, key.id.as_bytes(), &key.private_key)?,
            created_at: now,
            current_at,
            retired_at: None,
            needed_until: now,
        };
        let is_added = store::keys::insert(tx, &stored).await?;
        if is_added {
            let act = AuditEntry::done("key.made").to(&key.id).with(json!({ "algorithm": key.algorithm.as_str() }));
            self.record(tx, &act).await?;
        }
        Ok(is_added)
    }

    /// All keys, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_keys(&self) -> Result<Vec<StoredKey>> {
        store::keys::list(&mut self.host.db().read().await?).await
    }

    /// The algorithms there is something to rotate of: those in use and those with keys.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_key_algorithms(&self) -> Result<Vec<KeyAlgorithm>> {
        let mut algorithms = self.read_keys().await?.algorithms();
        algorithms.extend(self.settings.algorithms());
        algorithms.sort_unstable();
        algorithms.dedup();
        Ok(algorithms)
    }

    /// Lets the waiting key of an algorithm sign, retires the one that did, and makes another to wait. Where there is no key
    /// yet, the first ones are made.
    ///
    /// # Errors
    /// 409 `key.too_young` when the waiting key was published so lately that others may not know it; not when `at_once`.
    pub async fn rotate_key(&self, algorithm: KeyAlgorithm, at_once: bool) -> Result<Rotated> {
        if self.read_keys().await?.current(algorithm).is_none() {
            return self.begin_keys(algorithm).await;
        }
        let fresh = make(algorithm).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::keys::hold(&mut tx, algorithm).await?;
        let keys = store::keys::list(&mut tx).await?;
        let in_state = |state| keys.iter().find(|key| key.algorithm == algorithm && key.state() == state);
        let (Some(current), Some(next)) = (in_state(KeyState::Current), in_state(KeyState::Next)) else {
            return Err(Failure::internal("a key that signs or waits is missing"));
        };
        if !(at_once || next.is_known_outside(now)) {
            return Err(too_young(next));
        }
        store::keys::retire(&mut tx, &current.id, now).await?;
        store::keys::promote(&mut tx, &next.id, now).await?;
        self.add_key(&mut tx, &fresh, None, now).await?;
        let details = json!({ "algorithm": algorithm.as_str(), "retired": current.id, "at_once": at_once });
        self.record(&mut tx, &AuditEntry::done("key.rotated").to(&next.id).with(details)).await?;
        tx.emit(Event::SigningKeysChanged);
        tx.commit(now).await?;
        Ok(Rotated { algorithm, retired: Some(current.id.clone()), current: next.id.clone(), next: fresh.id })
    }

    async fn begin_keys(&self, algorithm: KeyAlgorithm) -> Result<Rotated> {
        self.keys_for(&[algorithm]).await?;
        let keys = self.list_keys().await?;
        let id = |state| {
            let found = keys.iter().find(|key| key.algorithm == algorithm && key.state() == state);
            found.map(|key| key.id.clone()).ok_or_else(|| Failure::internal("a key that was made is not there"))
        };
        Ok(Rotated { algorithm, retired: None, current: id(KeyState::Current)?, next: id(KeyState::Next)? })
    }

    fn seal_again(&self, key: &StoredKey) -> Result<String> {
        let opened = self.host.unseal(SEAL, key.id.as_bytes(), &key.private_key)?;
        self.host.seal(SEAL, key.id.as_bytes(), &opened)
    }

    /// Forgets retired keys of which nothing is in force any more, and seals what was sealed with an earlier secret of the host.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tidy_keys(&self) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let gone = store::keys::purge(&mut tx, now.minus(KEPT_LONGER)).await?;
        for id in &gone {
            self.record(&mut tx, &AuditEntry::done("key.forgotten").to(id)).await?;
        }
        for key in store::keys::list(&mut tx).await?.iter().filter(|key| self.host.is_stale(&key.private_key)) {
            match self.seal_again(key) {
                Ok(sealed) => store::keys::reseal(&mut tx, &key.id, &key.private_key, &sealed).await?,
                // It cannot sign any more, and is still published: two rotations put a new one in its place.
                Err(failure) => tracing::warn!(error = ?failure, key.id = %key.id, "a signing key does not open"),
            }
        }
        if !gone.is_empty() {
            tx.emit(Event::SigningKeysChanged);
        }
        tx.commit(now).await
    }
}

fn too_young(next: &StoredKey) -> Failure {
    let since = next.created_at.plus(PUBLISHED_BEFORE);
    Failure::conflict("key.too_young", "The next key was published so lately that others may not know it yet.")
        .hint(format!("Wait until {since}, or say --now if the key that signs must not sign any more."))
}
