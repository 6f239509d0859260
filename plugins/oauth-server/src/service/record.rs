//! What goes on record about grants.

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Event, GrantId, Result, Timestamp, TokenId};

use super::OAuth;
use crate::model::grant::{EndedGrant, Grant, RevokeReason};
use crate::store;

impl OAuth {
    /// Puts an act on record.
    pub(super) async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
        self.host.audit().record(tx, entry).await
    }

    /// Ends a grant, says so and puts it on record; `false`, and nothing happens, when it has ended already. `act`: who ends
    /// it, when that is somebody.
    pub(super) async fn end_grant(
        &self,
        tx: &mut Tx,
        grant: GrantId,
        reason: RevokeReason,
        act: AuditEntry,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(ended) = store::grants::revoke(tx, grant, reason, now).await? else { return Ok(false) };
        self.note_end(tx, &ended, reason, act, now).await?;
        Ok(true)
    }

    /// Says that a grant has ended, and puts it on record. Whoever was cut off is asked about until the person lets them in by hand: that is
    /// kept beside the grants, which are forgotten, and of which there may be newer ones.
    pub(super) async fn note_end(
        &self,
        tx: &mut Tx,
        ended: &EndedGrant,
        reason: RevokeReason,
        act: AuditEntry,
        now: Timestamp,
    ) -> Result<()> {
        tx.emit(Event::GrantRevoked { grant: ended.id });
        let (user, client) = (ended.user_id, &ended.client_id);
        // Who gives its tokens back may come again; whoever is cut off, for whatever reason, is asked about.
        match (reason, ended.organization_id) {
            (RevokeReason::Client, _) => {}
            // An organization has a say in what is done for it, and in nothing else.
            (RevokeReason::Organization | RevokeReason::MembershipEnded, Some(organization)) => {
                store::consents::delete_given_within(tx, user, client, organization).await?;
                store::codes::delete_unspent_within(tx, user, client, organization).await?;
                store::devices::delete_unspent_within(tx, user, client, organization).await?;
            }
            _ => {
                store::consents::delete_given_to(tx, user, client).await?;
                store::codes::delete_unspent(tx, user, client).await?;
                store::devices::delete_unspent(tx, user, client).await?;
            }
        }
        // Of a client that goes there is nothing left to ask about.
        if !matches!(reason, RevokeReason::Client | RevokeReason::ClientDeleted) {
            store::denials::remember(tx, user, client, now).await?;
        }
        let details = json!({ "user": ended.user_id, "client": ended.client_id, "reason": reason.as_str() });
        self.record(tx, &act.to(ended.id).within(ended.organization_id).with(details)).await
    }

    /// Says that tokens have ended, and ends what was made of them.
    pub(super) async fn end_tokens(&self, tx: &mut Tx, ended: Vec<TokenId>, now: Timestamp) -> Result<()> {
        for token in ended {
            tx.emit(Event::TokenRevoked { token });
            for made in store::exchanged::revoke_from(tx, token, now).await? {
                tx.emit(Event::TokenRevoked { token: made });
            }
        }
        Ok(())
    }

    /// Puts on record that an agent was let in.
    pub(super) async fn note_grant(&self, tx: &mut Tx, grant: &Grant) -> Result<()> {
        let details = json!({
            "user": grant.user_id,
            "scopes": grant.scopes,
            "teams": grant.binding.team_ids,
            "resources": grant.resources,
            "ends_at": grant.ends_at,
        });
        let act = AuditEntry {
            actor: Some(grant.user_id),
            client: Some(grant.client_id.clone()),
            ..AuditEntry::done("grant.made")
        };
        self.record(tx, &act.to(grant.id).within(grant.binding.organization_id).with(details)).await
    }
}

/// The end of a grant that nobody asked for by name.
pub(super) fn ended() -> AuditEntry {
    AuditEntry::done("grant.ended")
}
