//! OpenID Connect: what a client asks for besides access, and what it is told of a person.

use aws_lc_rs::digest;
use belgie_api::crypto::base64url;
use belgie_api::plugin::ScopeInfo;
use belgie_api::ports::UserProfile;
use belgie_api::{ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::key::KeyAlgorithm;

/// Asks for an `id_token` (OpenID Connect Core 1.0 section 3.1.2.1).
pub const OPENID: &str = "openid";
const PROFILE: &str = "profile";
const EMAIL: &str = "email";

/// The claims a person can be told by (OpenID Connect Discovery 1.0 section 3, `claims_supported`).
pub const CLAIMS: [&str; 15] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "amr",
    "at_hash",
    "sid",
    "name",
    "picture",
    "updated_at",
    "email",
    "email_verified",
];

/// The scopes of OpenID Connect (section 5.4), as the consent page says them.
pub fn scopes() -> Vec<ScopeInfo> {
    let scope = |name: &'static str, description: &'static str| ScopeInfo::on_request(name, description);
    vec![
        scope(OPENID, "Know that it is you who signs in"),
        scope(PROFILE, "See your name and your picture"),
        scope(EMAIL, "See your email address"),
    ]
}

/// Whether clients are told here who people are.
pub fn is_offered(offered: &[ScopeInfo]) -> bool {
    offered.iter().any(|info| info.name == OPENID)
}

/// Whether a scope of this name is about who the person is.
pub fn is_one(scope: &str) -> bool {
    [OPENID, PROFILE, EMAIL].contains(&scope)
}

/// Whether a scope tells no more of a person than a sign-in does.
pub fn is_harmless(scope: &str) -> bool {
    scope == OPENID || scope == PROFILE
}

/// What an authorization request with the scope `openid` says besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIdRequest {
    /// `nonce`, to be repeated in the token.
    pub nonce: Option<String>,
    /// What the token is signed with (`id_token_signed_response_alg`).
    pub algorithm: KeyAlgorithm,
}

/// What an id token says (section 2), the claims about the person apart.
#[derive(Debug, Serialize)]
pub struct IdClaims<'a> {
    /// Who signed it.
    pub iss: &'a str,
    /// Whom it is about.
    pub sub: String,
    /// The client it is for.
    pub aud: &'a str,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// When the person proved to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amr: Option<[&'static str; 1]>,
    /// What the client sent to know its own request by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The access token it came with.
    pub at_hash: String,
    /// The browser session (Front-Channel Logout 1.0 section 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// What the scopes tell of the person.
    #[serde(flatten)]
    pub person: Map<String, Value>,
}

/// What scopes tell of a person (section 5.4). A claim without a value is left out (section 5.3.2).
pub fn claims_of(profile: &UserProfile, scopes: &ScopeSet) -> Map<String, Value> {
    let mut claims = Map::new();
    let user = &profile.user;
    if scopes.has_named(PROFILE) {
        let name = Some(&user.name).filter(|name| !name.is_empty());
        claims.extend(name.map(|name| ("name".to_owned(), name.as_str().into())));
        // A picture that is an address; one that is kept in the account itself is too long for a token.
        let picture = profile.image.as_ref().filter(|image| image.starts_with("https://"));
        claims.extend(picture.map(|picture| ("picture".to_owned(), picture.as_str().into())));
        claims.insert("updated_at".to_owned(), profile.updated_at.unix_seconds().into());
    }
    if scopes.has_named(EMAIL) {
        claims.insert("email".to_owned(), user.email.as_str().into());
        claims.insert("email_verified".to_owned(), user.email_verified.into());
    }
    claims
}

/// The authentication method reference (RFC 8176 section 2) of the way somebody proved to be there, where there is one: what
/// a provider did to know them, it alone knows.
pub fn method_reference(method: &str) -> Option<[&'static str; 1]> {
    match method {
        "password" => Some(["pwd"]),
        "link" | "code" => Some(["otp"]),
        _ => None,
    }
}

/// The left half of the hash of an access token (section 3.1.3.6), with the hash of the signature's algorithm: for Ed25519
/// that is SHA-512 (RFC 8032 section 5.1).
pub fn half_hash(algorithm: KeyAlgorithm, access_token: &str) -> String {
    let hash = match algorithm {
        KeyAlgorithm::EdDsa => &digest::SHA512,
        KeyAlgorithm::Es256 | KeyAlgorithm::Rs256 => &digest::SHA256,
    };
    let digest = digest::digest(hash, access_token.as_bytes());
    let bytes = digest.as_ref();
    base64url(bytes.get(..bytes.len() / 2).unwrap_or_default())
}

/// Whether somebody was there recently enough. `max_age`: in seconds, as the client wishes it.
pub fn is_recent(signed_in_at: Timestamp, max_age: u64, now: Timestamp) -> bool {
    signed_in_at.plus(std::time::Duration::from_secs(max_age)) >= now
}

#[cfg(test)]
mod tests {
    use super::{half_hash, is_recent, method_reference};
    use crate::model::key::KeyAlgorithm;
    use belgie_api::Timestamp;

    #[test]
    fn the_hash_of_an_access_token_is_that_of_the_standard() {
        // OpenID Connect Core 1.0 appendix A.4.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(KeyAlgorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(KeyAlgorithm::Es256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(KeyAlgorithm::EdDsa, token).len(), 43);
    }

    #[test]
    fn a_way_in_has_a_name_in_the_standard_or_none() {
        assert_eq!(method_reference("password"), Some(["pwd"]));
        assert_eq!((method_reference("link"), method_reference("google")), (Some(["otp"]), None));
    }

    #[test]
    fn somebody_is_there_for_as_long_as_the_client_says() {
        let at = Timestamp::from_unix_seconds;
        assert!(is_recent(at(100), 10, at(110)));
        assert!(!is_recent(at(100), 10, at(111)));
        assert!(!is_recent(at(100), 0, at(101)));
        assert!(is_recent(at(100), u64::MAX, at(1_000_000)));
    }
}
