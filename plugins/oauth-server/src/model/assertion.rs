//! Assertions: what others sign to say who they are, or whom they send (RFC 7521, RFC 7523).

use std::time::Duration;

use belgie_api::Timestamp;
use belgie_api::crypto::from_base64url;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::access_token::{Audience, is_signed_form};
use super::foreign_keys::{algorithm_named, signed_claims};

/// `client_assertion_type` (RFC 7523 section 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far the end of a client's assertion may lie ahead: it is written for one request.
pub const MAX_CLIENT_AHEAD: Duration = Duration::from_secs(600);

/// The same of an assertion that stands for an authorization: platforms write theirs for an hour.
pub const MAX_BEARER_AHEAD: Duration = Duration::from_secs(3600);

/// How far the clocks of others may be from ours.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// The longest `jti`, in bytes.
const MAX_ID: usize = 255;

/// The header of an assertion, before anything of it is believed. Keys it brings along (`jwk`, `jku`, `x5u`) are not looked at.
#[derive(Debug)]
pub struct AssertionHeader {
    /// What it says it is signed with; one of those that others may use.
    pub algorithm: Algorithm,
    /// Which key it says it is signed with.
    pub key: Option<String>,
    /// What it says it is, in lower case and without `application/` (RFC 7515 section 4.1.9).
    pub kind: Option<String>,
}

#[derive(Deserialize)]
struct WireHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl AssertionHeader {
    /// Reads the header; `None` for what is no signed token, or one signed in a way that is none.
    pub fn read(text: &str) -> Option<Self> {
        if !is_signed_form(text) {
            return None;
        }
        let wire: WireHeader = serde_json::from_slice(&from_base64url(text.split('.').next()?)?).ok()?;
        // Nothing that must be understood is understood here (RFC 7515 section 4.1.11).
        if wire.crit.is_some() {
            return None;
        }
        let kind = wire.typ.map(|kind| kind.to_ascii_lowercase());
        let kind = kind.map(|kind| kind.strip_prefix("application/").unwrap_or(&kind).to_owned());
        Some(Self { algorithm: algorithm_named(&wire.alg)?, key: wire.kid, kind })
    }
}

/// What an assertion says (RFC 7523 section 3).
#[derive(Clone, Debug, Deserialize)]
pub struct AssertionClaims {
    /// Who signed it.
    pub iss: String,
    /// Who it speaks of.
    pub sub: String,
    /// For whom it is written.
    pub aud: Audience,
    /// When it ends, in seconds since 1970.
    pub exp: f64,
    /// From when on it counts.
    #[serde(default)]
    pub nbf: Option<f64>,
    /// When it was written.
    #[serde(default)]
    pub iat: Option<f64>,
    /// Its own name: it is taken once.
    #[serde(default)]
    pub jti: Option<String>,
    /// Everything else it says.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl AssertionClaims {
    /// The claims, believed by nobody yet: good for finding out whose key to look for.
    pub fn peek(text: &str) -> Option<Self> {
        let claims = text.split('.').nth(1)?;
        is_signed_form(text).then(|| serde_json::from_slice(&from_base64url(claims)?).ok())?
    }

    /// The claims of an assertion that this key has signed.
    pub fn check(text: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Self> {
        signed_claims(text, key, algorithm)
    }

    /// Whether it is in force: until when it must be remembered. It must end, `max_ahead` from now at most, and must not come from
    /// the future.
    pub fn in_force(&self, now: Timestamp, max_ahead: Duration) -> Option<Timestamp> {
        let ends_at = moment(self.exp)?;
        let has_begun = |at: Option<f64>| at.is_none_or(|at| moment(at).is_some_and(|at| at <= now.plus(LEEWAY)));
        let is_timely = ends_at.plus(LEEWAY) > now && ends_at <= now.plus(max_ahead).plus(LEEWAY);
        (is_timely && has_begun(self.nbf) && has_begun(self.iat)).then(|| ends_at.plus(LEEWAY))
    }

    /// Whether it is written for us alone: with several audiences any of the others could use it here.
    pub fn is_for(&self, ours: &[&str]) -> bool {
        match &self.aud {
            Audience::One(only) => ours.contains(&only.as_str()),
            Audience::Several(several) => matches!(several.as_slice(), [only] if ours.contains(&only.as_str())),
        }
    }

    /// Something else it says, if that is a text. `sub` counts as such.
    pub fn text(&self, name: &str) -> Option<&str> {
        if name == "sub" { Some(&self.sub) } else { self.more.get(name).and_then(Value::as_str) }
    }

    /// Something else it says, a text or several; none when it says nothing of it, `None` when it is something else.
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        match self.more.get(name) {
            None => Some(Vec::new()),
            Some(Value::String(text)) => Some(vec![text]),
            Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
            Some(_) => None,
        }
    }

