//! The end of a key that others have, or may have: nothing it signed counts any more.

use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Event, Failure, Result};

use super::super::OAuth;
use super::make;
use crate::model::key::{KeyAlgorithm, KeyState, StoredKey};
use crate::store;

/// What the end of a key has brought.
#[derive(Debug)]
pub struct RevokedKey {
    /// Of which algorithm it was.
    pub algorithm: KeyAlgorithm,
    /// The key that signs in its place; `None` when it did not sign.
    pub current: Option<String>,
    /// How many access tokens ended with it.
    pub tokens: usize,
}

impl OAuth {
    /// Ends a key at once: it is not published any more, the access tokens that it has signed end, and no id token of it is a
    /// hint. One that signed or waited is replaced, whether or not others know the next one yet.
    ///
    /// # Errors
    /// 404 `key.unknown` when there is none of this id.
    pub async fn revoke_key(&self, id: &str) -> Result<RevokedKey> {
        let known = self.list_keys().await?;
        let algorithm = known.iter().find(|key| key.id == id).map(|key| key.algorithm).ok_or_else(unknown)?;
        // RSA takes a while, and nobody in a transaction should.
        let fresh = make(algorithm).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::keys::hold(&mut tx, algorithm).await?;
        let keys = store::keys::list(&mut tx).await?;
        let key = keys.iter().find(|key| key.id == id).ok_or_else(unknown)?;
        let mut tokens = store::tokens::revoke_signed(&mut tx, id, now).await?;
        tokens.extend(store::client_tokens::revoke_signed(&mut tx, id, now).await?);
        let count = tokens.len();
        store::keys::delete(&mut tx, id).await?;
        let waits = |other: &&StoredKey| other.algorithm == algorithm && other.state() == KeyState::Next;
        let current = match key.state() {
            KeyState::Current => keys.iter().find(waits).map(|next| next.id.clone()),
            KeyState::Next | KeyState::Retired => None,
        };
        if let Some(next) = &current {
            store::keys::promote(&mut tx, next, now).await?;
        }
        if key.state() != KeyState::Retired {
            self.add_key(&mut tx, &fresh, None, now).await?;
        }
        let details = json!({ "algorithm": algorithm.as_str(), "state": key.state().as_str(), "tokens": count });
        self.record(&mut tx, &AuditEntry::done("key.revoked").to(id).with(details)).await?;
        tx.emit(Event::SigningKeysChanged);
        self.end_tokens(&mut tx, tokens, now).await?;
        tx.commit(now).await?;
        Ok(RevokedKey { algorithm, current, tokens: count })
    }
}

fn unknown() -> Failure {
    Failure::not_found("key.unknown", "There is no key of this id.").hint("`belgie key list` shows the ids.")
}
