//! For whom an agent acts: what a person can choose, and whether the choice still holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::TeamContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Observer;
use belgie_api::ports::{OrgName, Organizations, Teams, Use};
use belgie_api::{Caller, ClientId, Event, Failure, GrantBinding, OrgId, Result, TeamId, UserId, async_trait};

use super::OAuth;
use super::record::ended;
use crate::model::address::slugs_in;
use crate::model::grant::RevokeReason;
use crate::model::request::AuthorizationRequest;
use crate::model::wish::Wish;
use crate::store;
use crate::store::addresses::OldAddress;

/// An organization a person can let an agent act for.
#[derive(Debug)]
pub struct Choice {
    /// The organization.
    pub organization: OrgName,
    /// The person's teams there.
    pub teams: Vec<TeamContext>,
}

/// Where a grant acts, in words.
#[derive(Debug, Default)]
pub struct BoundPlace {
    /// The organization; `None` for none, and for one in which the person is not any more as they were.
    pub organization: Option<String>,
    /// The teams; `None` for all of the person's.
    pub teams: Option<Vec<String>>,
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

    /// What a person can let an agent act for, besides themselves. A request for the endpoint of one organization leaves
    /// that one alone.
    ///
    /// # Errors
    /// 403 when the request is for an organization in which the person is not; whether there is one, it does not say.
    pub async fn list_choices(&self, caller: &Caller, request: &AuthorizationRequest) -> Result<Vec<Choice>> {
        let (user, slug) = (caller.user().id, slugs_in(&request.resources).pop_first());
        let mut choices = Vec::new();
        for organization in self.list_organizations(user).await? {
            if slug.is_none_or(|slug| slug == organization.slug) {
                let teams = self.list_teams(user, organization.id).await?;
                choices.push(Choice { organization, teams });
            }
        }
        if slug.is_some() && choices.is_empty() { Err(not_a_member()) } else { Ok(choices) }
    }

    async fn list_teams(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>> {
        match self.host.provided::<Teams>() {
            Some(teams) => teams.0.list_of_user(user, organization).await,
            None => Ok(Vec::new()),
        }
    }

    /// What the organization is called that a grant of this person acts for, and those of its teams that the grant was given
    /// for and still acts for: on the stays it was made for. `teams`: `None` when it is for all of the person's.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn find_place(&self, user: UserId, binding: &GrantBinding) -> Result<BoundPlace> {
        let (Some(id), Some(port)) = (binding.organization, self.organizations()) else {
            return Ok(BoundPlace::default());
        };
        if port.find_for(user, binding).await?.is_none() {
            return Ok(BoundPlace::default());
        }
        let own = self.list_organizations(user).await?;
        let organization = own.into_iter().find(|known| known.id == id).map(|known| known.name);
        let teams = match self.host.provided::<Teams>() {
            Some(teams) if !binding.teams.is_empty() => Some(teams.list_for(user, id, binding).await?),
            _ if !binding.teams.is_empty() => Some(Vec::new()),
            _ => None,
        };
        let teams = teams.map(|teams| teams.into_iter().map(|team| team.name).collect());
        Ok(BoundPlace { organization, teams })
    }

