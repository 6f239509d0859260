//! The keys a provider signs with (RFC 7517).

use std::sync::Arc;
use std::time::Duration;

use belgie_api::{Host, Result};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use url::Url;

use super::Provider;
use super::cached::Fresh;
use crate::model::refusal;

/// An unknown key makes us ask for the keys again at most this often, so that nobody can make us a nuisance.
const PAUSE: Duration = Duration::from_secs(60);

/// More keys than this nobody needs.
const MAX_KEYS: usize = 64;

/// The keys of a provider that can check signatures.
pub struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// What a key of this kind may be used with, and nothing else: the header of a token chooses among these only.
fn algorithms_of(jwk: &Jwk) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[ES256],
            EllipticCurve::P384 => &[ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => &[],
    };
    let announced = jwk.common.key_algorithm.as_ref().map(ToString::to_string);
    let fits = |algorithm: &Algorithm| announced.as_deref().is_none_or(|name| name == format!("{algorithm:?}"));
    of_kind.iter().copied().filter(fits).collect()
}

impl KeySet {
    /// Reads a key set. Keys of kinds we do not know are left out, as are those for other uses.
    fn read(body: &[u8]) -> Result<Self> {
        let document: Value = serde_json::from_slice(body).map_err(refusal::bad_answer)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or_else(|| refusal::bad_answer("no keys"))?;
        let keys = keys.iter().take(MAX_KEYS).filter_map(|key| {
            let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
            let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
            let algorithms = algorithms_of(&jwk);
            if !is_for_signatures || algorithms.is_empty() {
                return None;
            }
            Some(Key { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(&jwk).ok()? })
        });
        Ok(Self(keys.collect()))
    }

    /// The key a token was signed with; without an id only if there is no choice.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).map(|key| &key.key),
            None => {
                let only = fitting.next()?;
                fitting.next().is_none().then_some(&only.key)
            }
        }
    }
}

impl Provider {
    /// The key a token was signed with.
    ///
    /// # Errors
    /// `oauth_code_verification_failed` when the provider has no such key, `provider_unreachable` when its keys cannot be
    /// had.
    pub(super) async fn key(
        &self,
        host: &Host,
        url: &Url,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey> {
        let keys = self.keys.get(host.now(), || self.fetch_keys(host, url)).await?;
        if let Some(key) = keys.find(id, algorithm) {
            return Ok(key.clone());
        }
        let newer: Option<Arc<KeySet>> = self.keys.get_newer(host.now(), PAUSE, || self.fetch_keys(host, url)).await?;
        let key = newer.and_then(|keys| keys.find(id, algorithm).cloned());
        key.ok_or_else(|| refusal::unverified("the id_token is signed with a key the provider does not publish"))
    }

    /// How many keys the provider publishes that can check signatures.
    ///
    /// # Errors
    /// `provider_unreachable`, or `oauth_callback_failed` when they cannot be read.
    pub(super) async fn count_keys(&self, host: &Host, url: &Url) -> Result<usize> {
        Ok(self.keys.get(host.now(), || self.fetch_keys(host, url)).await?.0.len())
    }

    async fn fetch_keys(&self, host: &Host, url: &Url) -> Result<Fresh<KeySet>> {
        let (body, lifetime) = self.fetch_document(host, url).await?;
        Ok(Fresh { document: KeySet::read(&body)?, lifetime })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::json;

    use super::KeySet;

    const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn set(keys: serde_json::Value) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_used_with_algorithms_of_its_kind_only() {
        let keys = set(json!([{ "kty": "RSA", "kid": "a", "n": MODULUS, "e": "AQAB" }]));
        assert!(keys.find(Some("a"), Algorithm::RS256).is_some());
        assert!(keys.find(Some("a"), Algorithm::HS256).is_none(), "a public key is no shared secret");
        assert!(keys.find(Some("a"), Algorithm::ES256).is_none());
        let keys = set(json!([{ "kty": "RSA", "kid": "a", "alg": "RS512", "n": MODULUS, "e": "AQAB" }]));
        assert!(keys.find(Some("a"), Algorithm::RS256).is_none());
    }

    #[test]
    fn keys_for_other_uses_and_shared_secrets_are_no_keys() {
        let keys = set(json!([
            { "kty": "oct", "kid": "a", "k": "c2VjcmV0", "alg": "HS256" },
            { "kty": "RSA", "kid": "b", "use": "enc", "n": MODULUS, "e": "AQAB" },
            { "kty": "unheard-of", "kid": "c" },
        ]));
        assert!(keys.0.is_empty());
    }

    #[test]
    fn a_token_without_a_key_id_is_checked_only_when_there_is_no_choice() {
        let one = json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" });
        assert!(set(json!([one])).find(None, Algorithm::RS256).is_some());
        assert!(set(json!([one, one])).find(None, Algorithm::RS256).is_none());
    }
}
