//! Keys that tokens are signed with: how they are made, what is told of them, and when they may be used.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belgie_api::{Failure, Result, Timestamp};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// How long others may keep our key set (RFC 9111 section 5.2.2.1, `max-age`).
pub const PUBLISHED_FRESH: Duration = Duration::from_secs(300);

/// How long a key is published before it signs: whoever keeps our keys has asked for them again by then.
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(600);

/// How long a key is still published after the last of its tokens has ended: clocks of others are not ours.
pub const KEPT_LONGER: Duration = Duration::from_secs(3600);

/// What a token is signed with (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2,048 bits.
    #[serde(rename = "RS256")]
    Rs256,
}

impl KeyAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The name in headers, key sets and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The same, as the library calls it.
    pub const fn of_library(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An algorithm this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("a key is of an algorithm this version does not know")]
pub struct UnknownAlgorithm;

impl TryFrom<String> for KeyAlgorithm {
    type Error = UnknownAlgorithm;

    fn try_from(text: String) -> Result<Self, UnknownAlgorithm> {
        Self::named(&text).ok_or(UnknownAlgorithm)
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and not signing yet.
    Next,
    /// Signing.
    Current,
    /// Published until everything it signed has ended.
    Retired,
}

impl KeyState {
    /// The state as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

/// A key as it is stored.
#[derive(Clone, sqlx::FromRow)]
pub struct StoredKey {
    /// Its thumbprint (RFC 7638), which is its `kid`.
    pub id: String,
    /// What it signs with.
    #[sqlx(try_from = "String")]
    pub algorithm: KeyAlgorithm,
    /// Its public part (RFC 7517), as it is published.
    #[sqlx(json)]
    pub public_key: Value,
    /// Its private part (PKCS #8), sealed.
    pub private_key: String,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub current_at: Option<Timestamp>,
    /// When it signed no more.
    pub retired_at: Option<Timestamp>,
    /// Nothing that it signed is in force after this.
    pub needed_until: Timestamp,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({} {} {})", self.id, self.algorithm, self.state().as_str())
    }
}

impl StoredKey {
    /// Where it is in its life.
    pub fn state(&self) -> KeyState {
        match (self.current_at, self.retired_at) {
            (_, Some(_)) => KeyState::Retired,
            (Some(_), None) => KeyState::Current,
            (None, None) => KeyState::Next,
        }
    }

    /// Whether others have had the time to hear of it.
    pub fn is_known_outside(&self, now: Timestamp) -> bool {
        self.created_at.plus(PUBLISHED_BEFORE) <= now
    }
}

/// A key that was just made.
pub struct FreshKey {
    /// Its thumbprint.
    pub id: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// Its public part.
    pub public_key: Value,
    /// Its private part (PKCS #8 in DER).
    pub private_key: Zeroizing<Vec<u8>>,
}

impl FreshKey {
    /// Makes a key. RSA takes a good part of a second. Its randomness is the generator behind
    /// [`SystemEntropy`](belgie_api::entropy::SystemEntropy), which the library asks by itself.
    ///
    /// # Errors
    /// When the library fails.
    pub fn make(algorithm: KeyAlgorithm) -> Result<Self> {
        let random = SystemRandom::new();
        let document = match algorithm {
            KeyAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random).map_err(Failure::internal)?,
            KeyAlgorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(Failure::internal)?
            }
            KeyAlgorithm::Rs256 => {
                let pair = KeyPair::generate(KeySize::Rsa2048).map_err(Failure::internal)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(Failure::internal)?;
                return Self::of(algorithm, Zeroizing::new(der.as_ref().to_vec()));
            }
        };
        Self::of(algorithm, Zeroizing::new(document.as_ref().to_vec()))
    }

    fn of(algorithm: KeyAlgorithm, private_key: Zeroizing<Vec<u8>>) -> Result<Self> {
        let signing = read_private(algorithm, &private_key)?;
        let mut jwk = Jwk::from_encoding_key(&signing, algorithm.of_library()).map_err(Failure::internal)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(Failure::internal)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { id, algorithm, public_key: serde_json::to_value(&jwk).map_err(Failure::internal)?, private_key })
    }
}

/// Reads a private key (PKCS #8 in DER).
///
/// # Errors
/// When it is none of this algorithm.
pub fn read_private(algorithm: KeyAlgorithm, der: &[u8]) -> Result<EncodingKey> {
    match algorithm {
        KeyAlgorithm::EdDsa => Ok(EncodingKey::from_ed_der(der)),
        KeyAlgorithm::Es256 => Ok(EncodingKey::from_ec_der(der)),
        // The library takes an RSA key out of its PKCS #8 when it comes as PEM only.
        KeyAlgorithm::Rs256 => {
            let mut pem = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
            pem.push_str(&Zeroizing::new(STANDARD.encode(der)));
            pem.push_str("\n-----END PRIVATE KEY-----\n");
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(Failure::internal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FreshKey, KeyAlgorithm};
    use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
    use serde_json::{Value, json};

    #[test]
    fn a_key_id_is_the_thumbprint_of_the_standards() {
        let thumbprint =
            |jwk: Value| serde_json::from_value::<Jwk>(jwk).unwrap().thumbprint(ThumbprintHash::SHA256).unwrap();
        // RFC 8037 appendix A.3.
        let edwards = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert_eq!(thumbprint(edwards), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 7638 section 3.1.
        let rsa = json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw" });
        assert_eq!(thumbprint(rsa), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn what_is_published_of_a_key_is_its_public_part_alone() {
        let members = [
            (KeyAlgorithm::EdDsa, vec!["alg", "crv", "kid", "kty", "use", "x"]),
            (KeyAlgorithm::Es256, vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (KeyAlgorithm::Rs256, vec!["alg", "e", "kid", "kty", "n", "use"]),
        ];
        for (algorithm, expected) in members {
            let key = FreshKey::make(algorithm).unwrap();
            let mut names: Vec<_> = key.public_key.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, expected);
            assert_eq!(key.public_key["kid"], key.id);
            assert_eq!((&key.public_key["alg"], &key.public_key["use"]), (&json!(algorithm.as_str()), &json!("sig")));
        }
    }
}
