//! Tokens of linked accounts, renewed when they end: by one at a time, on this node and on all.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::http::StatusCode;
use belgie_api::{Failure, Result, Timestamp, UserId};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::Engine;
use super::accounts::Tokens;
use crate::model::account::LinkedAccount;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Expected, Provider};
use crate::store;

/// How many answers of the provider a refresh waits for at most: the description, the tokens, the keys, and one for ways of
/// its own. Another node may try once all of them could have come.
const ANSWERS: u32 = 4;
/// What else a refresh may take: the database, and a clock that differs.
const MARGIN: Duration = Duration::from_secs(30);
/// How often a node looks whether another is done. It waits for as long as the provider may take for one answer.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn busy() -> Failure {
    Failure::with_status(StatusCode::SERVICE_UNAVAILABLE, "refresh_in_progress", "The tokens are being renewed.")
        .hint("Try again in a moment.")
}

impl Engine {
    /// The tokens of a linked account; renewed before, when they end within a minute and that is wished.
    ///
    /// # Errors
    /// `account_not_found`, `account_ambiguous`, `token_missing`, `token_refresh_failed`, or when the provider does not answer.
    pub async fn tokens(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        user: UserId,
        named: Option<&str>,
        renews: bool,
    ) -> Result<Tokens> {
        let (account, tokens) = self.current_tokens(provider, user, named, renews).await?;
        if tokens.access_token.is_none() {
            return Err(refusal::no_token());
        }
        Ok(describe(&account, tokens))
    }

    /// Renews the tokens of a linked account whatever their end.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens).
    pub async fn refresh(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        user: UserId,
        named: Option<&str>,
    ) -> Result<Tokens> {
        let account = self.pick(provider, user, named).await?;
        let (account, tokens) = self.renew(provider, account).await?;
        Ok(describe(&account, tokens))
    }

    pub(super) async fn current_tokens(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        user: UserId,
        named: Option<&str>,
        renews: bool,
    ) -> Result<(LinkedAccount, TokenSet)> {
        let account = self.pick(provider, user, named).await?;
        let tokens = self.open_tokens(&account)?;
        if renews && tokens.is_near_end(self.host.now()) && tokens.refresh_token.is_some() {
            return self.renew(provider, account).await;
        }
        if self.is_stale(&account) {
            // The tokens are good as they are: nobody waits for this, or goes without because it fails.
            let (engine, provider, seen) = (Arc::clone(self), Arc::clone(provider), account.clone());
            let work = async move { engine.seal_latest(&provider, &seen).await };
            self.host.on_the_side("oauth-client.seal", work);
        }
        Ok((account, tokens))
    }

