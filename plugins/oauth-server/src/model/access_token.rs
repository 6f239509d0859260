//! Access tokens as clients are handed them: opaque, or signed (RFC 9068). Either way it is a row that decides.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use belgie_api::{GrantBinding, Holder, OrgId, PlainToken, TeamId, Timestamp, TokenHash, TokenId, VerifiedToken};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The `typ` of a signed access token (RFC 9068 section 2.1).
pub const SIGNED_TYPE: &str = "at+jwt";

/// The longest signed token that is looked at, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// How far the clock of the node that signed may be ahead. The end of a token has no leeway: its row has one clock.
const LEEWAY: Duration = Duration::from_secs(10);

/// What access tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessFormat {
    /// A random text that says nothing (`blg_at_...`).
    Opaque,
    /// A signed one that others can read and check (RFC 9068).
    Jwt,
}

/// A token in the clear. It never shows itself in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(Zeroizing<String>);

impl TokenText {
    /// One that was made here.
    pub fn of(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, to be handed to its owner once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl From<PlainToken> for TokenText {
    fn from(token: PlainToken) -> Self {
        Self(Zeroizing::new(token.expose().to_owned()))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(..)")
    }
}

/// Whether a text may be a signed token: three parts of base64url (RFC 7515 section 3.1), not too long.
pub fn is_signed_form(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    text.len() <= MAX_BYTES && text.split('.').count() == 3 && text.split('.').all(is_part)
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Audience {
    /// The audience of these resources.
    pub fn of(resources: &[String]) -> Self {
        match resources {
            [only] => Self::One(only.clone()),
            several => Self::Several(several.to_vec()),
        }
    }

    /// Whether it is exactly these resources.
    fn is(&self, resources: &[String]) -> bool {
        *self == Self::of(resources)
    }
}

/// What a signed access token says (RFC 9068 section 2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who signed it.
    pub iss: String,
    /// Whose it is.
    pub sub: String,
    /// Where it may be used.
    pub aud: Audience,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Its row.
    pub jti: TokenId,
    /// Who was given it.
    pub client_id: String,
    /// What it may be used for.
    pub scope: String,
    /// When the person proved to be there, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Who acts in it, and for whom that one acts (RFC 8693 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Value>,
    /// What it is bound to (RFC 9449 section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The organization it lets act for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrgId>,
    /// Teams of that organization; all of the person's when none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<BTreeSet<TeamId>>,
}

/// What a token is bound to (RFC 7800 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The SHA-256 thumbprint of a key (RFC 9449 section 6.1).
    pub jkt: String,
}

impl Confirmation {
    /// The key of this thumbprint.
    pub fn of(key: &str) -> Self {
        Self { jkt: key.to_owned() }
    }
}

/// The same with what the application adds, to be signed.
#[derive(Debug, Serialize)]
pub struct ExtendedClaims {
    /// What this server says.
    #[serde(flatten)]
    pub own: AccessClaims,
    /// What the application says; none of the names of this server.
    #[serde(flatten)]
    pub custom: Map<String, Value>,
}

impl AccessClaims {
    /// The same claims, with those for whom the token lets act.
    pub fn bound(mut self, binding: &GrantBinding) -> Self {
        self.organization = binding.organization;
        self.teams = binding.organization.map(|_| binding.teams.clone());
        self
    }

    /// Whether the claims of a genuine signature are in force here (RFC 9068 section 4).
    pub fn is_in_force(&self, issuer: &str, now: Timestamp) -> bool {
        self.iss == issuer
            && Timestamp::from_unix_seconds(self.exp) > now
            && Timestamp::from_unix_seconds(self.iat) <= now.plus(LEEWAY)
    }

    /// Whether they are those of this row. `subject`: what its client knows the person by, unless by the account's own id.
    pub fn is_of(&self, found: &VerifiedToken, subject: Option<&str>) -> bool {
        let is_holder = match (&found.holder, subject) {
            (Holder::Person(_), Some(subject)) => self.sub == subject,
            (Holder::Person(user), None) => self.sub == user.to_string(),
            (Holder::Service(service), _) => self.sub == service.id.to_string(),
        };
        let is_bound_alike = self.cnf.as_ref().map(|cnf| cnf.jkt.as_str()) == found.key.as_deref();
        self.jti == found.token && is_holder && is_bound_alike && self.aud.is(&found.audience)
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, is_signed_form};

    #[test]
    fn a_signed_token_has_three_parts_of_base64url() {
        assert!(is_signed_form("eyJh.eyJi.c-_9"));
        for text in ["", "..", "a.b", "a.b.", "a.b.c.d", "a.b=.c", "a b.c.d", "blg_at_x"] {
            assert!(!is_signed_form(text), "{text}");
        }
        assert!(!is_signed_form(&format!("a.{}.c", "b".repeat(9000))));
    }

    #[test]
    fn one_audience_is_a_text_and_several_are_a_list() {
        let json = |resources: &[String]| serde_json::to_string(&Audience::of(resources)).unwrap();
        assert_eq!(json(&["a".into()]), "\"a\"");
        assert_eq!(json(&["a".into(), "b".into()]), "[\"a\",\"b\"]");
    }
}
