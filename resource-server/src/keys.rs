//! The keys an issuer publishes (RFC 7517), kept for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::issuer::{Issuer, answer};

/// How long keys are kept. A gateway publishes a key for longer than this before it signs.
const KEPT: Duration = Duration::from_secs(300);

/// How soon they are asked for again because a token names one that is not among them. Whoever makes up names costs the
/// issuer this much and no more.
const AGAIN: Duration = Duration::from_secs(5);

/// A set with members nobody here knows is read all the same (RFC 7517 section 5).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) algorithm: jsonwebtoken::Algorithm,
    pub(crate) checking: DecodingKey,
}

impl Key {
    /// A key that checks signatures; `None` for any other.
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|for_| *for_ == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
        let is_public = !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
        // A key without `alg` could be used for several: the one that is published here says which.
        let algorithm = common.key_algorithm?.to_string().parse().ok()?;
        let id = common.key_id.clone()?;
        let checking = DecodingKey::from_jwk(&jwk).ok()?;
        (is_for_signatures && is_public).then_some(Self { id, algorithm, checking })
    }
}

#[derive(Default)]
struct Kept {
    keys: Vec<Arc<Key>>,
    read: Option<Instant>,
}

/// The keys, read when they are needed. Those who need them at the same moment wait for one answer.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Kept>);

impl Keys {
    /// The key of this name, if the issuer publishes one.
    pub(crate) async fn find(&self, issuer: &Issuer, id: &str) -> Result<Option<Arc<Key>>, String> {
        let mut kept = self.0.lock().await;
        let find = |kept: &Kept| kept.keys.iter().find(|key| key.id == id).cloned();
        let age = kept.read.map(|read| read.elapsed());
        let found = find(&kept);
        let is_fresh = age.is_some_and(|age| age < if found.is_some() { KEPT } else { AGAIN });
        if is_fresh {
            return Ok(found);
        }
        let place = issuer.metadata().await?.jwks_uri.clone().ok_or("the issuer publishes no keys")?;
        let set: KeySet = answer(issuer.http().get(place)).await?;
        *kept =
            Kept { keys: set.keys.into_iter().filter_map(Key::of).map(Arc::new).collect(), read: Some(Instant::now()) };
        Ok(find(&kept))
    }
}
