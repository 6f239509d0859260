//! Refresh tokens: a new pair with every use, the same pair for whoever asks again at once, and the end of the family for
//! everybody else who comes with a spent one (OAuth 2.1 section 4.3).

use belgie_api::db::Tx;
use belgie_api::{GrantId, PlainToken, Result, ScopeSet, Timestamp};

use super::OAuth;
use super::client_auth::ClientProof;
use super::issue::NewTokens;
use super::record::ended;
use super::redeem::{IssuedTokens, refuse};
use crate::model::answer::Answer;
use crate::model::grant::RevokeReason;
use crate::model::refusal;
use crate::model::request::narrow_resources;
use crate::model::scopes::narrow_scopes;
use crate::store;
use crate::store::tokens::RefreshToken;

/// A refresh token, and what is asked for with it.
pub(super) struct RefreshWish {
    pub(super) token: PlainToken,
    /// When less is asked for than was granted.
    pub(super) scopes: Option<ScopeSet>,
    pub(super) resources: Vec<String>,
}

impl RefreshWish {
    /// What the access token may be used for, and where.
    ///
    /// # Errors
    /// `invalid_scope` or `invalid_target` when more is asked for than was granted.
    fn within(&self, grant: &RefreshToken) -> Result<(ScopeSet, Vec<String>)> {
        let scopes = narrow_scopes(&grant.scopes, self.scopes.as_ref())?;
        Ok((scopes, narrow_resources(&grant.resources, &self.resources)?))
    }
}

impl OAuth {
    /// Rotates a refresh token (OAuth 2.1 section 4.3.1), or says again what was answered to it.
    pub(super) async fn refresh(&self, client: &ClientProof, wish: &RefreshWish) -> Result<IssuedTokens> {
        match self.rotate(client, wish).await? {
            Some(issued) => Ok(issued),
            None => self.repeat(client, wish).await,
        }
    }

    /// The refresh token of a request, spent or not. Another client's token says nothing about this one, and a guess of its
    /// id must not end somebody's grant. Whoever binds refresh tokens to a key compares it here.
    async fn find_own(&self, client: &ClientProof, token: &PlainToken) -> Result<RefreshToken> {
        let found = store::tokens::find_refresh(&mut self.host.db().read().await?, token.hash()).await?;
        found.filter(|found| found.client_id == client.id).ok_or_else(refusal::invalid_grant)
    }

    /// Spends an unspent token and makes its successor, in one transaction; `None` when it is spent, by whomever. A request
    /// that asks for too much spends nothing, nor does one of somebody who is gone: a ban may end, and the agent is still
    /// theirs.
    async fn rotate(&self, client: &ClientProof, wish: &RefreshWish) -> Result<Option<IssuedTokens>> {
        let now = self.host.now();
        let found = self.find_own(client, &wish.token).await?;
        if found.consumed_at.is_some() {
            return Ok(None);
        }
        if found.has_ended(now) || found.expires_at <= now || self.is_gone(&found).await? {
            return Err(refusal::invalid_grant());
        }
        let (scopes, audience) = wish.within(&found)?;
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let mut tx = self.host.db().begin().await?;
        // Whoever comes second waits here until the first has committed, and then finds the answer; if the first dies or
        // fails, it is the second's turn.
        if !store::tokens::consume_refresh(&mut tx, wish.token.hash(), now).await? {
            return Ok(None);
        }
        let expires_at = self.next_end(true, found.ends_at, now);
        if !store::grants::extend(&mut tx, found.grant_id, expires_at, now).await? {
            return Err(refusal::invalid_grant());
        }
        let new = NewTokens {
            grant: found.grant_id,
            user: found.user_id,
            client: found.client_id,
            scopes,
            binding: found.binding.into(),
            audience: audience.clone(),
            refresh_until: Some(expires_at),
            previous: Some(wish.token.hash()),
            signed_in_at: found.signed_in_at,
            now,
            ends_at: found.ends_at,
        };
        let issued = self.issue(&mut tx, &keys, new).await?;
        self.keep_answer(&mut tx, wish, found.grant_id, &issued, audience, now).await?;
        tx.commit(now).await?;
        Ok(Some(issued))
    }

    /// Keeps the answer for the time in which it may be given again.
    async fn keep_answer(
        &self,
        tx: &mut Tx,
        wish: &RefreshWish,
        grant: GrantId,
        issued: &IssuedTokens,
        resources: Vec<String>,
        now: Timestamp,
    ) -> Result<()> {
        let Some(refresh) = issued.refresh.clone().filter(|_| !self.settings.refresh_grace.is_zero()) else {
            return Ok(());
        };
        let expires_at = now.plus(issued.expires_in);
        let answer =
            Answer { access: issued.access.clone(), refresh, scopes: issued.scopes.clone(), resources, expires_at };
        let sealed = answer.seal(&wish.token, grant, self.host.entropy())?;
        store::tokens::keep_answer(tx, wish.token.hash(), &sealed).await
    }

    /// A spent token: the answer it was given, if it comes in time and nobody has used what it brought; else the end of its
    /// family.
    async fn repeat(&self, client: &ClientProof, wish: &RefreshWish) -> Result<IssuedTokens> {
        let now = self.host.now();
        let found = self.find_own(client, &wish.token).await?;
        if found.has_ended(now) {
            return Err(refusal::invalid_grant());
        }
        let in_time = found.consumed_at.is_some_and(|spent| now < spent.plus(self.settings.refresh_grace));
        let Some(sealed) = found.answer.as_ref().filter(|_| in_time) else {
            return self.end_reused(found.grant_id, now).await;
        };
        if self.is_gone(&found).await? {
            return Err(refusal::invalid_grant());
        }
        let (scopes, audience) = wish.within(&found)?;
        let answer = Answer::open(sealed, &wish.token, found.grant_id)?;
        // Another request than the one that was answered: it gets no more than it asked for, and is no theft.
        if !answer.is_within(&scopes, &audience) {
            return Err(refusal::invalid_grant());
        }
        tracing::info!(grant.id = %found.grant_id, "a refresh token came again in time: the same answer");
        Ok(IssuedTokens {
            id_token: None,
            expires_in: answer.expires_at.since(now),
            access: answer.access,
            refresh: Some(answer.refresh),
            scopes: answer.scopes,
            binding: found.binding.into(),
        })
    }

    /// A refresh token came twice: somebody else has it, and nobody can say who. The whole family ends.
    async fn end_reused(&self, grant: GrantId, now: Timestamp) -> Result<IssuedTokens> {
        tracing::warn!(grant.id = %grant, "a refresh token came twice: its grant is revoked");
        let mut tx = self.host.db().begin().await?;
        self.end_grant(&mut tx, grant, RevokeReason::RefreshReused, ended(), now).await?;
        refuse(tx, now, refusal::invalid_grant()).await
    }

    /// Whether the person of a grant is banned, or no more in the organization it lets act for.
    async fn is_gone(&self, found: &RefreshToken) -> Result<bool> {
        let is_there = self.host.accounts().find(found.user_id).await?.is_some();
        Ok(!is_there || !self.stands(found.user_id, &found.binding.clone().into(), &found.resources).await?)
    }

    /// Forgets answers that are not to be given any more. Looks first: on SQLite whoever writes keeps others from it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_answers(&self) -> Result<()> {
        let now = self.host.now();
        let until = now.minus(self.settings.refresh_grace);
        if !store::tokens::has_old_answers(&mut self.host.db().read().await?, until).await? {
            return Ok(());
        }
        let mut tx = self.host.db().begin().await?;
        store::tokens::purge_answers(&mut tx, until).await?;
        tx.commit(now).await
    }
}
