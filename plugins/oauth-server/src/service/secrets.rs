//! New secrets for clients that have one.

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{ClientId, Failure, Result, Timestamp, TokenKind};

use super::OAuth;
use super::clients::NewClient;
use crate::model::secret::{Rotation, SecretExpiry};
use crate::store;

/// How long the secret before a new one goes on at most.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

impl OAuth {
    /// When a secret ends that is made now: as it is asked for, or as the settings have it.
    ///
    /// # Errors
    /// 400 when that is over already.
    pub(super) fn secret_end(&self, asked: Option<SecretExpiry>, now: Timestamp) -> Result<Option<Timestamp>> {
        asked.unwrap_or(self.settings.client_secret_expires).end(now).map_err(|_| {
            Failure::bad_request("client.secret_over", "The secret would have ended already.")
                .hint("Name a later date, or change client_secret_expires of [plugins.oauth-server].")
        })
    }

    /// Gives a client a new secret, shown now or never. The present one goes on for `overlap`, if that is longer than nothing and
    /// it does not end before; one that still went on beside it ends. `act`: who does it.
    ///
    /// # Errors
    /// 404 for an unknown client, 400 for one that has no secret, or a time that cannot be.
    pub async fn rotate_secret(
        &self,
        id: &ClientId,
        overlap: Duration,
        expiry: Option<SecretExpiry>,
        act: AuditEntry,
    ) -> Result<NewClient> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let new = self.rotate_in(&mut tx, id, overlap, expiry, act).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    /// The same, in a transaction that goes on.
    pub(super) async fn rotate_in(
        &self,
        tx: &mut Tx,
        id: &ClientId,
        overlap: Duration,
        expiry: Option<SecretExpiry>,
        act: AuditEntry,
    ) -> Result<NewClient> {
        if overlap > LONGEST_OVERLAP {
            return Err(Failure::bad_request("client.overlap_too_long", "Two secrets overlap for 30 days at most."));
        }
        let now = self.host.now();
        let mut client = store::secrets::hold(tx, id).await?.ok_or_else(unknown_client)?;
        let Some(present) = client.secret_hash.take() else {
            return Err(Failure::bad_request("client.no_secret", "This client is public: it has no secret."));
        };
        let secret = self.spelling.mint(TokenKind::ClientSecret, self.host.entropy());
        let until = now.plus(overlap);
        let previous_ends_at = client.secrets.secret_expires_at.map_or(until, |end| end.min(until));
        let rotation = Rotation {
            hash: secret.hash(),
            expires_at: self.secret_end(expiry, now)?,
            previous_ends_at: Some(previous_ends_at).filter(|end| *end > now),
        };
        store::secrets::rotate(tx, id, &rotation).await?;
        let details = json!({ "previous_ends_at": rotation.previous_ends_at, "expires_at": rotation.expires_at });
        self.record(tx, &act.to(id).with(details)).await?;
        client.secret_hash = Some(rotation.hash.as_bytes().to_vec());
        client.secrets.secret_expires_at = rotation.expires_at;
        client.secrets.previous_secret_hash = rotation.previous_ends_at.map(|_| present);
        client.secrets.previous_secret_ends_at = rotation.previous_ends_at;
        Ok(NewClient { client, secret: Some(self.spelling.write(&secret)?), registration_token: None })
    }
}

/// There is no such client.
pub fn unknown_client() -> Failure {
    Failure::not_found("client.unknown", "There is no client of this id.").hint("`belgie client list` shows the ids.")
}
