//! What an application adds to the way of an authorization request.

use belgie_api::{Caller, ClientId, Result, ScopeSet, async_trait};

use crate::model::request::AuthorizationRequest;

/// An authorization request whose person is known.
#[derive(Clone, Copy, Debug)]
pub struct Underway<'a> {
    /// The person.
    pub caller: &'a Caller,
    /// The client that asks.
    pub client: &'a ClientId,
    /// What it asks for, as far as this person can give it.
    pub scopes: &'a ScopeSet,
    /// Where it is to be used.
    pub resources: &'a [String],
}

impl<'a> Underway<'a> {
    pub(crate) fn of(caller: &'a Caller, request: &'a AuthorizationRequest) -> Self {
        Self { caller, client: &request.client.id, scopes: &request.scopes, resources: &request.resources }
    }
}

/// Says which pages of the application a person sees before an agent is let in
/// ([`OAuthServer::with_steps`](crate::OAuthServer::with_steps)). Asked with each authorization request, whether somebody answers it or a
/// remembered consent does. When a method fails, the client gets nothing.
#[async_trait]
pub trait Steps: Send + Sync {
    /// Whether the person chooses first as whom they go on, though the client does not ask for it: once for each request, at
    /// `select_account_url`.
    async fn wants_account_choice(&self, _underway: Underway<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Whether something is left to do, such as terms to accept: at `post_login_url`. Asked again when the person comes back, so nobody
    /// gets past it without having done it.
    async fn wants_post_login(&self, _underway: Underway<'_>) -> Result<bool> {
        Ok(false)
    }
}

/// Finds authorization requests that the application keeps ([`OAuthServer::with_requests`](crate::OAuthServer::with_requests)): what a
/// `request_uri` stands for that was not sent to `/par`.
#[async_trait]
pub trait Requests: Send + Sync {
    /// The parameters of a client's authorization request as a query (`application/x-www-form-urlencoded`); `None` for one that is unknown.
    /// Its `client_id` is this client's, or is left out. Nothing else of the address counts. `uri` comes from whoever made the address, so
    /// whoever fetches it looks where it leads. Asked whenever a browser brings it, of clients that are known here.
    async fn find(&self, client: &ClientId, uri: &str) -> Result<Option<String>>;
}