    /// What the person let this client act for last, to begin with when it comes again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_binding(&self, caller: &Caller, client: &ClientId) -> Result<Option<GrantBinding>> {
        store::grants::last_binding(&mut self.host.db().read().await?, caller.user().id, client).await
    }

    /// Makes a binding of a wish.
    ///
    /// # Errors
    /// 400 when the person is in organizations and did not choose; 403 when they are not in the one they chose or in one
    /// of the teams.
    pub(super) async fn bind(&self, user: UserId, wish: Wish) -> Result<Bound> {
        let own = self.list_organizations(user).await?;
        let (organization, teams) = match wish {
            Wish::Unsaid if !own.is_empty() => return Err(unchosen()),
            Wish::Unsaid | Wish::Themselves => return Ok(Bound::default()),
            Wish::Organization { organization, teams } => (organization, teams),
        };
        let chosen = own.into_iter().find(|known| known.id == organization).ok_or_else(not_a_member)?;
        let binding = self.bind_to(user, organization, teams).await?.ok_or_else(not_a_member)?;
        Ok(Bound { binding, slug: Some(chosen.slug) })
    }

    /// The binding of a grant for an organization and teams of it, for the stays of the person as they are now; `None` when
    /// the person is not in all of them.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn bind_to(
        &self,
        user: UserId,
        organization: OrgId,
        teams: BTreeSet<TeamId>,
    ) -> Result<Option<GrantBinding>> {
        let Some(port) = self.organizations() else { return Ok(None) };
        port.bind(self.host.provided::<Teams>().as_deref(), user, organization, teams).await
    }

    /// Ends what is for an address that an organization gives up. The organization is held. Tokens end with their grants; those of machines
    /// have none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn end_address(&self, tx: &mut Tx, address: OldAddress<'_>) -> Result<()> {
        let now = self.host.now();
        for grant in store::addresses::list_grants(tx, address, now).await? {
            self.end_grant(tx, grant, RevokeReason::MembershipEnded, ended(), now).await?;
        }
        for token in store::addresses::list_of_machines(tx, address, now).await? {
            if store::client_tokens::revoke(tx, token, now).await? {
                tx.emit(Event::TokenRevoked { token });
            }
        }
        store::addresses::forget_answers(tx, address).await
    }

    /// Whether a person is still in the organization that a grant lets act for, without having left in between, and the endpoints it is for are still that
    /// organization's: a new name is a new address.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn stands(&self, user: UserId, binding: &GrantBinding, resources: &[String]) -> Result<bool> {
        let slug = match (binding.organization, self.organizations()) {
            (None, _) => None,
            (Some(_), None) => return Ok(false),
            (Some(_), Some(port)) => match port.find_for(user, binding).await? {
                Some(context) => Some(context.slug),
                None => return Ok(false),
            },
        };
        Ok(is_reached(resources, slug.as_deref()))
    }
}

/// A binding, and the slug of its organization.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) binding: GrantBinding,
    slug: Option<String>,
}

impl Bound {
    /// Checks that the binding fits the endpoints that were asked for.
    ///
    /// # Errors
    /// 403 when one is of another organization.
    pub(super) fn check(&self, resources: &[String]) -> Result<()> {
        if is_reached(resources, self.slug.as_deref()) { Ok(()) } else { Err(not_a_member()) }
    }
}

/// Whether none of the endpoints is of another organization than this one.
pub(super) fn is_reached(resources: &[String], slug: Option<&str>) -> bool {
    slugs_in(resources).iter().all(|asked| Some(*asked) == slug)
}

/// Ends the grants that let act for an organization in which their person is no more, and those for an address that it
/// has given up. That their tokens open nothing was true before; this makes it final as soon as the news are heard, and
/// takes them off the account page. Who has left and come back by then is there on another stay, and does not get them
/// back.
pub struct Memberships(pub Arc<OAuth>);

impl Memberships {
    async fn review(&self, organization: OrgId, user: Option<UserId>) -> Result<()> {
        let now = self.0.host.now();
        let bound = store::grants::list_bound(&mut self.0.host.db().read().await?, organization, user, now).await?;
        for grant in bound {
            if self.0.stands(grant.user_id, &grant.binding.into(), &grant.resources).await? {
                continue;
            }
            let mut tx = self.0.host.db().begin().await?;
            self.0.end_grant(&mut tx, grant.id, RevokeReason::MembershipEnded, ended(), now).await?;
            tx.commit(now).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Observer for Memberships {
    fn name(&self) -> &'static str {
        "oauth-server.memberships"
    }

    async fn observe(&self, event: &Event) -> Result<()> {
        match event {
            Event::MembershipChanged { organization, user } => self.review(*organization, Some(*user)).await,
            Event::OrganizationChanged { organization } => self.review(*organization, None).await,
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