    /// Whether it is for whoever has shown this key: for anybody, unless it says by which key it is held (`cnf`, RFC 7800 section 3.1). A
    /// key is shown by a proof, so only its thumbprint counts (`jkt`, RFC 9449 section 6.1); what is held in another way is for nobody.
    pub fn is_held_with(&self, key: Option<&str>) -> bool {
        let Some(held) = self.more.get("cnf") else { return true };
        key.is_some_and(|key| held.get("jkt").and_then(Value::as_str) == Some(key))
    }

    /// Its own name, if it has one that can be remembered.
    pub fn id(&self) -> Option<&str> {
        self.jti.as_deref().filter(|id| (1..=MAX_ID).contains(&id.len()))
    }
}

/// A moment in seconds since 1970, perhaps with a fraction (RFC 7519 section 2, `NumericDate`).
pub fn moment(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=253_402_300_799.0).contains(&seconds) {
        return None;
    }
    Some(Timestamp::EPOCH.plus(Duration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::{AssertionClaims, AssertionHeader, MAX_CLIENT_AHEAD, moment};
    use belgie_api::crypto::base64url;
    use serde_json::{Value, json};

    fn claims(more: Value) -> AssertionClaims {
        let mut claims = json!({ "iss": "c", "sub": "c", "aud": "us", "exp": 1_000.0, "jti": "1" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(claims).unwrap()
    }

    #[test]
    fn an_assertion_lives_for_minutes_and_not_longer() {
        let at = |seconds: f64| moment(seconds).unwrap();
        let usual = claims(json!({}));
        assert_eq!(usual.in_force(at(900.0), MAX_CLIENT_AHEAD), Some(at(1_030.0)));
        assert!(usual.in_force(at(1_029.0), MAX_CLIENT_AHEAD).is_some(), "clocks differ");
        for (now, more) in [
            (1_030.0, json!({})),
            (369.0, json!({})),
            (900.0, json!({ "nbf": 931 })),
            (900.0, json!({ "iat": 931 })),
            (900.0, json!({ "exp": -1 })),
            (900.0, json!({ "exp": 1e300 })),
        ] {
            assert_eq!(claims(more.clone()).in_force(at(now), MAX_CLIENT_AHEAD), None, "{now} {more}");
        }
    }

    #[test]
    fn it_is_for_us_alone() {
        assert!(claims(json!({})).is_for(&["us"]) && claims(json!({ "aud": ["us"] })).is_for(&["us"]));
        for aud in [json!("them"), json!(["us", "them"]), json!([]), json!(["them"])] {
            assert!(!claims(json!({ "aud": aud })).is_for(&["us"]), "{aud}");
        }
        assert_eq!(claims(json!({ "jti": "" })).id(), None);
        assert_eq!(claims(json!({ "jti": "x".repeat(256) })).id(), None);
    }

    #[test]
    fn a_header_is_signed_and_asks_for_nothing() {
        let read =
            |header: Value| AssertionHeader::read(&format!("{}.e30.AA", base64url(header.to_string().as_bytes())));
        let header =
            read(json!({ "alg": "ES256", "kid": "k", "typ": "application/JWT", "jku": "https://evil.example" }));
        assert_eq!(header.unwrap().kind.as_deref(), Some("jwt"));
        for wrong in
            [json!({ "alg": "none" }), json!({ "alg": "HS256" }), json!({ "alg": "ES256", "crit": ["b64"] }), json!({})]
        {
            assert!(read(wrong.clone()).is_none(), "{wrong}");
        }
        assert!(AssertionHeader::read("e30.e30.").is_none());
    }
}