    /// Gets new tokens. Whoever comes while somebody does so waits, and takes what came of it.
    async fn renew(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        seen: LinkedAccount,
    ) -> Result<(LinkedAccount, TokenSet)> {
        let turn = provider.turn(seen.id);
        let _my_turn = turn.lock().await;
        for _ in 0..=provider.settings().timeout.as_millis() / LOOK_EVERY.as_millis() {
            let account = self.find_again(&seen).await?;
            if has_moved(&seen, &account) {
                let tokens = self.open_tokens(&account)?;
                return Ok((account, tokens));
            }
            let (engine, provider, seen) = (Arc::clone(self), Arc::clone(provider), seen.clone());
            let work = async move { engine.renew_if_free(&provider, &seen).await };
            // The provider may have used the refresh token up when the client hangs up.
            if let Some(renewed) = self.host.to_the_end("oauth-client.renew", work).await? {
                return Ok(renewed);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(busy())
    }

    /// Gets new tokens, unless somebody else does so.
    async fn renew_if_free(
        &self,
        provider: &Provider,
        seen: &LinkedAccount,
    ) -> Result<Option<(LinkedAccount, TokenSet)>> {
        let Some(lease) = self.take_lease(provider, seen).await? else { return Ok(None) };
        let renewed = self.renew_with(provider, seen, lease).await;
        self.give_lease_back(seen, lease).await?;
        renewed.map(Some)
    }

    /// Gets new tokens for whoever holds the lease.
    async fn renew_with(
        &self,
        provider: &Provider,
        seen: &LinkedAccount,
        lease: Timestamp,
    ) -> Result<(LinkedAccount, TokenSet)> {
        // Between the look and the lease another node may have been done.
        let mut account = self.find_again(seen).await?;
        if !has_moved(seen, &account) {
            account = self.ask(provider, account).await?;
            if !self.keep_tokens(&account, lease).await? {
                // The provider took so long that somebody else took over: theirs are the latest.
                account = self.find_again(seen).await?;
            }
        }
        let tokens = self.open_tokens(&account)?;
        Ok((account, tokens))
    }

    /// Seals anew what is there now. Whoever holds the lease does so anyway.
    async fn seal_latest(&self, provider: &Provider, seen: &LinkedAccount) -> Result<()> {
        let Some(lease) = self.take_lease(provider, seen).await? else { return Ok(()) };
        let mut latest = self.find_again(seen).await?;
        self.seal_again(&mut latest)?;
        self.keep_tokens(&latest, lease).await.map(drop)
    }

    /// The account with the tokens the provider gives for its refresh token.
    async fn ask(&self, provider: &Provider, mut account: LinkedAccount) -> Result<LinkedAccount> {
        let before = self.open_tokens(&account)?;
        let refresh_token = before.refresh_token.ok_or_else(refusal::no_token)?;
        let line = provider.line(&self.host).await?;
        let fresh = provider.strategy().refresh_tokens(&line, refresh_token, account.scope.as_deref()).await;
        let mut fresh = fresh.map_err(|failure| match failure.status().is_client_error() {
            true => refusal::refresh_failed(failure),
            false => failure,
        })?;
        if fresh.access_token.is_none() {
            return Err(refusal::refresh_failed("no access token came"));
        }
        if let Some(id_token) = &fresh.id_token {
            match line.verify(id_token.expose_secret(), Expected::default()).await {
                // OpenID Connect Core 1.0 section 12.2: a refreshed id_token speaks of the same person.
                Ok((claims, _)) if !speaks_of(&claims, &account) => {
                    return Err(refusal::refresh_failed("the new id_token speaks of somebody else"));
                }
                Ok(_) => {}
                // The refresh token may be spent, so the rest is kept all the same.
                Err(failure) => {
                    tracing::warn!(error = ?failure, "the id_token of a refresh cannot be verified and is left out");
                    fresh.id_token = None;
                }
            }
        }
        self.put_tokens(&mut account, &fresh)?;
        Ok(account)
    }

    async fn find_again(&self, seen: &LinkedAccount) -> Result<LinkedAccount> {
        let mut conn = self.host.db().read().await?;
        let found = store::accounts::find_by_id(&mut conn, seen.id, seen.user_id).await?;
        found.ok_or_else(refusal::account_not_found)
    }

    /// The end of the lease, when nobody else has it.
    async fn take_lease(&self, provider: &Provider, account: &LinkedAccount) -> Result<Option<Timestamp>> {
        let now = self.host.now();
        let until = now.plus(provider.settings().timeout * ANSWERS + MARGIN);
        let mut tx = self.host.db().begin().await?;
        let has_it = store::accounts::lease(&mut tx, account.id, until, now).await?;
        tx.commit(now).await?;
        Ok(has_it.then_some(until))
    }

    async fn give_lease_back(&self, account: &LinkedAccount, lease: Timestamp) -> Result<()> {
        let mut tx = self.host.db().begin().await?;
        store::accounts::release(&mut tx, account.id, lease).await?;
        tx.commit(self.host.now()).await
    }

    async fn keep_tokens(&self, account: &LinkedAccount, lease: Timestamp) -> Result<bool> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let is_kept = store::accounts::keep_tokens(&mut tx, account, lease, now).await?;
        tx.commit(now).await?;
        Ok(is_kept)
    }
}

fn speaks_of(claims: &Claims, account: &LinkedAccount) -> bool {
    claims.get("sub").and_then(Value::as_str) == Some(account.subject.as_str())
}

/// Whether somebody stored other tokens since. Every sealing is another text.
fn has_moved(seen: &LinkedAccount, now: &LinkedAccount) -> bool {
    seen.access_token != now.access_token
}

fn describe(account: &LinkedAccount, tokens: TokenSet) -> Tokens {
    Tokens {
        provider: account.provider.clone(),
        provider_account_id: account.subject.clone(),
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
        token_type: tokens.token_type,
        scope: tokens.scope,
        access_token_expires_at: tokens.access_expires_at,
        refresh_token_expires_at: tokens.refresh_expires_at,
    }
}
