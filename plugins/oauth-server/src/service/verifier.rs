//! Checking access and personal tokens, for every request of the resource server.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::context::ClientContext;
use belgie_api::ports::TokenVerifier;
use belgie_api::{
    GrantId, Holder, PlainToken, Result, ScopeSet, Timestamp, TokenHash, TokenKind, UserId, VerifiedToken, async_trait,
};

use super::OAuth;
use crate::model::access_token::{AccessClaims, SIGNED_TYPE};
use crate::model::grant::LiveToken;
use crate::store;

/// How exactly the last use of a grant is known.
const USE_IS_KNOWN_TO: Duration = Duration::from_secs(60);

/// Checks the tokens this server hands out.
pub struct Verifier(Arc<OAuth>);

/// A token that is good now.
pub(super) struct Found {
    /// What it says.
    pub(super) token: VerifiedToken,
    /// What its client knows the person by; `None` for the account's own id.
    pub(super) subject: Option<String>,
}

impl Verifier {
    /// A verifier of this server's tokens.
    #[must_use]
    pub fn new(oauth: Arc<OAuth>) -> Self {
        Self(oauth)
    }

    pub(super) fn oauth(&self) -> &OAuth {
        &self.0
    }

    /// A token that is good now, whoever asks.
    pub(super) async fn find(&self, token: &str) -> Result<Option<Found>> {
        let now = self.0.host.now();
        match self.0.spelling().read_any(token) {
            Some(token) if self.kinds().contains(&token.kind()) => self.find_by(token.hash(), now).await,
            Some(_) => Ok(None),
            None => self.find_signed(token, now).await,
        }
    }

    /// Signature and claims first, then the row: a revoked token is over at once, however long its claims say it lasts.
    async fn find_signed(&self, text: &str, now: Timestamp) -> Result<Option<Found>> {
        let Some(claims) = self.0.check_signature::<AccessClaims>(text, SIGNED_TYPE).await? else { return Ok(None) };
        if !claims.is_in_force(self.0.host.urls().issuer(), now) {
            return Ok(None);
        }
        let found = self.find_by(TokenHash::of(text), now).await?;
        Ok(found.filter(|found| claims.is_of(&found.token, found.subject.as_deref())))
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

    fn read(&self, text: &str) -> Option<PlainToken> {
        self.0.spelling().read_any(text)
    }

    async fn verify(&self, token: &PlainToken, now: Timestamp) -> Result<Option<VerifiedToken>> {
        if !self.kinds().contains(&token.kind()) {
            return Ok(None);
        }
        Ok(self.find_by(token.hash(), now).await?.map(|found| found.token))
    }

    fn reads_signed(&self) -> bool {
        true
    }

    async fn verify_signed(&self, text: &str, now: Timestamp) -> Result<Option<VerifiedToken>> {
        Ok(self.find_signed(text, now).await?.map(|found| found.token))
    }
}

impl Verifier {
    /// The token of this hash, if it is in force.
    async fn find_by(&self, hash: TokenHash, now: Timestamp) -> Result<Option<Found>> {
        let hierarchy = &self.0.host.catalog()?.hierarchy;
        let found = store::tokens::find_live(&mut self.0.host.db().read().await?, hash, now, hierarchy).await?;
        match found {
            Some(found) => self.verified(found, now).await.map(Some),
            None => Ok(self.0.find_client_token(hash, now).await?.map(|token| Found { token, subject: None })),
        }
    }

    /// What a token in force says, and that it was seen.
    async fn verified(&self, found: LiveToken, now: Timestamp) -> Result<Found> {
        let unless_after = now.minus(USE_IS_KNOWN_TO);
        if found.last_used_at.is_none_or(|last| last < unless_after) {
            // A token is no less good because its use could not be noted.
            if let Err(failure) = self.note_use(found.grant_id, now, unless_after).await {
                tracing::warn!(error = ?failure, "the use of a token could not be noted");
            }
        }
        let scopes = self.scopes_today(found.user_id, found.scopes).await?;
        let token = VerifiedToken {
            holder: Holder::Person(found.user_id),
            client: ClientContext { id: found.client_id, name: found.client_name },
            actors: found.actors,
            grant: Some(found.grant_id),
            token: found.id,
            scopes,
            audience: found.resources,
            binding: found.binding.into(),
            expires_at: found.expires_at,
            key: found.key_thumbprint,
        };
        Ok(Found { token, subject: found.subject })
    }
}
