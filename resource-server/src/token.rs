//! What a token that was found good says.

use std::collections::BTreeSet;

use serde::Deserialize;

/// An access token that is in force here: signed by the issuer or confirmed by it, for this resource, not at its end.
/// Handlers behind [`require_token`](crate::require_token) take it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is (`sub`): a person, or a service that stands for itself.
    pub subject: String,
    /// The client that was given it (`client_id`).
    pub client: String,
    /// What it may be used for (`scope`).
    pub scopes: BTreeSet<String>,
    /// When it ends, in seconds since 1970 (`exp`).
    pub expires_at: u64,
    /// Its own name (`jti`).
    pub id: Option<String>,
    /// The organization it lets act for.
    pub organization: Option<String>,
    /// Teams of that organization; all of the person's when none are named.
    pub teams: BTreeSet<String>,
    /// The SHA-256 thumbprint (RFC 7638) of the key it is bound to (`cnf`, RFC 9449 section 6), of which there was a proof.
    pub key: Option<String>,
}

impl Token {
    /// Whether it may be used for this.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
}

/// The members a signed token (RFC 9068 section 2.2) and an introspection answer (RFC 7662 section 2.2) have in common.
#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    client_id: String,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    teams: BTreeSet<String>,
    /// What the token is bound to (RFC 7800).
    #[serde(default)]
    cnf: Option<Confirmation>,
}

/// What a bearer has to prove. One that is bound to anything else than a key of RFC 9449, a certificate say, cannot be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, resource: &str) -> bool {
        match self {
            Self::One(only) => only == resource,
            Self::Several(several) => several.iter().any(|one| one == resource),
        }
    }
}

impl Claims {
    /// The token, if the claims are those of one that is in force at `now` for this resource. There is no leeway: whoever
    /// wants one has the clock for it.
    pub(crate) fn in_force(self, issuer: &str, resource: &str, now: u64) -> Option<Token> {
        let is_ours = self.iss == issuer && self.aud.names(resource);
        let is_now = self.exp > now && self.nbf.is_none_or(|begin| begin <= now);
        (is_ours && is_now).then(|| Token {
            key: self.cnf.map(|cnf| cnf.jkt),
            subject: self.sub,
            client: self.client_id,
            scopes: self.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            expires_at: self.exp,
            id: self.jti,
            organization: self.organization,
            teams: self.teams,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Claims;

    fn good(change: &Value) -> Option<super::Token> {
        let mut claims = json!({
            "iss": "https://auth.example", "sub": "ada", "aud": "https://api.example", "exp": 200, "client_id": "c",
            "scope": "a  b",
        });
        let members = claims.as_object_mut().unwrap();
        members.extend(change.as_object().unwrap().clone());
        let claims: Claims = serde_json::from_value(claims).ok()?;
        claims.in_force("https://auth.example", "https://api.example", 100)
    }

    #[test]
    fn a_token_is_good_for_its_issuer_resource_and_time_alone() {
        let token = good(&json!({})).unwrap();
        assert!(token.has_scope("a") && token.has_scope("b") && token.scopes.len() == 2);
        assert!(good(&json!({ "aud": ["https://other.example", "https://api.example"] })).is_some());
        assert_eq!((token.key, good(&json!({ "cnf": { "jkt": "x" } })).unwrap().key.as_deref()), (None, Some("x")));
        for change in [
            json!({ "iss": "https://auth.example/" }),
            json!({ "aud": "https://api.example/" }),
            json!({ "aud": [] }),
            json!({ "aud": null }),
            json!({ "exp": 100 }),
            json!({ "exp": null }),
            json!({ "nbf": 101 }),
            json!({ "sub": null }),
            json!({ "cnf": {} }),
            json!({ "cnf": "x" }),
            json!({ "cnf": { "x5t#S256": "x" } }),
            json!({ "cnf": { "jkt": "x", "x5t#S256": "x" } }),
            json!({ "cnf": { "jkt": 7 } }),
        ] {
            assert_eq!(good(&change), None, "{change}");
        }
    }
}
