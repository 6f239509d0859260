//! Proofs that a client holds a key (RFC 9449): how they are read, and what the operator wants of them.

use std::time::Duration;

use belgie_api::crypto::{base64url, from_base64url, sha256};
use belgie_api::settings::Section;
use belgie_api::{Timestamp, crypto};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::access_token::is_signed_form;
use super::assertion::moment;
use super::foreign_keys::{PublicKeys, algorithm_named, is_private, signed_claims};

/// `token_type` of what is bound to a key.
pub const DPOP_TYPE: &str = "DPoP";

/// `typ` of a proof (RFC 9449 section 4.2).
const PROOF_TYPE: &str = "dpop+jwt";

/// The longest proof, in bytes: one of an RSA key of 4,096 bits takes half of it.
const MAX_BYTES: usize = 4 * 1024;

/// The longest `jti`, in bytes.
const MAX_ID: usize = 255;

/// How far from now a proof may have been made, before and after: clocks of clients go wrong (section 11.1, SEP-1932).
pub const WINDOW: Duration = Duration::from_secs(300);

/// For how long a nonce is the present one; it is good for as long again.
const NONCE_SECONDS: i64 = 120;

/// Whether tokens may be bound to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// They cannot.
    Off,
    /// Those of clients that show a key are.
    Accepted,
    /// All are.
    Required,
}

const BINDINGS: &[(&str, Binding)] =
    &[("off", Binding::Off), ("accepted", Binding::Accepted), ("required", Binding::Required)];

/// What the operator wants of proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DpopRules {
    /// `dpop`: whether tokens are bound to keys.
    pub binding: Binding,
    /// `dpop_nonces`: whether a proof has to have a nonce of ours, so that none can be made ahead.
    pub wants_nonces: bool,
}

impl Default for DpopRules {
    fn default() -> Self {
        Self { binding: Binding::Accepted, wants_nonces: false }
    }
}

impl DpopRules {
    /// Reads the settings; problems are noted in the section.
    pub fn read(section: &mut Section) -> Self {
        let usual = Self::default();
        let rules = Self {
            binding: section.one_of("dpop", BINDINGS, usual.binding),
            wants_nonces: section.boolean("dpop_nonces", usual.wants_nonces),
        };
        if rules.wants_nonces && rules.binding == Binding::Off {
            section.complain("dpop_nonces", "there are no proofs that could have a nonce", "leave it out, or set dpop");
        }
        rules
    }
}

/// A proof that whoever signed it has signed with its own key. For which request it is, and whether it is new, is for others to see.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The thumbprint of the key.
    pub key: String,
    claims: Claims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    jwk: Value,
    crit: Option<Value>,
}

/// Section 4.2.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: Option<String>,
    nonce: Option<String>,
}

impl Proof {
    /// Reads a proof (section 4.3, 3 to 7): signed in a way that takes a private key, with the public one in its header, and nothing
    /// private there. `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES || !is_signed_form(text) {
            return None;
        }
        let header: Header = serde_json::from_slice(&from_base64url(text.split('.').next()?)?).ok()?;
        let kind = header.typ.to_ascii_lowercase();
        let is_proof = kind.strip_prefix("application/").unwrap_or(&kind) == PROOF_TYPE;
        if !is_proof || header.crit.is_some() || is_private(&header.jwk) {
            return None;
        }
        let algorithm = algorithm_named(&header.alg)?;
        let keys = PublicKeys::read(&json!({ "keys": [header.jwk] })).ok()?;
        let claims: Claims = signed_claims(text, keys.find(None, algorithm)?, algorithm)?;
        let is_named = (1..=MAX_ID).contains(&claims.jti.len());
        is_named.then_some(Self { key: thumbprint(&header.jwk)?, claims })
    }

    /// Whether it is for this request: `uri` is absolute, and what follows the path does not count (section 4.3, 8 and 9).
    pub fn is_for(&self, method: &str, uri: &str) -> bool {
        let (said, meant) = (target(&self.claims.htu), target(uri));
        self.claims.htm == method && said.is_some() && said == meant
    }

    /// Whether it was made about now: until when it would be (section 4.3, 11).
    pub fn is_timely(&self, now: Timestamp) -> Option<Timestamp> {
        let made_at = moment(self.claims.iat)?;
        let ends_at = made_at.plus(WINDOW);
        (made_at <= now.plus(WINDOW) && ends_at >= now).then_some(ends_at)
    }

    /// Whether it goes with this access token (section 4.3, 12).
    pub fn is_of(&self, token: &str) -> bool {
        self.claims.ath.as_deref() == Some(&base64url(&sha256(token.as_bytes())))
    }

    /// The nonce it has.
    pub fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    /// What is remembered of it, so that it is taken once.
    pub fn hash(&self) -> [u8; 32] {
        sha256(format!("{}\0{}", self.key, self.claims.jti).as_bytes())
    }
}

/// An address without query and fragment, written the one way a parser writes it (RFC 3986 section 6.2.2 and 6.2.3).
fn target(uri: &str) -> Option<Url> {
    let mut url = Url::parse(uri).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The SHA-256 thumbprint of a public key (RFC 7638 section 3): its required members, in their order.
fn thumbprint(jwk: &Value) -> Option<String> {
    let member = |name: &str| {
        let text = jwk.get(name)?.as_str()?;
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        is_plain.then(|| format!("\"{name}\":\"{text}\""))
    };
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let members: Option<Vec<String>> = names.iter().map(|name| member(name)).collect();
    Some(base64url(&sha256(format!("{{{}}}", members?.join(",")).as_bytes())))
}

/// Whether a text can be the thumbprint of a key.
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && from_base64url(text).is_some_and(|bytes| bytes.len() == 32)
}

/// The nonce of this moment (section 8): nothing is stored, and nobody without the host's key can make one ahead.
pub fn nonce_at(key: &[u8; 32], now: Timestamp) -> String {
    nonce_of(key, now.unix_seconds().div_euclid(NONCE_SECONDS))
}

/// Whether a nonce is good now: the present one or the one before, and the next one, which a node whose clock is ahead has given.
pub fn is_nonce_good(key: &[u8; 32], now: Timestamp, nonce: &str) -> bool {
    let present = now.unix_seconds().div_euclid(NONCE_SECONDS);
    [present, present - 1, present + 1]
        .into_iter()
        .any(|number| crypto::constant_time_eq(nonce_of(key, number).as_bytes(), nonce.as_bytes()))
}

fn nonce_of(key: &[u8; 32], number: i64) -> String {
    base64url(&crypto::hmac_sha256(key, &[b"nonce", &number.to_be_bytes()]))
}

#[cfg(test)]
#[path = "dpop/tests.rs"]
mod tests;
