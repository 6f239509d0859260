//! What applications and other plugins are lent: [`OAuthClient`] and [`ProviderClient`].

use std::sync::Arc;

use belgie_api::plugin::SignInButton;
use belgie_api::{Mount, Result, UserId};

use crate::model::flow::{FinishedFlow, FlowOptions};
use crate::model::profile::Profile;
use crate::model::settings::ProviderSettings;
use crate::provider::Provider;
use crate::service::{Engine, LinkedAccountInfo, Tokens};
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

    /// The accounts a person has there, the oldest link first.
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

    /// Takes an account away as a way in, unless it is the last.
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
