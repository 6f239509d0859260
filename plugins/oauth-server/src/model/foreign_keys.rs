//! Keys of others, with which they sign what they say to us (RFC 7517).

use belgie_api::crypto::from_base64url;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::address::is_own_machine;

/// The longest key set, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;

/// More keys than this nobody needs.
const MAX_KEYS: usize = 32;

/// The shortest modulus of an RSA key, in characters of base64url: 2,048 bits (RFC 7518 section 3.3).
const MIN_MODULUS: usize = 342;

/// What others may sign with, by its names on the wire. `none` and shared secrets are no signatures of anybody.
pub const ALGORITHMS: [&str; 5] = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];

/// The same in one text, separated by spaces.
pub const ALGORITHM_NAMES: &str = "ES256 EdDSA Ed25519 RS256 PS256";

#[derive(Deserialize)]
struct Signed {
    alg: String,
}

/// The claims of a text that this key has signed, in the way its header says. Time and audience are for the caller to check, with our
/// clock. The header is read here and not by the library, which does not know all names.
pub fn signed_claims<T: DeserializeOwned>(text: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<T> {
    let (message, signature) = text.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header: Signed = serde_json::from_slice(&from_base64url(header)?).ok()?;
    let is_signed = algorithm_named(&header.alg) == Some(algorithm)
        && verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false);
    is_signed.then(|| serde_json::from_slice(&from_base64url(claims)?).ok()).flatten()
}

/// The algorithm of a name, if others may use it. `Ed25519` is `EdDSA` with the one curve that is taken here (RFC 9864 section 2.2).
pub fn algorithm_named(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        "RS256" => Some(Algorithm::RS256),
        "PS256" => Some(Algorithm::PS256),
        _ => None,
    }
}

/// Why something cannot stand for somebody's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeysFault(pub &'static str);

/// Where the keys of a client are, as it registered them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKeys {
    /// `jwks`: the keys themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// `jwks_uri`: where it publishes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// `token_endpoint_auth_signing_alg`: the one it signs with, if it says so.
    #[serde(default, rename = "token_endpoint_auth_signing_alg", skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

impl ClientKeys {
    /// Reads the members of client metadata (RFC 7591 section 2): exactly one of `jwks` and `jwks_uri`. `allow_loopback`
    /// lets them be on the own machine, for development.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(metadata: &Map<String, Value>, allow_loopback: bool) -> Result<Self, KeysFault> {
        let algorithm = metadata.get("token_endpoint_auth_signing_alg").map(|name| {
            let name = name.as_str().filter(|name| ALGORITHMS.contains(name));
            name.map(str::to_owned).ok_or(KeysFault("It signs with none of ES256, EdDSA, Ed25519, RS256 and PS256."))
        });
        let algorithm = algorithm.transpose()?;
        match (metadata.get("jwks"), metadata.get("jwks_uri")) {
            (Some(jwks), None) => {
                PublicKeys::read(jwks)?;
                Ok(Self { jwks: Some(jwks.clone()), jwks_uri: None, algorithm })
            }
            (None, Some(uri)) => {
                let uri = uri.as_str().and_then(|text| read_keys_address(text, allow_loopback));
                let uri = uri.ok_or(KeysFault("Its jwks_uri is no https address of a public host."))?;
                Ok(Self { jwks: None, jwks_uri: Some(uri.into()), algorithm })
            }
            (Some(_), Some(_)) => Err(KeysFault("It names both jwks and jwks_uri.")),
            (None, None) => Err(KeysFault("For private_key_jwt it must name jwks or jwks_uri.")),
        }
    }
}

/// The address of a key set: https at a public host, or on the own machine where that is allowed.
pub fn read_keys_address(text: &str, allow_loopback: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= 2048)?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_own = is_own_machine(&url);
    let is_public = url.scheme() == "https" && !is_own && matches!(url.host(), Some(url::Host::Domain(_)));
    let is_allowed_own = is_own && allow_loopback && matches!(url.scheme(), "https" | "http");
    (is_plain && (is_public || is_allowed_own)).then_some(url)
}

/// Keys that can check signatures.
#[derive(Clone)]
pub struct PublicKeys(Vec<PublicKey>);

#[derive(Clone)]
struct PublicKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl PublicKeys {
    /// Reads a key set. Keys of kinds nobody may sign with here are left out, as are those for other uses.
    ///
    /// # Errors
    /// When it is no key set, holds anything private, or no key is left.
    pub fn read(document: &Value) -> Result<Self, KeysFault> {
        let keys = document.get("keys").and_then(Value::as_array).ok_or(KeysFault("Its key set has no keys."))?;
        if keys.iter().any(is_private) {
            return Err(KeysFault("Its key set holds a private key."));
        }
        let read = keys.iter().take(MAX_KEYS).filter_map(|key| {
            let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
            let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
            let algorithms = algorithms_of(&jwk, key.get("alg").and_then(Value::as_str));
            if !is_for_signatures || algorithms.is_empty() {
                return None;
            }
            Some(PublicKey { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(&jwk).ok()? })
        });
        let read: Vec<_> = read.collect();
        if read.is_empty() {
            return Err(KeysFault("Its key set holds no key for ES256, EdDSA, Ed25519, RS256 or PS256."));
        }
        Ok(Self(read))
    }

