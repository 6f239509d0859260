//! Inviting people, and taking it back.

use belgie_api::db::Tx;
use belgie_api::ports::{LimitBucket, normalize_email};
use belgie_api::{InvitationId, OrgId, Result, TeamId, TokenKind, UserId};
use serde_json::{Value, json};

use super::Organizations;
use super::attempts::Attempt;
use super::letter::Letter;
use super::work::Work;
use crate::actor::Actor;
use crate::lifecycle::Inviter;
use crate::model::invitation::{Ending, Invitation, InvitationStatus};
use crate::model::role::{OWNER, Roles};
use crate::model::{permission, refusal};
use crate::store;

const LONGEST_EMAIL: usize = 254;
/// How many invitations that end with something else are named on record.
const MOST_NAMED: usize = 20;

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The address, in any spelling.
    pub email: String,
    /// What the person will be.
    pub roles: Roles,
    /// Whether an open invitation to the same address ends for this one.
    pub resend: bool,
    /// The team the person comes into as well; whoever keeps teams looks at it ([`Lifecycle::before_invite`](crate::Lifecycle::before_invite)).
    pub team: Option<TeamId>,
}

impl Organizations {
    /// Invites somebody, by mail where mail is sent; the person also finds it in the list of their invitations.
    ///
    /// # Errors
    /// 404, 403 without `invitation:create`, when the roles allow more than whoever invites may, when an owner is invited by
    /// somebody who is not present, or, where mail is sent, before
    /// the address of whoever invites is proven, 409 when the person is a
    /// member or invited already or too many invitations are open, 429 when too many letters were sent, 400 when a value is
    /// wrong or there is no such team, and what a listener says, also of the team.
    pub async fn invite(&self, actor: &Actor, id: OrgId, new: NewInvitation) -> Result<Invitation> {
        self.invite_instead(actor, id, new, None).await
    }

