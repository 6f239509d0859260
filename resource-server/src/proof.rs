//! Proofs that whoever sends a request holds the key its token is bound to (RFC 9449 sections 4.2, 4.3 and 7).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderName, Method};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// What a proof may be signed with, by its names on the wire.
pub(crate) const ALGORITHMS: &str = "ES256 EdDSA Ed25519 RS256 PS256";

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The longest proof, in bytes.
const MAX_BYTES: usize = 4 * 1024;

/// The longest `jti`, in bytes.
const MAX_ID: usize = 255;

/// How far from now a proof may have been made, before and after.
const WINDOW: Duration = Duration::from_secs(300);

/// A request with a token that is bound to a key, as [`ResourceServer::check_bound`](crate::ResourceServer::check_bound) needs it.
#[derive(Clone, Copy)]
pub struct BoundRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path, below [`Builder::public_address`](crate::Builder::public_address).
    pub path: &'a str,
    /// Its headers, the proof among them.
    pub headers: &'a HeaderMap,
}

/// A proof that is good for a request, if it was not used before.
pub(crate) struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub(crate) key: String,
    /// What is remembered of it.
    pub(crate) hash: [u8; 32],
    /// Until when, in seconds since 1970.
    pub(crate) until: u64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    jwk: Value,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: String,
}

impl Proof {
    /// The proof of a request to `uri` with this token, in seconds since 1970; `None` when there is no good one.
    pub(crate) fn of(request: BoundRequest<'_>, uri: &str, token: &str, now: u64) -> Option<Self> {
        let mut values = request.headers.get_all(DPOP).iter();
        let (only, None) = (values.next()?, values.next()) else { return None };
        let text = only.to_str().ok().filter(|text| text.len() <= MAX_BYTES)?;
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if !is_proof(&header) {
            return None;
        }
        let jwk: Jwk = serde_json::from_value(header.jwk).ok()?;
        let algorithm = algorithm_of(&header.alg, &jwk)?;
        // The library does not know all names of algorithms, so the header is read here.
        if !verify(signature, message.as_bytes(), &DecodingKey::from_jwk(&jwk).ok()?, algorithm).ok()? {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let until = timely(claims.iat, now)?;
        let (said, meant) = (target(&claims.htu)?, target(uri)?);
        let is_for_it = claims.htm == request.method.as_str() && said == meant && claims.ath == hash_of(token);
        if !is_for_it || !(1..=MAX_ID).contains(&claims.jti.len()) {
            return None;
        }
        let key = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        let hash = sha256(format!("{key}\0{}", claims.jti).as_bytes());
        Some(Self { key, hash, until })
    }
}

/// Of its kind, with a public key and nothing private, and nothing in it that must be understood.
fn is_proof(header: &Header) -> bool {
    let is_private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| header.jwk.get(name).is_some());
    let kind = header.typ.to_ascii_lowercase();
    kind.strip_prefix("application/").unwrap_or(&kind) == "dpop+jwt" && header.crit.is_none() && !is_private
}

/// What a proof is signed with, if keys of this kind sign so. Shared secrets and `none` are no signatures of anybody.
fn algorithm_of(name: &str, jwk: &Jwk) -> Option<Algorithm> {
    match (&jwk.algorithm, name) {
        (AlgorithmParameters::EllipticCurve(key), "ES256") if key.curve == EllipticCurve::P256 => {
            Some(Algorithm::ES256)
        }
        (AlgorithmParameters::OctetKeyPair(key), "EdDSA" | "Ed25519") if key.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        (AlgorithmParameters::RSA(_), "RS256") => Some(Algorithm::RS256),
        (AlgorithmParameters::RSA(_), "PS256") => Some(Algorithm::PS256),
        _ => None,
    }
}

/// Until when a proof is good that was made at a moment, if it is now.
fn timely(made_at: f64, now: u64) -> Option<u64> {
    if !(0.0..=253_402_300_799.0).contains(&made_at) {
        return None;
    }
    let made_at = Duration::from_secs_f64(made_at).as_secs();
    let until = made_at + WINDOW.as_secs();
    (made_at <= now.saturating_add(WINDOW.as_secs()) && until >= now).then_some(until)
}

/// An address without query and fragment, in the one way a parser writes it.
fn target(uri: &str) -> Option<Url> {
    let mut url = Url::parse(uri).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// `ath` of a token.
fn hash_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0_u8; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