    /// The key that something was signed with; without an id only if there is no choice.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
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

/// Whether a key holds what its owner alone should have, or is a shared secret (RFC 7518 sections 6.2.2, 6.3.2, 6.4).
pub fn is_private(key: &Value) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.get(name).is_some())
}

/// What a key of this kind may be used with, and nothing else: the header of a token chooses among these only. `announced`: what the key
/// says it is for, if it does.
fn algorithms_of(jwk: &Jwk, announced: Option<&str>) -> Vec<Algorithm> {
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(key) if key.n.len() >= MIN_MODULUS => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    let fits = |algorithm: &Algorithm| announced.is_none_or(|name| algorithm_named(name) == Some(*algorithm));
    of_kind.iter().copied().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::{ALGORITHM_NAMES, ALGORITHMS, ClientKeys, PublicKeys, read_keys_address};
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(keys: &Value) -> Result<PublicKeys, &'static str> {
        PublicKeys::read(&json!({ "keys": keys })).map_err(|fault| fault.0)
    }

    #[test]
    fn a_key_is_used_with_algorithms_of_its_kind_only() {
        let keys = read(&json!([
            { "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": X },
            { "kty": "RSA", "kid": "b", "alg": "PS256", "n": "A".repeat(342), "e": "AQAB" },
            { "kty": "OKP", "crv": "Ed25519", "kid": "d", "alg": "Ed25519", "x": X },
        ]))
        .unwrap();
        assert!(keys.find(Some("a"), Algorithm::EdDSA).is_some() && keys.find(Some("d"), Algorithm::EdDSA).is_some());
        for (id, algorithm) in
            [("a", Algorithm::HS256), ("a", Algorithm::ES256), ("b", Algorithm::RS256), ("c", Algorithm::EdDSA)]
        {
            assert!(keys.find(Some(id), algorithm).is_none(), "{id} {algorithm:?}");
        }
        assert!(keys.find(Some("b"), Algorithm::PS256).is_some() && keys.find(None, Algorithm::PS256).is_some());
    }

    #[test]
    fn the_names_of_the_algorithms_are_the_same_in_a_list_and_in_a_text() {
        assert_eq!(ALGORITHM_NAMES, ALGORITHMS.join(" "));
    }

    #[test]
    fn what_cannot_check_signatures_is_no_key() {
        for keys in [
            json!([]),
            json!([{ "kty": "oct", "kid": "a", "k": "c2VjcmV0" }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": X, "d": X }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": X, "use": "enc" }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": X, "alg": "HS256" }]),
            json!([{ "kty": "OKP", "crv": "Ed25519", "x": X, "alg": "Ed448" }]),
            json!([{ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB" }]),
            json!([{ "kty": "unheard-of" }]),
        ] {
            assert!(read(&keys).is_err(), "{keys}");
        }
        // Without an id there must be no choice.
        let two = read(&json!([{ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": X },
            { "kty": "OKP", "crv": "Ed25519", "kid": "b", "x": X }]))
        .unwrap();
        assert!(two.find(None, Algorithm::EdDSA).is_none());
    }

    #[test]
    fn keys_are_inline_or_elsewhere_and_never_both() {
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": X }] });
        let read = |metadata: Value| ClientKeys::read(metadata.as_object().unwrap(), false).is_ok();
        assert!(read(json!({ "jwks": keys })) && read(json!({ "jwks_uri": "https://agent.example/jwks" })));
        assert!(read(json!({ "jwks": keys, "token_endpoint_auth_signing_alg": "EdDSA" })));
        assert!(read(json!({ "jwks": keys, "token_endpoint_auth_signing_alg": "Ed25519" })));
        for wrong in [
            json!({}),
            json!({ "jwks": keys, "jwks_uri": "https://agent.example/jwks" }),
            json!({ "jwks": { "keys": [] } }),
            json!({ "jwks": keys, "token_endpoint_auth_signing_alg": "none" }),
            json!({ "jwks": keys, "token_endpoint_auth_signing_alg": "HS256" }),
            json!({ "jwks_uri": 7 }),
        ] {
            assert!(!read(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn keys_are_fetched_from_public_hosts_alone() {
        for text in ["https://a.example/jwks", "https://a.example:8443/"] {
            assert!(read_keys_address(text, false).is_some(), "{text}");
        }
        for text in [
            "http://a.example/jwks",
            "https://10.0.0.1/jwks",
            "https://[::1]/jwks",
            "https://localhost/jwks",
            "https://me@a.example/jwks",
            "https://a.example/jwks#x",
            "file:///etc/passwd",
            "jwks",
        ] {
            assert!(read_keys_address(text, false).is_none(), "{text}");
        }
        assert!(read_keys_address("http://127.0.0.1:3000/jwks", true).is_some());
        assert!(read_keys_address("http://a.example/jwks", true).is_none());
    }
}
