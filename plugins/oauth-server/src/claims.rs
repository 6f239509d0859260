//! What an application adds to what clients are told.

use belgie_api::{ClientId, GrantBinding, Result, ScopeSet, UserId, async_trait};
use serde_json::{Map, Value};

/// About whom, and for whom, something is said.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The person; `None` for a client with no person behind it.
    pub user: Option<UserId>,
    /// The client that is told.
    pub client: &'a ClientId,
    /// What it may do, as the token says it: the scopes that count at the resources the token is for.
    pub scopes: &'a ScopeSet,
    /// For whom it may act.
    pub binding: &'a GrantBinding,
}

/// Adds claims of an application ([`OAuthServer::with_claims`](crate::OAuthServer::with_claims)). Asked whenever something is
/// said, and never inside a transaction. What this server says itself it says alone: a member under one of its names is left
/// out and logged. When a method fails, the client gets nothing.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Claims of a signed access token (RFC 9068 section 2.2.3). Opaque ones have none.
    async fn of_access_token(&self, _about: About<'_>) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }

    /// Claims of an id token (OpenID Connect Core 1.0 section 2).
    async fn of_id_token(&self, _about: About<'_>) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }

    /// Members of the answer of userinfo (OpenID Connect Core 1.0 section 5.3.2).
    async fn of_userinfo(&self, _about: About<'_>) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }

    /// Members of the answer of the token endpoint (RFC 6749 section 5.1).
    async fn of_answer(&self, _about: About<'_>) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }
}
