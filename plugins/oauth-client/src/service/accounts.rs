//! The linked accounts of a person.

use std::sync::Arc;

use belgie_api::hooks::Act;
use belgie_api::ports::{AuditEntry, Notice};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, LinkedAccountId, Result, Timestamp, UserId};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use super::Engine;
use crate::model::account::LinkedAccount;
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::provider::Provider;
use crate::store;

/// A linked account as it is shown: what is known of its tokens, and none of them.
#[derive(Clone, Debug, Serialize)]
pub struct LinkedAccountInfo {
    /// Its id, `lac_...`.
    pub id: LinkedAccountId,
    /// Whose way in it is.
    pub individual_id: UserId,
    /// The provider.
    pub provider: String,
    /// The account there.
    pub provider_account_id: String,
    /// The address there, as of the last sign-in.
    pub email: Option<String>,
    /// When the access token ends.
    pub access_token_expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_token_expires_at: Option<Timestamp>,
    /// `Bearer`, as a rule.
    pub token_type: Option<String>,
    /// What was granted.
    pub scope: Option<String>,
    /// Whether there is an access token.
    pub has_access_token: bool,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
    /// Whether there is an `id_token`.
    pub has_id_token: bool,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

impl From<LinkedAccount> for LinkedAccountInfo {
    fn from(account: LinkedAccount) -> Self {
        Self {
            id: account.id,
            individual_id: account.user_id,
            provider: account.provider,
            provider_account_id: account.subject,
            email: account.email,
            access_token_expires_at: account.access_expires_at,
            refresh_token_expires_at: account.refresh_expires_at,
            token_type: account.token_type,
            scope: account.scope,
            has_access_token: account.access_token.is_some(),
            has_refresh_token: account.refresh_token.is_some(),
            has_id_token: account.id_token.is_some(),
            created_at: account.created_at,
            updated_at: account.updated_at,
            last_used_at: account.last_used_at,
        }
    }
}

/// The tokens of a linked account, in the clear.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The provider.
    pub provider: String,
    /// The account there.
    pub provider_account_id: String,
    /// Opens the provider's interfaces.
    pub access_token: Option<SecretString>,
    /// Gets new tokens.
    pub refresh_token: Option<SecretString>,
    /// Says who somebody is.
    pub id_token: Option<SecretString>,
    /// `Bearer`, as a rule.
    pub token_type: Option<String>,
    /// What was granted.
    pub scope: Option<String>,
    /// When the access token ends.
    pub access_token_expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_token_expires_at: Option<Timestamp>,
}

impl Engine {
    /// The linked accounts of a person, of every provider, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_all(&self, user: UserId) -> Result<Vec<LinkedAccount>> {
        store::accounts::list(&mut self.host.db().read().await?, user).await
    }

    /// The linked accounts of a person at one provider.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_of(&self, provider: &Provider, user: UserId) -> Result<Vec<LinkedAccount>> {
        let mut accounts = self.list_all(user).await?;
        accounts.retain(|account| account.provider == provider.id());
        Ok(accounts)
    }

    /// One linked account: the one that is named, else the one there is.
    ///
    /// # Errors
    /// `account_not_found`, or `account_ambiguous` when none is named and there are several.
    pub(super) async fn pick(&self, provider: &Provider, user: UserId, named: Option<&str>) -> Result<LinkedAccount> {
        let mut accounts = self.list_of(provider, user).await?;
        if let Some(named) = named {
            accounts.retain(|account| account.subject == named || account.id.to_string() == named);
        }
        let account = accounts.pop().ok_or_else(refusal::account_not_found)?;
        if accounts.is_empty() { Ok(account) } else { Err(refusal::account_ambiguous()) }
    }

    /// Whether linked accounts are the last way into an account of a person.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_last_way_in(&self, user: UserId) -> Result<bool> {
        Ok(self.host.accounts().ways_in(&mut self.host.db().read().await?, user).await? <= 1)
    }

    /// One linked account of a person, to be unlinked: the one that is named, else the one there is.
    ///
    /// # Errors
    /// `account_not_found`, or `account_ambiguous`.
    pub async fn find(&self, provider: &Provider, user: UserId, named: Option<&str>) -> Result<LinkedAccount> {
        self.pick(provider, user, named).await
    }

    /// Takes an account away as a way in, unless it is the last. One of a provider that is off is no way in any more, so it
    /// may always go. `by`: the person, whose session must not have ended since the request came, and the request; `None`
    /// when the application around the gateway does so.
    ///
    /// # Errors
    /// `account_not_found`, `last_way_in`, `session.ended`, or the refusal of a veto.
    pub async fn unlink(
        &self,
        user: UserId,
        account: &LinkedAccount,
        by: Option<(&Caller, &RequestInfo)>,
    ) -> Result<()> {
        let provider = account.provider.as_str();
        let (accounts, now) = (self.host.accounts(), self.host.now());
        // Whoever is banned is not there.
        accounts.find(user).await?.ok_or_else(refusal::account_not_found)?;
        let mut tx = match by {
            Some((caller, _)) => self.begin_as(caller, refusal::signed_out).await?,
            None => self.host.db().begin().await?,
        };
        // Whoever takes another way in away holds the account, too: what is counted now stays until this is done.
        let context = accounts.hold(&mut tx, user).await?.ok_or_else(refusal::account_not_found)?;
        let known = self.provider(provider).ok();
        if known.is_some() && accounts.ways_in(&mut tx, user).await? <= 1 {
            return Err(refusal::last_way_in());
        }
        accounts.ask_vetoes(&mut tx, Act::Unlink { user: &context, provider }).await?;
        if !store::accounts::delete(&mut tx, account.id, user).await? {
            return Err(refusal::account_not_found());
        }
        tx.emit(Event::ProviderUnlinked { user, provider: provider.to_owned() });
        let details = json!({ "provider": provider, "linked_account": account.id });
        let entry = AuditEntry::done("account.unlinked").to(user).with(details);
        self.record(&mut tx, entry, by.map(|(_, info)| (user, Some(info)))).await?;
        let notice = Notice::Unlinked { provider: known.as_ref().map_or(provider, |known| known.name()) };
        accounts.tell(&mut tx, &context, notice, by.map(|(_, info)| info)).await?;
        tx.commit(now).await
    }

    /// Who the person is at the provider, asked just now.
    ///
    /// # Errors
    /// `token_missing`, `user_info_missing`, or when the provider does not answer.
    pub async fn account_info(
        self: &Arc<Self>,
        provider: &Arc<Provider>,
        user: UserId,
        named: Option<&str>,
    ) -> Result<(String, Profile)> {
        let (account, tokens) = self.current_tokens(provider, user, named, true).await?;
        if tokens.access_token.is_none() {
            return Err(refusal::no_token());
        }
        let line = provider.line(&self.host).await?;
        let strategy = provider.strategy();
        let said = strategy.get_userinfo(&line, &tokens).await?;
        let said = said.ok_or_else(|| refusal::user_info_missing("there is no profile endpoint"))?;
        let mut profile = strategy.map_profile(provider.settings(), &said)?;
        if profile.provider_account_id != account.subject {
            return Err(refusal::user_info_missing("the profile endpoint speaks of somebody else"));
        }
        strategy.complete(&line, &tokens, &mut profile).await;
        Ok((account.subject, profile))
    }
}
