//! What applications and other plugins are lent: [`OAuthClient`] and [`ProviderClient`].

use std::sync::Arc;

use belgie_api::plugin::SignInButton;
use belgie_api::{LinkedAccountId, Mount, Result, UserId};

use crate::model::flow::{FinishedFlow, FlowOptions};
use crate::model::profile::Profile;
use crate::model::settings::ProviderSettings;
use crate::provider::Provider;
use crate::service::{Engine, ForeignAccount, LinkedAccountChanges, LinkedAccountInfo, Tokens};
use crate::strategy::Strategy;

/// Every provider of this gateway. Plugins get it with [`Mount::needed`], handlers of an application with
/// [`Use`](belgie_api::ports::Use), everybody else with [`Host::provided`](belgie_api::Host::provided).
#[derive(Clone)]
pub struct OAuthClient(pub(crate) Arc<Engine>);

impl OAuthClient {
    /// Adds a provider.
    ///
    /// # Errors
    /// When there is one of its id, or the id is none.
    pub fn add(&self, provider: Arc<Provider>) -> Result<ProviderClient> {
        self.0.add(Arc::clone(&provider))?;
        Ok(ProviderClient { engine: Arc::clone(&self.0), provider })
    }

    /// One provider.
    ///
    /// # Errors
    /// 404 when there is none of this id.
    pub fn provider(&self, id: &str) -> Result<ProviderClient> {
        Ok(ProviderClient { engine: Arc::clone(&self.0), provider: self.0.provider(id)? })
    }

    /// The ids of the providers, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.0.all().iter().map(|provider| provider.id().to_owned()).collect()
    }

    /// Changes the address and the tokens of a linked account, by its id `lac_...`, whoever's it is: the seed's
    /// `update_oauth_account_by_id`. Tokens are sealed before they are stored; what is left out stays as it is.
    ///
    /// # Errors
    /// `account_not_found` when there is none of this id.
    pub async fn update_account(
        &self,
        account: LinkedAccountId,
        changes: &LinkedAccountChanges,
    ) -> Result<LinkedAccountInfo> {
        self.0.update_by_application(account, changes).await
    }

    /// The flow a person has just come back from, with the payload the application gave along: once, and only while that
    /// person is signed in. `handle`: the parameter `oauth_flow` of the address the person landed at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_finished(&self, handle: &str, user: UserId) -> Result<Option<FinishedFlow>> {
        self.0.take_finished(handle, user).await
    }
}

/// One provider: what an application does with it. Nothing here asks whether the caller may; whoever calls it for a person
/// knows who that is.
#[derive(Clone)]
pub struct ProviderClient {
    engine: Arc<Engine>,
    provider: Arc<Provider>,
}

