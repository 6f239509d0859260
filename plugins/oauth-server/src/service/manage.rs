//! What a client may do about its own registration (RFC 7592).

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::{ClientId, PlainToken, Result, TokenKind};

use super::OAuth;
use crate::model::client::RegisteredClient;
use crate::model::refusal;
use crate::model::registration::{Change, Registration};
use crate::store;

impl OAuth {
    /// The client that shows its registration access token.
    ///
    /// # Errors
    /// `invalid_token` (status 401), the same for a wrong token and for a client that is not there any more (RFC 7592 section 2.1).
    pub async fn read_registration(&self, id: &ClientId, token: &str) -> Result<RegisteredClient> {
        let client = self.find_registered(id).await?;
        holder(client, token)
    }

    /// Puts other metadata in the place of the present ones: what is left out is as it would be with a new registration. What
    /// people were shown of the client may not change behind their back, so whoever was not to be asked again is; grants that
    /// there are go on as they were given.
    ///
    /// # Errors
    /// `invalid_token` (401); `invalid_client_metadata` when it is another client's, names another secret, would have a
    /// secret where it had none, or none where it had one, or would know people by other names.
    pub async fn change_registration(&self, id: &ClientId, token: &str, change: Change) -> Result<RegisteredClient> {
        let asked = &change.registration;
        let sector = self.find_sector(&asked.subjects, &asked.redirect_uris).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let before = holder(store::secrets::hold(&mut tx, id).await?, token)?;
        if change.client_id.as_deref() != Some(id.as_str()) {
            return Err(refusal::invalid_client_metadata("client_id must be the client's own."));
        }
        if change.client_secret.is_some_and(|secret| !self.is_secret_of(&before, &secret, now)) {
            return Err(refusal::invalid_client_metadata("client_secret must be the present one, or left out."));
        }
        let after = self.put_registration(&mut tx, before, change.registration, sector).await?;
        let act = AuditEntry { client: Some(id.clone()), ..AuditEntry::done("client.changed") };
        self.record(&mut tx, &act.to(id)).await?;
        tx.commit(now).await?;
        Ok(after)
    }

    /// Writes what a client is to be. The row is held.
    ///
    /// # Errors
    /// As [`change_registration`](Self::change_registration).
    pub(super) async fn put_registration(
        &self,
        tx: &mut Tx,
        before: RegisteredClient,
        registration: Registration,
        sector: Option<String>,
    ) -> Result<RegisteredClient> {
        let mut after = before.clone();
        after.name = registration.name;
        after.uri = registration.uri;
        after.redirect_uris = registration.redirect_uris;
        registration.auth_method.as_str().clone_into(&mut after.auth_method);
        registration.application_type.as_str().clone_into(&mut after.application_type);
        after.grant_types = registration.grant_types;
        after.scopes = registration.scopes;
        after.id_token_algorithm = registration.id_token_algorithm;
        after.keys = registration.keys;
        after.rules = registration.rules;
        if before.sector != sector {
            return Err(refusal::names_are_settled());
        }
        after.post_logout_redirect_uris = registration.logout.redirect_uris;
        after.backchannel_logout_uri = registration.logout.backchannel_uri;
        let kind = |client: &RegisteredClient| (client.auth_method == "none", client.keys.is_some());
        if kind(&before) != kind(&after) {
            return Err(refusal::invalid_client_metadata(
                "A public client stays public, and one with a secret or with keys keeps to that. Register another client.",
            ));
        }
        store::clients::update(tx, &after).await?;
        if let Some(keys) = &after.keys {
            store::client_keys::set(tx, &after.id, keys).await?;
        }
        if before.is_another(&after) {
            store::owned::set_trust(tx, &after.id, None).await?;
            after.standing.trusted_at = None;
        }
        self.note_looks(tx, &before, &after).await?;
        Ok(after)
    }

    /// Lets nothing go on that people have answered when they were shown something else. The client is held, as it is by whoever
    /// redeems an answer.
    pub(super) async fn note_looks(
        &self,
        tx: &mut Tx,
        before: &RegisteredClient,
        after: &RegisteredClient,
    ) -> Result<()> {
        if before.looks_different(after) {
            store::interactions::delete_of_client(tx, &after.id).await?;
            store::consents::delete_of_client(tx, &after.id).await?;
            store::codes::delete_of_client(tx, &after.id).await?;
            store::devices::delete_waiting_of(tx, &after.id).await?;
        }
        Ok(())
    }

    /// Ends a client that asks for it, with everything given to it.
    ///
    /// # Errors
    /// `invalid_token` (401).
    pub async fn end_registration(&self, id: &ClientId, token: &str) -> Result<()> {
        self.read_registration(id, token).await?;
        let act = AuditEntry { client: Some(id.clone()), ..AuditEntry::done("client.deleted") };
        self.delete_client_as(id, act).await.map(drop)
    }
}

fn holder(client: Option<RegisteredClient>, token: &str) -> Result<RegisteredClient> {
    let token = PlainToken::parse_as(TokenKind::Registration, token).ok_or_else(refusal::no_registration)?;
    client.filter(|client| client.is_managed_with(token.hash())).ok_or_else(refusal::no_registration)
}
