//! Asking the application what it adds, and leaving out what is not its to say.

use belgie_api::Result;
use serde_json::{Map, Value};

use super::OAuth;
use crate::claims::About;

/// What only this server says in an access token (RFC 9068, RFC 8693, RFC 7800) and in an id token (OpenID Connect Core 1.0).
const OF_TOKENS: [&str; 24] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "auth_time",
    "organization",
    "teams",
    "acr",
    "amr",
    "azp",
    "act",
    "may_act",
    "cnf",
    "nonce",
    "at_hash",
    "c_hash",
    "sid",
    "email",
    "email_verified",
];

/// What only this server says in the answer of the token endpoint.
const OF_ANSWERS: [&str; 12] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "id_token",
    "scope",
    "organization",
    "teams",
    "issued_token_type",
    "error",
    "error_description",
    "error_uri",
];

/// What the application adds to tokens and the answer they come in.
#[derive(Clone, Debug, Default)]
pub(super) struct Custom {
    pub(super) access: Map<String, Value>,
    pub(super) id: Map<String, Value>,
    pub(super) answer: Map<String, Value>,
}

impl OAuth {
    /// What the application adds. `has_id_token`: whether there is one to add to.
    pub(super) async fn custom(&self, about: About<'_>, has_id_token: bool) -> Result<Custom> {
        let Some(claims) = &self.own.claims else { return Ok(Custom::default()) };
        let id = if has_id_token { claims.of_id_token(about).await? } else { Map::new() };
        Ok(Custom {
            access: allowed(claims.of_access_token(about).await?, &OF_TOKENS),
            id: allowed(id, &OF_TOKENS),
            answer: allowed(claims.of_answer(about).await?, &OF_ANSWERS),
        })
    }

    /// What the application adds to userinfo.
    pub(super) async fn custom_of_person(&self, about: About<'_>) -> Result<Map<String, Value>> {
        match &self.own.claims {
            Some(claims) => Ok(allowed(claims.of_userinfo(about).await?, &OF_TOKENS)),
            None => Ok(Map::new()),
        }
    }
}

fn allowed(mut members: Map<String, Value>, reserved: &[&str]) -> Map<String, Value> {
    members.retain(|name, _| {
        let is_ours = reserved.contains(&name.as_str());
        if is_ours {
            tracing::error!(claim = %name, "the application adds a claim that only the authorization server says");
        }
        !is_ours
    });
    members
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{OF_ANSWERS, OF_TOKENS, allowed};

    #[test]
    fn what_this_server_says_it_says_alone() {
        let members = |value: serde_json::Value| value.as_object().unwrap().clone();
        let own = json!({ "sub": "x", "https://acme.example/tier": "gold", "email_verified": true, "aud": [] });
        assert_eq!(json!(allowed(members(own), &OF_TOKENS)), json!({ "https://acme.example/tier": "gold" }));
        let own = json!({ "access_token": "x", "tier": 1, "scope": "admin" });
        assert_eq!(json!(allowed(members(own), &OF_ANSWERS)), json!({ "tier": 1 }));
    }
}
