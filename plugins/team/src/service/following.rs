//! What happens to teams when something happens to their organization, in the same transaction.

use std::sync::Arc;

use belgie_api::db::Tx;
use belgie_api::{Result, async_trait};
use belgie_organization::{Actor, Invitation, Inviter, Lifecycle, Member, OrganizationRecord, Role};
use serde_json::json;

use super::Teams;
use crate::model::member::{InTeam, Need, TeamMember};
use crate::model::refusal;
use crate::model::team::Team;
use crate::store;

/// Teams as organizations tell them what happens.
pub struct Following(pub Arc<Teams>);

#[async_trait]
impl Lifecycle for Following {
    /// The teams of an organization go with it.
    async fn before_delete(&self, tx: &mut Tx, organization: &OrganizationRecord) -> Result<()> {
        for team in store::teams::list(tx, organization.id).await? {
            for listener in self.0.listeners.all() {
                listener.before_delete(tx, InTeam { team: &team, organization }).await?;
            }
        }
        store::teams::delete_of_organization(tx, organization.id).await
    }

    /// Whoever is out of the organization is out of its teams.
    async fn after_member_remove(&self, tx: &mut Tx, organization: &OrganizationRecord, member: &Member) -> Result<()> {
        let user = member.user_id;
        for own in store::members::list_of_user_in(tx, user, organization.id).await? {
            let Some(team) = store::teams::find(tx, own.id).await? else { continue };
            let gone = TeamMember {
                team_id: team.id,
                user_id: user,
                membership_id: own.membership_id,
                roles: own.roles,
                joined_at: own.joined_at,
            };
            self.0.remove_in(tx, InTeam { team: &team, organization }, &gone).await?;
        }
        Ok(())
    }

    /// Nobody invites into a team into which they could not bring a member of the organization.
    async fn before_invite(
        &self,
        tx: &mut Tx,
        organization: &OrganizationRecord,
        inviter: Inviter<'_>,
        invitation: &Invitation,
    ) -> Result<()> {
        let Some(id) = invitation.team_id else { return Ok(()) };
        let found = store::teams::find(tx, id).await?.filter(|team| team.organization_id == organization.id);
        let team = found.filter(|_| inviter.actor.reaches_team(id)).ok_or_else(refusal::unknown)?;
        let powers = self.0.powers(tx, inviter.actor, inviter.powers, team.id).await?;
        if powers.may(Need::Members) { Ok(()) } else { Err(refusal::forbidden()) }
    }

    /// The person comes into the team as well, while there is such a team and whoever invited could still bring them in; a
    /// full one refuses, and the invitation stays open.
    async fn after_invitation_accept(
        &self,
        tx: &mut Tx,
        organization: &OrganizationRecord,
        invitation: &Invitation,
        member: &Member,
    ) -> Result<()> {
        let Some(team) = self.0.team_offered(tx, organization, invitation).await? else { return Ok(()) };
        let user = member.user_id;
        if store::members::find(tx, team.id, user).await?.is_some() {
            return Ok(());
        }
        let roles = [Role::member()].into();
        let joined = self.0.new_member(team.id, user, roles);
        self.0.add_in(tx, InTeam { team: &team, organization }, &joined).await?;
        let details = json!({ "user": user, "roles": joined.roles, "invitation": invitation.id });
        self.0.record(tx, &Actor::user(user), "team.member_added", &team, details).await
    }
}

impl Teams {
    /// The team an invitation leads into, of what is left of the offer: an organization takes an invitation back with the
    /// power to send it, and so a team is left out of it.
    async fn team_offered(
        &self,
        tx: &mut Tx,
        organization: &OrganizationRecord,
        invitation: &Invitation,
    ) -> Result<Option<Team>> {
        let Some(id) = invitation.team_id else { return Ok(None) };
        let found = store::teams::find(tx, id).await?.filter(|team| team.organization_id == organization.id);
        let (Some(team), Some(inviter)) = (&found, invitation.inviter_id) else { return Ok(found) };
        let inviter = Actor::user(inviter);
        let in_organization = match self.organizations()?.admit(tx, &inviter, organization.id, None).await {
            Ok(powers) => powers,
            Err(failure) if failure.status().is_server_error() => return Err(failure),
            Err(_) => return Ok(None),
        };
        let powers = self.powers(tx, &inviter, &in_organization, team.id).await?;
        Ok(found.filter(|_| powers.may(Need::Members)))
    }
}
