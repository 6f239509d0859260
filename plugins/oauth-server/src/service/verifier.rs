//! Checking access and personal tokens, for every request of the resource server.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::context::ClientContext;
use belgie_api::ports::TokenVerifier;
use belgie_api::{
    GrantId, Holder, PlainToken, Result, ScopeSet, Timestamp, TokenKind, UserId, VerifiedToken, async_trait,
};

use super::OAuth;
use crate::store;

/// How exactly the last use of a grant is known.
const USE_IS_KNOWN_TO: Duration = Duration::from_secs(60);

/// Checks the tokens this server hands out.
pub struct Verifier(Arc<OAuth>);

impl Verifier {
    /// A verifier of this server's tokens.
    #[must_use]
    pub fn new(oauth: Arc<OAuth>) -> Self {
        Self(oauth)
    }

    /// A token loses what its person's account has lost since.
    async fn scopes_today(&self, user: UserId, granted: ScopeSet) -> Result<ScopeSet> {
        if !granted.depends_on_account() {
            return Ok(granted);
        }
        let account = self.0.host.accounts().find(user).await?.map(|user| user.scopes).unwrap_or_default();
        Ok(granted.within_account(&account))
    }

    async fn note_use(&self, grant: GrantId, now: Timestamp, unless_after: Timestamp) -> Result<()> {
        let mut tx = self.0.host.db().begin().await?;
        store::grants::note_use(&mut tx, grant, now, unless_after).await?;
        tx.commit(now).await
    }
}

#[async_trait]
impl TokenVerifier for Verifier {
    fn kinds(&self) -> &[TokenKind] {
        &[TokenKind::Access, TokenKind::Personal]
    }

    async fn verify(&self, token: &PlainToken, now: Timestamp) -> Result<Option<VerifiedToken>> {
        if !self.kinds().contains(&token.kind()) {
            return Ok(None);
        }
        let mut conn = self.0.host.db().read().await?;
        let Some(found) = store::tokens::find_live(&mut conn, token.hash(), now).await? else { return Ok(None) };
        drop(conn);
        let unless_after = now.minus(USE_IS_KNOWN_TO);
        if found.last_used_at.is_none_or(|last| last < unless_after) {
            // A token is no less good because its use could not be noted.
            if let Err(failure) = self.note_use(found.grant_id, now, unless_after).await {
                tracing::warn!(error = ?failure, "the use of a token could not be noted");
            }
        }
        let scopes = self.scopes_today(found.user_id, found.scopes).await?;
        Ok(Some(VerifiedToken {
            holder: Holder::Person(found.user_id),
            client: ClientContext { id: found.client_id, name: found.client_name },
            grant: Some(found.grant_id),
            token: found.id,
            scopes,
            audience: found.resources,
            binding: found.binding.into(),
            expires_at: found.expires_at,
        }))
    }
}
