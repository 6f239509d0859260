//! What the recipient of an invitation does with it.

use belgie_api::context::UserContext;
use belgie_api::ports::{TeamName, normalize_email};
use belgie_api::{InvitationId, PlainToken, Result};
use serde_json::json;

use super::Organizations;
use crate::actor::Actor;
use crate::model::invitation::{Ending, Invitation, InvitationStatus};
use crate::model::member::Member;
use crate::model::organization::Organization;
use crate::model::role::{Role, Roles};
use crate::model::{permission, refusal};
use crate::store;

/// An invitation as its recipient sees it.
#[derive(Clone, Debug)]
pub struct ShownInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// Where it leads.
    pub organization: Organization,
    /// Whoever invited, by name or else by address; `None` when that account is gone or it was the host.
    pub inviter: Option<String>,
    /// The team it leads into as well, while that is there.
    pub team: Option<TeamName>,
}

impl Organizations {
    /// The invitations that the person who acts can accept, the newest first. None at all before their address is proven:
    /// somebody else may have made the account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn invitations_for_me(&self, actor: &Actor) -> Result<Vec<ShownInvitation>> {
        let person = self.person(actor).await?.filter(|user| user.email_verified && !actor.is_agent());
        let Some(user) = person else { return Ok(Vec::new()) };
        let email = normalize_email(&user.email);
        let open = store::invitations::list_for(&mut self.host.db().read().await?, &email, self.host.now()).await?;
        let mut shown = Vec::with_capacity(open.len());
        for invitation in open {
            shown.extend(self.show(invitation).await?);
        }
        Ok(shown)
    }

    /// An invitation, for its recipient and for members who may see invitations.
    ///
    /// # Errors
    /// 404 for everybody else.
    pub async fn invitation(&self, actor: &Actor, id: InvitationId) -> Result<ShownInvitation> {
        let mut conn = self.host.db().read().await?;
        let found = store::invitations::find(&mut conn, id).await?.ok_or_else(refusal::unknown_invitation)?;
        let may = self.admit(&mut conn, actor, found.organization_id, Some(permission::INVITATION_READ)).await.is_ok();
        drop(conn);
        let recipient = self.person(actor).await?.filter(|_| !actor.is_agent());
        if !may && !recipient.is_some_and(|user| user.email_verified && is_for(&found, &user)) {
            return Err(refusal::unknown_invitation());
        }
        self.show(found).await?.ok_or_else(refusal::unknown_invitation)
    }

    /// The invitation behind a link, whoever opens it: the link came by mail. `None` when there is none that can still be
    /// accepted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn invitation_behind(&self, token: &PlainToken) -> Result<Option<ShownInvitation>> {
        let found = store::invitations::find_by_token(&mut self.host.db().read().await?, &token.hash()).await?;
        match found.filter(|found| found.status(self.host.now()) == InvitationStatus::Pending) {
            Some(found) => self.show(found).await,
            None => Ok(None),
        }
    }

    /// Accepts an invitation, once, before its time is over: with the proven address it was sent to, in any spelling.
    /// Somebody who is a member by now stays as they are. Whoever keeps teams brings them into the team it names.
    ///
    /// # Errors
    /// 404 when there is none to the person, 403 before the address is proven and for an agent, 409 when it has ended, the
    /// organization is full, or the person would own too many, and what a listener says, such as that the team is full.
    pub async fn accept_invitation(&self, actor: &Actor, id: InvitationId) -> Result<Member> {
        let user = actor.oneself()?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let person = self.hold_people(&mut tx, actor, &[]).await?.remove(&user).ok_or_else(refusal::signed_out)?;
        let found = self.addressed_to(&mut tx, &person, id).await?;
        let organization = store::organizations::lock(&mut tx, found.organization_id).await?;
        let organization = organization.ok_or_else(refusal::unknown_invitation)?;
        if !store::invitations::consume(&mut tx, id, Ending::Accept(user), now).await? {
            return Err(refusal::invitation_over());
        }
        let member = match self.standing(&mut tx, organization.id, user).await? {
            Some((member, _)) => member,
            None => {
                let roles = self.roles_left(&mut tx, &found).await?;
                self.room_for(&mut tx, actor, user, &roles).await?;
                let member = Member { organization_id: organization.id, user_id: user, roles, joined_at: now };
                self.add_in(&mut tx, &organization, &member).await?;
                member
            }
        };
        let accepted = Invitation { accepted_at: Some(now), accepted_by: Some(user), ..found };
        for listener in self.listeners.all() {
            listener.after_invitation_accept(&mut tx, &organization, &accepted, &member).await?;
        }
        let details = json!({ "invitation": id, "roles": member.roles });
        self.record(&mut tx, actor, "organization.invitation_accepted", organization.id, details).await?;
        tx.commit(now).await?;
        Ok(member)
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// As [`accept_invitation`](Self::accept_invitation).
    pub async fn reject_invitation(&self, actor: &Actor, id: InvitationId) -> Result<()> {
        let user = actor.oneself()?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let person = self.hold_people(&mut tx, actor, &[]).await?.remove(&user).ok_or_else(refusal::signed_out)?;
        let found = self.addressed_to(&mut tx, &person, id).await?;
        if !store::invitations::consume(&mut tx, id, Ending::Reject, now).await? {
            return Err(refusal::invitation_over());
        }
        let details = json!({ "invitation": id });
        self.record(&mut tx, actor, "organization.invitation_rejected", found.organization_id, details).await?;
        tx.commit(now).await
    }

    /// The invitation of this id, for the person it was sent to and nobody else.
    async fn addressed_to(
        &self,
        tx: &mut belgie_api::db::Tx,
        user: &UserContext,
        id: InvitationId,
    ) -> Result<Invitation> {
        let found = store::invitations::find(tx, id).await?.filter(|found| is_for(found, user));
        let found = found.ok_or_else(refusal::unknown_invitation)?;
        if user.email_verified { Ok(found) } else { Err(refusal::unverified()) }
    }

    /// What an invitation brings, of what the organization still has.
    async fn roles_left(&self, tx: &mut belgie_api::db::Tx, found: &Invitation) -> Result<Roles> {
        let own = store::roles::list(tx, found.organization_id).await?;
        let is_there = |role: &&Role| role.is_built_in() || own.iter().any(|row| row.name == **role);
        let left: Roles = found.roles.iter().filter(is_there).cloned().collect();
        Ok(if left.is_empty() { [Role::member()].into() } else { left })
    }

    /// The person who acts, as the account is now.
    pub(super) async fn person(&self, actor: &Actor) -> Result<Option<UserContext>> {
        match actor.user_id() {
            Some(user) => self.host.accounts().find(user).await,
            None => Ok(None),
        }
    }

    async fn show(&self, invitation: Invitation) -> Result<Option<ShownInvitation>> {
        let Some(organization) = self.find(invitation.organization_id).await? else { return Ok(None) };
        let inviter = match invitation.inviter_id {
            Some(user) => self.host.accounts().find(user).await?,
            None => None,
        };
        let inviter = inviter.map(|user| if user.name.is_empty() { user.email } else { user.name });
        let team = self.find_team(organization.id, invitation.team_id).await?;
        Ok(Some(ShownInvitation { invitation, organization, inviter, team }))
    }
}

fn is_for(invitation: &Invitation, user: &UserContext) -> bool {
    invitation.email == normalize_email(&user.email)
}
