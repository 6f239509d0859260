//! The keys that tokens are signed with. The database decides which they are; each node remembers what it has read.

mod revocation;
mod rotation;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belgie_api::crypto::{base64url, sha256};
use belgie_api::event::Bus;
use belgie_api::{Event, Failure, Result, Timestamp};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};

pub use self::revocation::RevokedKey;
pub use self::rotation::Rotated;
use super::OAuth;
use crate::model::key::{FreshKey, KeyAlgorithm, KeyState, StoredKey};
use crate::store;

/// How long keys are remembered, whatever happens to the news.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// For what private parts are sealed.
pub(super) const SEAL: &str = "oauth-server.signing-key";

/// The keys as they were read.
#[derive(Default)]
pub struct KeySet(Vec<KnownKey>);

/// A key that can check signatures, and sign when its private part is opened.
pub struct KnownKey {
    /// The key.
    pub(super) stored: StoredKey,
    /// What checks its signatures.
    pub(super) checking: DecodingKey,
    /// How long the database knows it to be needed, in microseconds.
    pub(super) needed_until: Arc<AtomicI64>,
}

impl KeySet {
    fn read(rows: Vec<StoredKey>) -> Result<Self> {
        let known = rows.into_iter().map(|stored| {
            let jwk: Jwk = serde_json::from_value(stored.public_key.clone()).map_err(Failure::internal)?;
            let checking = DecodingKey::from_jwk(&jwk).map_err(Failure::internal)?;
            let needed_until = Arc::new(AtomicI64::new(stored.needed_until.unix_micros()));
            Ok(KnownKey { stored, checking, needed_until })
        });
        Ok(Self(known.collect::<Result<_>>()?))
    }

    /// The key that signs with this algorithm now.
    pub(super) fn current(&self, algorithm: KeyAlgorithm) -> Option<&KnownKey> {
        let signs = |key: &&KnownKey| key.stored.algorithm == algorithm && key.stored.state() == KeyState::Current;
        self.0.iter().find(signs)
    }

    /// The key of an id, wherever in its life it is.
    pub(super) fn find(&self, id: &str) -> Option<&KnownKey> {
        self.0.iter().find(|key| key.stored.id == id)
    }

    /// The algorithms there are keys for.
    fn algorithms(&self) -> Vec<KeyAlgorithm> {
        KeyAlgorithm::ALL.into_iter().filter(|algorithm| self.current(*algorithm).is_some()).collect()
    }
}

/// The cache `signing_keys`: one entry, for 300 s at most, emptied by [`Event::SigningKeysChanged`] here at once and on other
/// nodes with the news. While news do not come in, nothing is remembered.
#[derive(Default)]
pub struct KeyCache {
    known: Arc<Mutex<Option<(Timestamp, Arc<KeySet>)>>>,
    /// Whoever makes a missing key holds it, so that one process makes each key once.
    making: tokio::sync::Mutex<()>,
}

impl KeyCache {
    /// An empty cache that hears the news.
    pub fn new(bus: &Bus) -> Self {
        let cache = Self::default();
        let known = Arc::clone(&cache.known);
        bus.subscribe(Arc::new(move |event: &Event| {
            if is_touched(event) {
                *lock(&known) = None;
            }
        }));
        cache
    }

    fn find(&self, bus: &Bus, now: Timestamp) -> Option<Arc<KeySet>> {
        let known = lock(&self.known).clone().filter(|(until, _)| *until > now);
        known.filter(|_| bus.is_live()).map(|(_, set)| set)
    }

    /// Remembers what was loaded, unless news came in between. The second look catches news that came while it was written down.
    fn keep(&self, bus: &Bus, set: &Arc<KeySet>, generation: u64, now: Timestamp) {
        if !bus.is_live() || bus.has_touched_since(generation, is_touched) {
            return;
        }
        *lock(&self.known) = Some((now.plus(REMEMBERED_FOR), Arc::clone(set)));
        if bus.has_touched_since(generation, is_touched) {
            *lock(&self.known) = None;
        }
    }
}

