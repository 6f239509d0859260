//! From a principal to a caller: who it is becomes who it is, for whom and under which plan.

use std::sync::Arc;

use belgie_api::context::{OrgContext, TeamContext};
use belgie_api::host::{self, Contexts};
use belgie_api::ports::{OrganizationContexts, Organizations, Provided, TeamContexts, Teams};
use belgie_api::{Caller, OrgId, Principal, Result};

/// Makes callers: asks whoever knows organizations and teams what the person is there now.
#[derive(Clone, Default)]
pub struct Callers {
    organizations: Option<Arc<dyn OrganizationContexts>>,
    teams: Option<Arc<dyn TeamContexts>>,
}

impl Callers {
    /// Asks the plugins that provide the contexts; where none does, there is no such context.
    #[must_use]
    pub fn new(provided: &Provided) -> Self {
        Self {
            organizations: provided.find::<Organizations>().map(|port| Arc::clone(&port.0)),
            teams: provided.find::<Teams>().map(|port| Arc::clone(&port.0)),
        }
    }

    /// The caller behind a principal. `None` when the credential lets act for an organization in which the person is no
    /// more: then it lets act for nobody, and never for the person alone instead.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn establish(&self, principal: Arc<Principal>) -> Result<Option<Caller>> {
        if principal.binding().organization.is_none() {
            return Ok(Some(personal(principal)));
        }
        let Some(organization) = self.organization(&principal).await? else { return Ok(None) };
        let teams = self.teams(&principal, &organization).await?;
        Ok(Some(host::caller(principal, Contexts { organization: Some(organization), teams, ..Contexts::default() })))
    }

    /// The organization of this name in URLs.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn find_organization(&self, slug: &str) -> Result<Option<OrgId>> {
        let Some(contexts) = &self.organizations else { return Ok(None) };
        Ok(contexts.find_by_slug(slug).await?.map(|organization| organization.id))
    }

    async fn organization(&self, principal: &Principal) -> Result<Option<OrgContext>> {
        match (&self.organizations, principal.binding().organization) {
            (Some(contexts), Some(organization)) => contexts.find(principal.user().id, organization).await,
            _ => Ok(None),
        }
    }

    async fn teams(&self, principal: &Principal, organization: &OrgContext) -> Result<Vec<TeamContext>> {
        let Some(contexts) = &self.teams else { return Ok(Vec::new()) };
        let mut teams = contexts.list_of_user(principal.user().id, organization.id).await?;
        teams.retain(|team| principal.binding().includes_team(team.id));
        Ok(teams)
    }
}

/// The caller behind a principal that lets act for the person alone.
#[must_use]
pub fn personal(principal: Arc<Principal>) -> Caller {
    host::caller(principal, Contexts::default())
}
