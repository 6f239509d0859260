//! Who may register a client where not everybody may: whoever was invited.

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{ClientInvitationId, Failure, PlainToken, Result, Timestamp, TokenKind};

use super::OAuth;
use crate::model::client::presentable_name;
use crate::model::invitation::Invitation;
use crate::model::refusal;
use crate::store;

/// An invitation to be made.
#[derive(Debug)]
pub struct NewInvitation {
    /// What to call it.
    pub name: String,
    /// How many clients may register with it.
    pub uses: u32,
    /// How long it lasts.
    pub ttl: Duration,
}

impl OAuth {
    /// Makes an invitation; its token is shown now or never.
    ///
    /// # Errors
    /// 409 where clients cannot register by invitation.
    pub async fn invite_client(&self, new: NewInvitation) -> Result<(PlainToken, Invitation)> {
        if !(self.settings.registration_by_invitation || self.settings.registration_open) {
            return Err(Failure::conflict("client.registration_closed", "No client can register itself here.")
                .hint("Set registration_by_invitation = true in [plugins.oauth-server]."));
        }
        let now = self.host.now();
        let token = TokenKind::Initial.mint(self.host.entropy());
        let invitation = Invitation {
            id: ClientInvitationId::new(self.host.clock(), self.host.entropy()),
            name: presentable_name(&new.name),
            uses_left: i64::from(new.uses),
            created_at: now,
            expires_at: now.plus(new.ttl),
        };
        let mut tx = self.host.db().begin().await?;
        store::invitations::insert(&mut tx, &invitation, token.hash()).await?;
        let details = json!({ "uses": invitation.uses_left, "expires_at": invitation.expires_at });
        self.record(&mut tx, &AuditEntry::done("client.invited").to(invitation.id).with(details)).await?;
        tx.commit(now).await?;
        Ok((token, invitation))
    }

    /// The invitations that still let somebody in, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_client_invitations(&self) -> Result<Vec<Invitation>> {
        store::invitations::list(&mut self.host.db().read().await?, self.host.now()).await
    }

    /// Takes an invitation back. Clients that have registered with it stay.
    ///
    /// # Errors
    /// 404 when there is none of this id.
    pub async fn withdraw_client_invitation(&self, id: ClientInvitationId) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        if !store::invitations::delete(&mut tx, id).await? {
            return Err(Failure::not_found("client.unknown_invitation", "There is no invitation of this id.")
                .hint("`belgie client invitations` shows the ids."));
        }
        self.record(&mut tx, &AuditEntry::done("client.invitation_withdrawn").to(id)).await?;
        tx.commit(now).await
    }

    /// Sees to it that nothing is done for whoever may not register; [`admit`](Self::admit) decides.
    ///
    /// # Errors
    /// `invalid_token` (status 401) as there.
    pub(super) async fn check_invitation(&self, shown: Option<&str>) -> Result<()> {
        if shown.is_none() && self.settings.registration_open {
            return Ok(());
        }
        let token = shown.and_then(|shown| PlainToken::parse_as(TokenKind::Initial, shown));
        let token = token.ok_or_else(refusal::not_invited)?;
        let mut conn = self.host.db().read().await?;
        let is_good = store::invitations::is_good(&mut conn, token.hash(), self.host.now()).await?;
        if is_good { Ok(()) } else { Err(refusal::not_invited()) }
    }

    /// Lets a client register itself: with an invitation, which is used up by it, or, where everybody may, without. What is
    /// shown must be good even then. It is used in the transaction that adds the client, so one that cannot be added uses nothing.
    ///
    /// # Errors
    /// `invalid_token` (status 401).
    pub(super) async fn admit(&self, tx: &mut Tx, shown: Option<&str>, now: Timestamp) -> Result<Option<Invitation>> {
        let Some(shown) = shown else {
            return if self.settings.registration_open { Ok(None) } else { Err(refusal::not_invited()) };
        };
        let token = PlainToken::parse_as(TokenKind::Initial, shown).ok_or_else(refusal::not_invited)?;
        store::invitations::consume(tx, token.hash(), now).await?.map(Some).ok_or_else(refusal::not_invited)
    }
}
