//! Tokens of organizations themselves, with no person behind them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::failure::Result;
use crate::id::{OrgId, ServiceId, UserId};
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::token::PlainToken;

/// A service that is to be made.
#[derive(Clone, Debug)]
pub struct NewService {
    /// What the organization calls it.
    pub name: String,
    /// What it is in the organization; never `owner`.
    pub roles: Vec<String>,
    /// What its token may be used for.
    pub scopes: ScopeSet,
    /// How long it lasts.
    pub lifetime: Duration,
}

/// A service whose token is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The service.
    pub id: ServiceId,
    /// The organization it acts for.
    pub organization_id: OrgId,
    /// What the organization calls it.
    pub name: String,
    /// What it is in the organization.
    pub roles: Vec<String>,
    /// What its token may be used for.
    pub scopes: ScopeSet,
    /// Who made it; `None` for the operator and the application, and when that account is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its token was last seen, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes and ends services for the operator, who is asked for no role.
#[async_trait]
pub trait ServiceTokens: Send + Sync {
    /// Makes a service; its token is shown now or never. `organization`: its id or its name in URLs.
    ///
    /// # Errors
    /// 404 when there is no such organization, 400 when a value is wrong, 409 when there are too many.
    async fn create(&self, organization: &str, new: NewService) -> Result<(PlainToken, Service)>;

    /// The services of an organization that are in force, newest first.
    ///
    /// # Errors
    /// 404 when there is no such organization.
    async fn list(&self, organization: &str) -> Result<Vec<Service>>;

    /// Ends a service; `false` when there is none of this id, or it has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn revoke(&self, service: ServiceId) -> Result<bool>;
}

/// Whoever keeps services, as [`Mount::services`](crate::Mount::services) provides it.
pub struct Services(pub Arc<dyn ServiceTokens>);
