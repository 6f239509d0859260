//! Tokens for tokens (RFC 8693).

use belgie_api::{ClientId, ScopeSet};
use serde_json::{Value, json};

use super::access_token::TokenText;
use super::params::Params;
use super::refusal;

/// The grant type (RFC 8693 section 2.1).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The one type of token that is exchanged, and made (RFC 8693 section 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How many may act for one another: each adds a name to every token after it.
pub const MAX_ACTORS: usize = 8;

/// What is asked for.
#[derive(Debug)]
pub struct ExchangeWish {
    /// `subject_token`
    pub subject: TokenText,
    /// `scope`, when less is asked for than the subject may.
    pub scopes: Option<ScopeSet>,
    /// `resource` or `audience`: one at most.
    pub target: Option<String>,
}

impl ExchangeWish {
    /// Reads a request (RFC 8693 section 2.1). `scopes` and `resources` are read already.
    ///
    /// # Errors
    /// `invalid_request` for what is missing or not offered, `invalid_target` for more than one target.
    pub fn read(params: &Params, scopes: Option<ScopeSet>, mut targets: Vec<String>) -> belgie_api::Result<Self> {
        let subject =
            params.get("subject_token").ok_or_else(|| refusal::invalid_request("subject_token is missing."))?;
        if params.get("subject_token_type") != Some(ACCESS_TOKEN) {
            return Err(refusal::invalid_request("subject_token_type must be that of an access token."));
        }
        if params.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return Err(refusal::invalid_request("Only access tokens are given here."));
        }
        if params.get("actor_token").is_some() || params.get("actor_token_type").is_some() {
            return Err(refusal::invalid_request("Who acts is the client that asks; there is no actor_token."));
        }
        let target = targets.pop();
        if !targets.is_empty() {
            return Err(refusal::invalid_target());
        }
        Ok(Self { subject: TokenText::of(subject.to_owned()), scopes, target })
    }
}

/// Who acts for whom, the last one first, once `actor` acts with a token that `given_to` was given.
pub fn chain(actor: &ClientId, before: Option<Vec<ClientId>>, given_to: &ClientId) -> Vec<ClientId> {
    let before = before.unwrap_or_else(|| vec![given_to.clone()]);
    if before.first() == Some(actor) {
        return before;
    }
    std::iter::once(actor.clone()).chain(before).collect()
}

/// The same as a claim: each one holds those it acts for (RFC 8693 section 4.1).
pub fn act_claim(actors: &[ClientId]) -> Option<Value> {
    actors.iter().rev().fold(None, |inner, actor| {
        Some(match inner {
            None => json!({ "sub": actor }),
            Some(inner) => json!({ "sub": actor, "act": inner }),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{act_claim, chain};
    use belgie_api::ClientId;
    use serde_json::json;

    #[test]
    fn whoever_acts_last_stands_first() {
        let id = |name: &str| ClientId::from_wire(name);
        let first = chain(&id("b"), None, &id("a"));
        assert_eq!(first, [id("b"), id("a")]);
        assert_eq!(act_claim(&first), Some(json!({ "sub": "b", "act": { "sub": "a" } })));
        let second = chain(&id("c"), Some(first.clone()), &id("b"));
        assert_eq!(act_claim(&second), Some(json!({ "sub": "c", "act": { "sub": "b", "act": { "sub": "a" } } })));
        assert_eq!(chain(&id("b"), Some(first.clone()), &id("b")), first, "nobody acts for themselves");
        assert_eq!(chain(&id("a"), None, &id("a")), [id("a")]);
        assert_eq!(act_claim(&[]), None);
    }
}
