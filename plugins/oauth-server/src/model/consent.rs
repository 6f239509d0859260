//! What a person has allowed before: reason enough not to ask again, as long as nothing grows.

use belgie_api::plugin::ScopeHierarchy;
use belgie_api::{ClientId, ConsentId, ScopeSet, Timestamp, UserId};
use serde_json::{Value, json};

use super::grant::BindingColumns;
use super::redirect::{host_of, is_elsewhere};
use super::request::AuthorizationRequest;
use super::scopes::OFFLINE_ACCESS;

/// A remembered answer.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Whose answer it was.
    pub user_id: UserId,
    /// The client that asked.
    pub client_id: ClientId,
    /// What it called itself then.
    pub client_name: String,
    /// The host that published its metadata document then.
    pub client_host: Option<String>,
    /// Where the answer was sent.
    pub redirect_host: String,
    /// What was allowed.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Where it was allowed.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// For whom the client may act.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
    /// Of which sector the client was then, if it knew people by names of its own.
    pub sector: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

impl Consent {
    /// The answer as its person is told of it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "client_id": self.client_id,
            "client_name": self.client_name,
            "redirect_host": self.redirect_host,
            "scopes": self.scopes,
            "resources": self.resources,
            "organization": self.binding.organization_id,
            "teams": self.binding.team_ids,
            "created_at": self.created_at,
        })
    }

    /// What an answer to this request allows, staying connected among it, which some clients have without asking for it.
    pub fn scopes_of(request: &AuthorizationRequest) -> ScopeSet {
        let stay = request.with_refresh.then(|| OFFLINE_ACCESS.parse().ok()).flatten();
        request.scopes.iter().cloned().chain(stay).collect()
    }

    /// Whether a request asks, for whom this was allowed, for something that was not.
    pub fn allows_less(&self, request: &AuthorizationRequest) -> bool {
        let is_there = self.binding.organization_id == request.binding.organization;
        // None named are all of the person's.
        let has_all_teams = self.binding.team_ids.is_empty() || self.binding.team_ids == request.binding.teams;
        is_there && !(self.scopes.covers(&request.scopes) && has_all_teams)
    }

    /// Whether a request asks for nothing that was not allowed then, by a client that is told the same names of people as then. Whose it is,
    /// and by which client to which host, the look-up has seen to.
    pub fn covers(&self, request: &AuthorizationRequest, hierarchy: &ScopeHierarchy) -> bool {
        self.sector == request.sector
            && hierarchy.closed(&self.scopes).covers(&Self::scopes_of(request))
            && request.resources.iter().all(|resource| self.resources.contains(resource))
    }
}

/// The host for which an answer to this request may be remembered: `None` for one that goes to the person's own machine, where
/// any program may be waiting (RFC 8252 section 8.6).
pub fn remembered_host(request: &AuthorizationRequest) -> Option<String> {
    let redirect_uri = request.reply.redirect_uri.as_str();
    is_elsewhere(redirect_uri).then(|| host_of(redirect_uri))
}