impl ProviderClient {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.provider.id()
    }

    /// Its button on the sign-in page.
    #[must_use]
    pub fn button(&self) -> SignInButton {
        self.provider.button()
    }

    /// A path of ours that leads to the provider and, signed in, to where the options say. Good for ten minutes.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signin_url(&self, options: FlowOptions) -> Result<String> {
        self.engine.prepare(&self.provider, None, options).await
    }

    /// A path of ours that leads to the provider and links the account there. It works once, within ten minutes, in a
    /// browser in which this person is signed in. Ask for a fresh session ([`Present`](belgie_api::web::Present)) before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_url(&self, user: UserId, options: FlowOptions) -> Result<String> {
        self.engine.prepare(&self.provider, Some(user), options).await
    }

    /// Makes an account there a way into an account here, and stores its tokens, sealed; when it is one already, it gets the
    /// address and the tokens: the seed's `upsert_oauth_account`. Whoever signs in with it is this person from then on, so the
    /// application has made sure that it is theirs. Vetoes are asked, observers are told, and it is put on record.
    ///
    /// # Errors
    /// `account_already_linked_to_different_user` (409) when somebody else here has it; `user.not_found` (404) when nobody, or
    /// somebody banned, has this id; `issuer_missing` when the provider speaks for many issuers and none is named,
    /// `issuer_mismatch` when it does not speak for the one that is; the refusal of a veto; or when the provider does not
    /// answer, which is asked for its issuer where that is described by itself.
    pub async fn link_account(&self, user: UserId, account: &ForeignAccount) -> Result<LinkedAccountInfo> {
        self.engine.link_by_application(&self.provider, user, account).await
    }

    /// The linked account of this id there, whoever's it is here: the seed's `get_oauth_account`.
    ///
    /// # Errors
    /// `account_ambiguous` when the provider speaks for several issuers and more than one has an account of this id.
    pub async fn find_account(&self, provider_account_id: &str) -> Result<Option<LinkedAccountInfo>> {
        self.engine.find_linked(&self.provider, provider_account_id).await
    }

    /// The linked account of this id there, if it is this person's: the seed's `get_oauth_account_for_individual`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_account_of(&self, user: UserId, provider_account_id: &str) -> Result<Option<LinkedAccountInfo>> {
        let accounts = self.list_accounts(user).await?;
        Ok(accounts.into_iter().find(|account| account.provider_account_id == provider_account_id))
    }

    /// The accounts a person has there, the oldest link first: the seed's `list_oauth_accounts`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_accounts(&self, user: UserId) -> Result<Vec<LinkedAccountInfo>> {
        Ok(self.engine.list_of(&self.provider, user).await?.into_iter().map(Into::into).collect())
    }

    /// The tokens of an account; with `auto_refresh`, renewed when they end within a minute. `account`: its id at the
    /// provider, needed when there are several.
    ///
    /// # Errors
    /// `account_not_found`, `account_ambiguous`, `token_missing`, `token_refresh_failed`, `provider_unreachable`.
    pub async fn token_set(&self, user: UserId, account: Option<&str>, auto_refresh: bool) -> Result<Tokens> {
        self.engine.tokens(&self.provider, user, account, auto_refresh).await
    }

    /// The tokens of an account, renewed when they end within a minute.
    ///
    /// # Errors
    /// As [`token_set`](Self::token_set).
    pub async fn get_access_token(&self, user: UserId, account: Option<&str>) -> Result<Tokens> {
        self.token_set(user, account, true).await
    }

    /// Renews the tokens of an account whatever their end.
    ///
    /// # Errors
    /// As [`token_set`](Self::token_set).
    pub async fn refresh_account(&self, user: UserId, account: Option<&str>) -> Result<Tokens> {
        self.engine.refresh(&self.provider, user, account).await
    }

    /// Who the person is there, asked just now.
    ///
    /// # Errors
    /// As [`token_set`](Self::token_set), or `user_info_missing`.
    pub async fn account_info(&self, user: UserId, account: Option<&str>) -> Result<Profile> {
        Ok(self.engine.account_info(&self.provider, user, account).await?.1)
    }

    /// Takes an account away as a way in, unless it is the last: the seed's `unlink_oauth_account`.
    ///
    /// # Errors
    /// `account_not_found`, `account_ambiguous`, `last_way_in`, or the refusal of a veto.
    pub async fn unlink_account(&self, user: UserId, account: Option<&str>) -> Result<()> {
        let account = self.engine.find(&self.provider, user, account).await?;
        self.engine.unlink(user, &account, None).await
    }
}

/// Adds a provider and its button; nothing when it is not set up. What a plugin of one provider does when it mounts.
///
/// # Errors
/// When the engine is not there, or has a provider of this id.
pub fn mount_provider(
    mount: &mut Mount,
    settings: &ProviderSettings,
    strategy: impl Strategy + 'static,
    icon: &'static str,
) -> Result<Option<ProviderClient>> {
    if !settings.is_on() {
        return Ok(None);
    }
    let clients = mount.needed::<OAuthClient>()?;
    let client = clients.add(Arc::new(Provider::new(settings.clone(), strategy, icon)))?;
    mount.sign_in_button(client.button());
    Ok(Some(client))
}
