//! How organizations and teams reach callers and consent pages without anybody knowing the plugins that keep them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::context::{OrgContext, TeamContext};
use crate::failure::Result;
use crate::id::{OrgId, UserId};

/// An organization as people recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgName {
    /// The organization.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
}

/// Knows organizations and who is in them, as they are now.
#[async_trait]
pub trait OrganizationContexts: Send + Sync {
    /// The organizations a person is in, in a fixed order: what an agent of theirs may be let act for.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_of_user(&self, user: UserId) -> Result<Vec<OrgName>>;

    /// What a person is in an organization; `None` when they are not in it, and when it is gone or never was.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find(&self, user: UserId, organization: OrgId) -> Result<Option<OrgContext>>;

    /// The organization that has this name in URLs now; names it had before do not count.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find_by_slug(&self, slug: &str) -> Result<Option<OrgName>>;
}

/// Knows teams and who is in them, as they are now.
#[async_trait]
pub trait TeamContexts: Send + Sync {
    /// The teams of an organization that a person is in, in a fixed order.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_of_user(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>>;
}

/// Whoever knows organizations, as [`Mount::organizations`](crate::Mount::organizations) provides it.
pub struct Organizations(pub Arc<dyn OrganizationContexts>);

/// Whoever knows teams, as [`Mount::teams`](crate::Mount::teams) provides it.
pub struct Teams(pub Arc<dyn TeamContexts>);
