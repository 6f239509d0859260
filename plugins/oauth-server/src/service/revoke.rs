//! The revocation endpoint (RFC 7009).

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Event, PlainToken, Result, TokenHash, TokenKind};

use super::OAuth;
use super::client_auth::ClientProof;
use super::record::ended;
use crate::model::access_token::is_signed_form;
use crate::model::grant::RevokeReason;
use crate::model::refusal;
use crate::store;

impl OAuth {
    /// Takes back a token of the client: a refresh token with its whole grant, an access token alone (RFC 7009
    /// section 2.1 leaves that choice). A token that is unknown or over is as good as taken back (section 2.2).
    ///
    /// # Errors
    /// `invalid_grant` when the token was given to another client; then nothing happens.
    pub async fn revoke(&self, client: &ClientProof, token: &str) -> Result<()> {
        // A signed token is found by its hash like any other: nobody else can have made one that has a row.
        let (kind, hash) = match self.spelling.read_any(token) {
            Some(token) => (token.kind(), token.hash()),
            None if is_signed_form(token) => (TokenKind::Access, TokenHash::of(token)),
            None => return Ok(()),
        };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        match kind {
            TokenKind::Refresh => {
                let Some(found) = store::tokens::find_refresh(&mut tx, hash).await? else { return Ok(()) };
                if found.client_id != client.id {
                    return Err(refusal::invalid_grant());
                }
                self.check_proof(client, hash).await?;
                let act = AuditEntry { client: Some(found.client_id), ..ended() };
                self.end_grant(&mut tx, found.grant_id, RevokeReason::Client, act, now).await?;
            }
            TokenKind::Access => {
                let Some(found) = store::tokens::find_owner(&mut tx, hash).await? else {
                    return self.revoke_of_machine(tx, client, hash).await;
                };
                if found.client_id != client.id {
                    return Err(refusal::invalid_grant());
                }
                if store::tokens::revoke_access(&mut tx, found.id, now).await? {
                    self.end_tokens(&mut tx, vec![found.id], now).await?;
                    let act = AuditEntry { client: Some(found.client_id), ..AuditEntry::done("token.revoked") };
                    let details = json!({ "user": found.user_id, "grant": found.grant_id });
                    let act = act.to(found.id).within(found.organization_id).with(details);
                    self.record(&mut tx, &act).await?;
                }
            }
            // Personal tokens have no client, so they come another way; nothing else is a client's to take back.
            _ => return Ok(()),
        }
        tx.commit(now).await
    }

    /// Takes back a token behind which there is no person, if it is one.
    async fn revoke_of_machine(&self, mut tx: Tx, client: &ClientProof, token: TokenHash) -> Result<()> {
        let now = self.host.now();
        let Some((id, owner)) = store::client_tokens::find_owner(&mut tx, token).await? else { return Ok(()) };
        if owner != client.id {
            return Err(refusal::invalid_grant());
        }
        if store::client_tokens::revoke(&mut tx, id, now).await? {
            tx.emit(Event::TokenRevoked { token: id });
            let act = AuditEntry { client: Some(owner), ..AuditEntry::done("token.revoked") };
            self.record(&mut tx, &act.to(id)).await?;
        }
        tx.commit(now).await
    }

    /// Ends a personal token for whoever holds it: it belongs to no client, and a thief who ends it only loses it. So a
    /// program that finds one where it should not be can make it harmless. A text that is none, or over, is as good as
    /// ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back_personal(&self, token: &PlainToken) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let Some(found) = store::tokens::find_owner(&mut tx, token.hash()).await? else { return Ok(()) };
        self.end_grant(&mut tx, found.grant_id, RevokeReason::Client, ended(), now).await?;
        tx.commit(now).await
    }
}
