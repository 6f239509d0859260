//! What a provider gives for a code.

use std::fmt;
use std::time::Duration;

use belgie_api::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

/// Tokens this near to their end are renewed before they are handed out.
pub const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// What a provider gives for a code or a refresh token (RFC 6749 section 5.1). It never shows itself in `Debug`.
#[derive(Clone, Default)]
pub struct TokenSet {
    /// Opens the provider's interfaces.
    pub access_token: Option<SecretString>,
    /// Gets new tokens.
    pub refresh_token: Option<SecretString>,
    /// Says who somebody is.
    pub id_token: Option<SecretString>,
    /// `Bearer`, as a rule.
    pub token_type: Option<String>,
    /// What was granted, separated by spaces.
    pub scope: Option<String>,
    /// When the access token ends.
    pub access_expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Timestamp>,
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl TokenSet {
    /// Reads the body of a token endpoint. Providers do not agree on how to say when a token ends.
    #[must_use]
    pub fn read(body: &Map<String, Value>, now: Timestamp) -> Self {
        let secret = |key: &str| text(body, key).map(SecretString::from);
        let ends = |spans: &[&str], moments: &[&str]| {
            let by_span =
                spans.iter().find_map(|key| number(body, key)).map(|span| now.plus(Duration::from_secs(span)));
            by_span.or_else(|| {
                let seconds = moments.iter().find_map(|key| number(body, key))?;
                Some(Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?))
            })
        };
        Self {
            access_token: secret("access_token"),
            refresh_token: secret("refresh_token"),
            id_token: secret("id_token"),
            token_type: text(body, "token_type").map(str::to_owned),
            scope: scope(body.get("scope")),
            access_expires_at: ends(
                &["expires_in", "ext_expires_in"],
                &["expires_at", "access_token_expires_at", "expires"],
            ),
            refresh_expires_at: ends(
                &["refresh_token_expires_in", "refresh_expires_in"],
                &["refresh_token_expires_at", "refresh_expires_at"],
            ),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.access_token.is_none() && self.refresh_token.is_none() && self.id_token.is_none()
    }

    /// Whether the access token ends within a minute, or has ended.
    #[must_use]
    pub fn is_near_end(&self, now: Timestamp) -> bool {
        self.access_expires_at.is_some_and(|end| end <= now.plus(RENEW_BEFORE))
    }
}

fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A number, or a text that is one.
fn number(body: &Map<String, Value>, key: &str) -> Option<u64> {
    match body.get(key)? {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is in range, and whole seconds do"
        )]
        Value::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().filter(|n| (0.0..1e12).contains(n)).map(|n| n as u64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Scopes: a text separated by spaces, or a list.
fn scope(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use belgie_api::Timestamp;
    use serde_json::json;

    use super::TokenSet;

    fn read(body: serde_json::Value) -> TokenSet {
        TokenSet::read(body.as_object().unwrap(), Timestamp::from_unix_seconds(1000))
    }

    #[test]
    fn ends_are_understood_as_providers_write_them() {
        for body in [
            json!({ "access_token": "a", "expires_in": 60 }),
            json!({ "access_token": "a", "expires_in": "60" }),
            json!({ "access_token": "a", "expires_in": 60.0 }),
            json!({ "access_token": "a", "expires_at": 1060 }),
        ] {
            assert_eq!(read(body).access_expires_at, Some(Timestamp::from_unix_seconds(1060)));
        }
        assert_eq!(read(json!({ "access_token": "a", "expires_in": -5 })).access_expires_at, None);
        assert_eq!(read(json!({ "scope": ["a", "b"] })).scope.as_deref(), Some("a b"));
    }

    #[test]
    fn tokens_never_show_themselves() {
        let shown = format!("{:?}", read(json!({ "access_token": "secret-a", "refresh_token": "secret-r" })));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
