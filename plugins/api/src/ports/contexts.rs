//! How organizations and teams reach callers and consent pages without anybody knowing the plugins that keep them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::context::{OrgContext, TeamContext};
use crate::failure::Result;
use crate::id::{OrgId, TeamId, UserId};

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

/// A team as people recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TeamName {
    /// The team.
    pub id: TeamId,
    /// Its name in URLs and rules.
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

    /// Every team of an organization, by name: what an invitation may speak of. Without an answer of its own a plugin
    /// has none to speak of.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list(&self, organization: OrgId) -> Result<Vec<TeamName>> {
        let _none_to_speak_of = organization;
        Ok(Vec::new())
    }

    /// Those of them into which a person may bring others. Without an answer of its own a plugin lets nobody.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn list_open_to(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamName>> {
        let _nobody = (user, organization);
        Ok(Vec::new())
    }
}

/// Whoever knows organizations, as [`Mount::organizations`](crate::Mount::organizations) provides it.
pub struct Organizations(pub Arc<dyn OrganizationContexts>);

/// Whoever knows teams, as [`Mount::teams`](crate::Mount::teams) provides it.
pub struct Teams(pub Arc<dyn TeamContexts>);
