//! For whom an agent acts: what a person can choose, and whether the choice still holds.

use belgie_api::context::TeamContext;
use belgie_api::hooks::Observer;
use belgie_api::ports::{OrgName, Organizations, Teams, Use};
use belgie_api::{Caller, Event, Failure, GrantBinding, OrgId, Result, UserId, async_trait};
use std::sync::Arc;

use super::OAuth;
use crate::model::grant::RevokeReason;
use crate::model::wish::Wish;
use crate::store;

/// An organization a person can let an agent act for.
#[derive(Debug)]
pub struct Choice {
    /// The organization.
    pub organization: OrgName,
    /// The person's teams there.
    pub teams: Vec<TeamContext>,
}

impl OAuth {
    fn organizations(&self) -> Option<Use<Organizations>> {
        self.host.provided()
    }

    /// The organizations of a person.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_organizations(&self, user: UserId) -> Result<Vec<OrgName>> {
        match self.organizations() {
            Some(organizations) => organizations.0.list_of_user(user).await,
            None => Ok(Vec::new()),
        }
    }

    /// What a person can let an agent act for, besides themselves.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_choices(&self, caller: &Caller) -> Result<Vec<Choice>> {
        let user = caller.user().id;
        let mut choices = Vec::new();
        for organization in self.list_organizations(user).await? {
            let teams = self.list_teams(user, organization.id).await?;
            choices.push(Choice { organization, teams });
        }
        Ok(choices)
    }

    async fn list_teams(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>> {
        match self.host.provided::<Teams>() {
            Some(teams) => teams.0.list_of_user(user, organization).await,
            None => Ok(Vec::new()),
        }
    }

    /// What the person let this client act for last, to begin with when it comes again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_binding(&self, caller: &Caller, client: &belgie_api::ClientId) -> Result<Option<GrantBinding>> {
        store::grants::last_binding(&mut self.host.db().read().await?, caller.user().id, client).await
    }

    /// Makes a binding of a wish.
    ///
    /// # Errors
    /// 400 when the person is in organizations and did not choose; 403 when they are not in the one they chose or in one
    /// of the teams.
    pub(super) async fn bind(&self, user: UserId, wish: Wish) -> Result<GrantBinding> {
        let (organization, teams) = match wish {
            Wish::Themselves => return Ok(GrantBinding::default()),
            Wish::Unsaid if self.list_organizations(user).await?.is_empty() => return Ok(GrantBinding::default()),
            Wish::Unsaid => return Err(unchosen()),
            Wish::Organization { organization, teams } => (organization, teams),
        };
        let binding = GrantBinding { organization: Some(organization), teams };
        let own = self.list_teams(user, organization).await?;
        let are_own = binding.teams.iter().all(|team| own.iter().any(|known| known.id == *team));
        if are_own && self.stands(user, &binding).await? { Ok(binding) } else { Err(not_a_member()) }
    }

    /// Whether a person is still in the organization that a grant lets act for.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn stands(&self, user: UserId, binding: &GrantBinding) -> Result<bool> {
        match (binding.organization, self.organizations()) {
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
            (Some(organization), Some(port)) => Ok(port.0.find(user, organization).await?.is_some()),
        }
    }
}

/// Ends the grants that let act for an organization in which their person is no more. That their tokens open nothing was
/// true before; this makes it final, also for somebody who comes back, and takes them off the account page.
pub struct Memberships(pub Arc<OAuth>);

impl Memberships {
    async fn review(&self, organization: OrgId, user: UserId) -> Result<()> {
        let binding = GrantBinding { organization: Some(organization), ..GrantBinding::default() };
        if self.0.stands(user, &binding).await? {
            return Ok(());
        }
        let now = self.0.host.now();
        let mut tx = self.0.host.db().begin().await?;
        let reason = RevokeReason::MembershipEnded;
        for grant in store::grants::revoke_bound(&mut tx, organization, user, reason, now).await? {
            tx.emit(Event::GrantRevoked { grant });
        }
        tx.commit(now).await
    }
}

#[async_trait]
impl Observer for Memberships {
    fn name(&self) -> &'static str {
        "oauth-server.memberships"
    }

    async fn observe(&self, event: &Event) -> Result<()> {
        match event {
            Event::MembershipChanged { organization, user } => self.review(*organization, *user).await,
            Event::OrganizationChanged { organization } => {
                let bound = store::grants::list_bound(&mut self.0.host.db().read().await?, *organization).await?;
                for user in bound {
                    self.review(*organization, user).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn unchosen() -> Failure {
    Failure::bad_request("authorize.no_organization", "The form does not say for whom the agent shall act.")
        .hint("Go back and choose yourself or one of your organizations.")
}

fn not_a_member() -> Failure {
    Failure::forbidden("authorize.not_a_member", "You are not in this organization or team, or are no more.")
        .hint("Start again from your agent and choose another one.")
}