fn is_touched(event: &Event) -> bool {
    matches!(event, Event::SigningKeysChanged | Event::NewsMissed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key set as it is published (RFC 7517 section 5).
pub struct PublishedKeys {
    /// The document.
    pub body: String,
    /// Its strong entity tag (RFC 9110 section 8.8.3).
    pub etag: String,
}

impl OAuth {
    /// The keys, remembered or read.
    pub(super) async fn keys(&self) -> Result<Arc<KeySet>> {
        match self.keys.find(self.host.db().bus(), self.host.now()) {
            Some(known) => Ok(known),
            None => self.read_keys().await,
        }
    }

    /// The keys as they are in the database.
    pub(super) async fn read_keys(&self) -> Result<Arc<KeySet>> {
        let bus = self.host.db().bus();
        let generation = bus.generation();
        let rows = store::keys::list(&mut self.host.db().read().await?).await?;
        let set = Arc::new(KeySet::read(rows)?);
        self.keys.keep(bus, &set, generation, self.host.now());
        Ok(set)
    }

    /// The keys, among them one that signs for each of these algorithms: what is missing is made. Not to be called while a
    /// transaction is open, since it opens one.
    ///
    /// # Errors
    /// When the database does not answer or a key cannot be made.
    pub(super) async fn keys_for(&self, algorithms: &[KeyAlgorithm]) -> Result<Arc<KeySet>> {
        if algorithms.is_empty() {
            return Ok(Arc::default());
        }
        let has_all = |set: &KeySet| algorithms.iter().all(|algorithm| set.current(*algorithm).is_some());
        let known = self.keys().await?;
        if has_all(&known) {
            return Ok(known);
        }
        let _one_at_a_time = self.keys.making.lock().await;
        let known = self.read_keys().await?;
        for algorithm in algorithms.iter().filter(|algorithm| known.current(**algorithm).is_none()) {
            self.make_first(*algorithm).await?;
        }
        let known = self.read_keys().await?;
        if has_all(&known) { Ok(known) } else { Err(Failure::internal("a signing key was made and is not there")) }
    }

    /// Makes the first two keys of an algorithm, one to sign and one to wait. Another node may do the same: of each the
    /// first is kept.
    async fn make_first(&self, algorithm: KeyAlgorithm) -> Result<()> {
        let (current, next) = (make(algorithm).await?, make(algorithm).await?);
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let signs = self.add_key(&mut tx, &current, Some(now), now).await?;
        let waits = self.add_key(&mut tx, &next, None, now).await?;
        if signs || waits {
            tx.emit(Event::SigningKeysChanged);
        }
        tx.commit(now).await
    }

    /// All public keys, after making those that are missing.
    ///
    /// # Errors
    /// When the database does not answer or a key cannot be made.
    pub async fn published_keys(&self) -> Result<PublishedKeys> {
        let mut known = self.keys_for(&self.settings.algorithms()).await?;
        if known.0.is_empty() {
            // Nothing is signed any more, but what was is still in force.
            known = self.keys().await?;
        }
        let keys: Vec<&Value> = known.0.iter().map(|key| &key.stored.public_key).collect();
        let body = json!({ "keys": keys }).to_string();
        let etag = format!("\"{}\"", base64url(&sha256(body.as_bytes())));
        Ok(PublishedKeys { body, etag })
    }

    /// Whether a key still signs and the database knows that it is needed that long; noted in the transaction otherwise.
    pub(super) async fn need_key(&self, tx: &mut belgie_api::db::Tx, key: &KnownKey, until: Timestamp) -> Result<()> {
        if until.unix_micros() <= key.needed_until.load(Ordering::Relaxed) {
            return Ok(());
        }
        // A little more than is needed, so that one in very many tokens writes here.
        let until = until.plus(Duration::from_secs(3600));
        if !store::keys::need(tx, &key.stored.id, until).await? {
            return Err(Failure::unavailable("the key to sign with has just gone"));
        }
        let (known, micros) = (Arc::clone(&key.needed_until), until.unix_micros());
        tx.afterwards(move || {
            known.fetch_max(micros, Ordering::Relaxed);
        });
        Ok(())
    }
}

/// Makes a key on a thread that may be busy for a while.
async fn make(algorithm: KeyAlgorithm) -> Result<FreshKey> {
    tokio::task::spawn_blocking(move || FreshKey::make(algorithm)).await.map_err(Failure::internal)?
}
