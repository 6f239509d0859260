//! Keys a provider signs with.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use belgie_api::crypto::base64url;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::{Value, json};

/// A key, with the half it publishes.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    key: Arc<EncodingKey>,
    jwk: Value,
    public: Vec<u8>,
    pem: String,
}

impl SigningKey {
    /// A fresh key for ES256, EdDSA, RS256 or PS256.
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::ES256 => Self::elliptic(id),
            Algorithm::EdDSA => Self::edwards(id),
            Algorithm::RS256 | Algorithm::PS256 => Self { algorithm, ..Self::rsa(id) },
            other => panic!("nobody in the suite signs with {other:?}"),
        }
    }

    fn edwards(id: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let der = pair.to_pkcs8v1().expect("a document");
        let public = pair.public_key().as_ref().to_vec();
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "x": base64url(&public) });
        let key = Arc::new(EncodingKey::from_ed_der(der.as_ref()));
        Self { id: id.to_owned(), algorithm: Algorithm::EdDSA, key, jwk, public, pem: pem(der.as_ref()) }
    }

    fn elliptic(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let der = pair.to_pkcs8v1().expect("a document");
        let point = pair.public_key().as_ref().to_vec();
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "use": "sig",
            "x": base64url(&point[1..33]), "y": base64url(&point[33..65]),
        });
        let key = Arc::new(EncodingKey::from_ec_der(der.as_ref()));
        let pem = pem(der.as_ref());
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, key, jwk, public: point, pem }
    }

    fn rsa(id: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let public = pair.public_key();
        let (n, e) =
            (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero());
        let jwk = json!({ "kty": "RSA", "kid": id, "use": "sig", "n": base64url(n), "e": base64url(e) });
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("a document");
        let key = Arc::new(EncodingKey::from_rsa_der(&pkcs1_of(pkcs8.as_ref())));
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::RS256,
            key,
            jwk,
            public: public.as_ref().to_vec(),
            pem: pem(pkcs8.as_ref()),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The half it publishes.
    pub fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// The bytes of the half it publishes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The whole key, as a file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a token whose header is written by hand, however wrong it is.
    pub fn sign_parts(&self, header: &Value, claims: &Value) -> String {
        let message = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).expect("a signature");
        format!("{message}.{signature}")
    }

    /// Signs a token.
    pub fn sign(&self, header: &Header, claims: &impl Serialize) -> String {
        encode(header, claims, &self.key).expect("a token")
    }
}

/// Strips the wrapper of PKCS#8 from an RSA key: what is left is the last OCTET STRING in it.
fn pkcs1_of(pkcs8: &[u8]) -> Vec<u8> {
    // SEQUENCE, version, algorithm (15 bytes), then the octet string: its tag, two bytes of length, the key.
    let start = pkcs8.windows(2).position(|pair| pair == [0x04, 0x82]).expect("an octet string");
    pkcs8[start + 4..].to_vec()
}

fn pem(pkcs8: &[u8]) -> String {
    use ::base64::Engine;
    let text = ::base64::engine::general_purpose::STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// Standard base64.
pub fn base64(text: &str) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}