    /// Invites somebody; `earlier`: instead of this invitation, which must not have ended meanwhile.
    async fn invite_instead(
        &self,
        actor: &Actor,
        id: OrgId,
        new: NewInvitation,
        earlier: Option<InvitationId>,
    ) -> Result<Invitation> {
        let tried = Attempt::new("organization.invited", id, json!({ "team": new.team })).with_roles(&new.roles);
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                self.look(actor, id, Some(permission::INVITATION_CREATE)).await?;
                let team = self.find_team(id, new.team).await?;
                if new.team.is_some() && team.is_none() {
                    return Err(refusal::unknown_team());
                }
                let email = read_email(&new.email)?;
                let known = self.host.accounts().find_by_email(&email).await?;
                let inviter = self.person(actor).await?;
                let sends_letter = self.host.mailer().is_available();
                if sends_letter && inviter.as_ref().is_some_and(|inviter| !inviter.email_verified) {
                    return Err(refusal::inviter_unverified());
                }
                let work = self.begin(actor, id, &[], Some(permission::INVITATION_CREATE)).await?;
                let Work { mut tx, organization, powers, now } = work;
                actor.must_cover(&powers, &self.powers_of_roles(&mut tx, id, &new.roles).await?)?;
                if new.roles.contains(OWNER) {
                    actor.must_be_present()?;
                }
                if let Some(user) = &known
                    && self.standing(&mut tx, id, user.id).await?.is_some()
                {
                    return Err(refusal::already_member());
                }
                let open = store::invitations::find_open(&mut tx, id, &email).await?;
                if earlier.is_some() && open.as_ref().map(|open| open.id) != earlier {
                    return Err(refusal::invitation_over());
                }
                if let Some(open) = open {
                    if open.status(now) == InvitationStatus::Pending && !new.resend {
                        return Err(refusal::already_invited());
                    }
                    // What somebody offered who may more is not taken away by offering less.
                    actor.must_cover(&powers, &self.powers_left(&mut tx, id, &open.roles).await?)?;
                    store::invitations::cancel_for(&mut tx, id, &email, now).await?;
                }
                let limit = self.settings.maximum_pending_invitations_per_organization;
                if store::invitations::count_open(&mut tx, id, now).await? >= i64::from(limit) {
                    return Err(refusal::too_many_invitations(limit));
                }
                let secret = TokenKind::Link.mint(self.host.entropy());
                let invitation = Invitation {
                    id: InvitationId::new(self.host.clock(), self.host.entropy()),
                    organization_id: id,
                    team_id: new.team,
                    email,
                    roles: new.roles,
                    inviter_id: actor.user_id(),
                    created_at: now,
                    expires_at: now.plus(self.settings.invitation_lifetime),
                    accepted_at: None,
                    accepted_by: None,
                    rejected_at: None,
                    canceled_at: None,
                };
                let inviting = Inviter { actor, powers: &powers };
                for listener in self.listeners.all() {
                    listener.before_invite(&mut tx, &organization, inviting, &invitation).await?;
                }
                if !store::invitations::insert(&mut tx, &invitation, &secret.hash()).await? {
                    return Err(refusal::already_invited());
                }
                if sends_letter {
                    self.limit_letters(actor, &invitation.email).await?;
                    let letter = Letter { organization: &organization, invitation: &invitation, inviter, team };
                    self.send_letter(&mut tx, letter, &secret).await?;
                }
                let details =
                    json!({ "invitation": invitation.id, "roles": invitation.roles, "team": invitation.team_id });
                self.record(&mut tx, actor, "organization.invited", id, details).await?;
                tx.commit(now).await?;
                Ok(invitation)
            }),
        )
        .await
    }

    /// Sends an open invitation again under a new link; the earlier one ends. A team that is gone by now is left out.
    ///
    /// # Errors
    /// As [`invite`](Self::invite), and 404 when there is no such invitation, 409 when it has ended.
    pub async fn resend(&self, actor: &Actor, invitation: InvitationId) -> Result<Invitation> {
        let found = self.invitation_of(actor, invitation).await?;
        let id = found.organization_id;
        let tried = Attempt::new("organization.invited", id, json!({ "invitation": invitation }));
        let open = self.attempt(
            actor,
            tried,
            Box::pin(async {
                self.look(actor, id, Some(permission::INVITATION_CREATE)).await?;
                let is_open =
                    matches!(found.status(self.host.now()), InvitationStatus::Pending | InvitationStatus::Expired);
                if is_open { Ok(found) } else { Err(refusal::invitation_over()) }
            }),
        );
        let Invitation { email, roles, team_id, .. } = open.await?;
        let team = self.find_team(id, team_id).await?.map(|team| team.id);
        let new = NewInvitation { email, roles, resend: true, team };
        self.invite_instead(actor, id, new, Some(invitation)).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// 404 when there is none that whoever acts could see, 403 without `invitation:cancel`, 409 when it has ended.
    pub async fn cancel_invitation(&self, actor: &Actor, invitation: InvitationId) -> Result<()> {
        let found = self.invitation_of(actor, invitation).await?;
        let id = found.organization_id;
        let tried = Attempt::new("organization.invitation_canceled", id, json!({ "invitation": invitation }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::INVITATION_CANCEL)).await?;
                let Work { mut tx, powers, now, .. } = work;
                actor.must_cover(&powers, &self.powers_left(&mut tx, id, &found.roles).await?)?;
                if !store::invitations::consume(&mut tx, invitation, Ending::Cancel, now).await? {
                    return Err(refusal::invitation_over());
                }
                let details = json!({ "invitation": invitation });
                self.record(&mut tx, actor, "organization.invitation_canceled", id, details).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// The invitations of an organization, the newest first: those that can be accepted, or all that are remembered.
    ///
    /// # Errors
    /// 404, or 403 without `invitation:read`.
    pub async fn invitations(&self, actor: &Actor, id: OrgId, with_ended: bool) -> Result<Vec<Invitation>> {
        let mut conn = self.host.db().read().await?;
        self.admit(&mut conn, actor, id, Some(permission::INVITATION_READ)).await?;
        if with_ended {
            store::invitations::list(&mut conn, id).await
        } else {
            store::invitations::list_open(&mut conn, id, self.host.now()).await
        }
    }

    /// Refuses an invitation to another organization than this one, as one that never was: whoever acts may be in both.
    ///
    /// # Errors
    /// 404 when it is none of this organization.
    pub async fn must_invite_into(&self, id: OrgId, invitation: InvitationId) -> Result<()> {
        let found = store::invitations::find(&mut self.host.db().read().await?, invitation).await?;
        found.filter(|found| found.organization_id == id).map(drop).ok_or_else(refusal::unknown_invitation)
    }

    /// An invitation of an organization whoever acts is in. Where they are not, there is none.
    async fn invitation_of(&self, actor: &Actor, id: InvitationId) -> Result<Invitation> {
        let mut conn = self.host.db().read().await?;
        let found = store::invitations::find(&mut conn, id).await?.ok_or_else(refusal::unknown_invitation)?;
        match self.admit(&mut conn, actor, found.organization_id, None).await {
            Ok(_) => Ok(found),
            Err(failure) if failure.code() == refusal::unknown().code() => Err(refusal::unknown_invitation()),
            Err(failure) => Err(failure),
        }
    }

    /// Takes back what a member offered and could not offer any more, in an organization that is held: who was put down a
    /// moment ago does not come back through a friend. Of whoever invites nobody any more, that is all. Says what ended.
    pub(super) async fn withdraw_uncovered(
        &self,
        tx: &mut Tx,
        id: OrgId,
        inviter: UserId,
    ) -> Result<Vec<InvitationId>> {
        let mut ended = Vec::new();
        let Some(powers) = self.powers(tx, id, inviter).await? else { return Ok(ended) };
        let (now, invites) = (self.host.now(), powers.may(permission::INVITATION_CREATE));
        for offered in store::invitations::list_of_inviter(tx, id, inviter).await? {
            let is_over = !invites || powers.must_cover(&self.powers_left(tx, id, &offered.roles).await?).is_err();
            if is_over && store::invitations::consume(tx, offered.id, Ending::Cancel, now).await? {
                ended.push(offered.id);
            }
        }
        Ok(ended)
    }

    /// The same for everybody whose offers are open, when a role allows other things now: those who have it can offer less,
    /// and what was offered may bring more.
    pub(super) async fn withdraw_all_uncovered(&self, tx: &mut Tx, id: OrgId) -> Result<Vec<InvitationId>> {
        let mut ended = Vec::new();
        for inviter in store::invitations::list_inviters(tx, id).await? {
            ended.extend(self.withdraw_uncovered(tx, id, inviter).await?);
        }
        Ok(ended)
    }

    /// Whoever invites has a bucket, every recipient has one, and nobody can use up all of a recipient's.
    async fn limit_letters(&self, actor: &Actor, recipient: &str) -> Result<()> {
        let Some(user) = actor.user_id() else { return Ok(()) };
        let limits = self.host.limits();
        limits.take(LimitBucket::MailByAddress, &user.to_string()).await?;
        limits.take(LimitBucket::MailShare, &format!("{recipient} {user}")).await?;
        limits.take(LimitBucket::MailToRecipient, recipient).await
    }
}

/// Details of an act, with the invitations that ended by it: twenty by name, and how many there were besides.
pub(super) fn with_ended(mut details: Value, ended: &[InvitationId]) -> Value {
    let Some(words) = details.as_object_mut().filter(|_| !ended.is_empty()) else { return details };
    let (named, others) = ended.split_at(ended.len().min(MOST_NAMED));
    words.insert("withdrawn".to_owned(), json!(named));
    if !others.is_empty() {
        words.insert("others_withdrawn".to_owned(), json!(others.len()));
    }
    details
}

/// Reads an address: something, an `@` and a domain, without spaces. Whether it exists only a mail can tell.
fn read_email(text: &str) -> Result<String> {
    let email = normalize_email(text);
    let is_plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
    let is_fine = email.rsplit_once('@').is_some_and(|(local, domain)| {
        is_plain(local)
            && !local.contains('@')
            && is_plain(domain)
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    if is_fine && email.len() <= LONGEST_EMAIL { Ok(email) } else { Err(refusal::invalid_email()) }
}
