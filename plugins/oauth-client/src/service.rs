//! What the engine does, behind its routes, pages and handles.

mod accounts;
mod arrive;
mod begin;
mod by_application;
mod finish;
mod finished;
mod id_token;
mod newcomer;
mod people;
mod profile;
mod renew;
mod settle;
mod vault;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use belgie_api::{Failure, Host, Result};

pub use self::accounts::{LinkedAccountInfo, Tokens};
pub use self::by_application::{ForeignAccount, LinkedAccountChanges};
pub use self::finish::{Landed, Lost, Outcome};
pub use self::id_token::NativeTokens;
pub use self::people::People;
use crate::model::cookie::Cookies;
use crate::model::refusal;
use crate::model::return_to::local_target;
use crate::provider::Provider;

/// The engine of one gateway: every provider, and what is done with them.
pub struct Engine {
    host: Host,
    providers: RwLock<BTreeMap<String, Arc<Provider>>>,
}

impl Engine {
    /// An engine without providers.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, providers: RwLock::default() }
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Names and attributes of our cookies.
    #[must_use]
    pub fn cookies(&self) -> Cookies {
        Cookies { is_https: self.host.urls().is_https(), is_secure: self.host.urls().has_secure_cookies() }
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// When there is one of its id, the id is none, errors would be sent to another site, or a domain is asked for and nothing
    /// signed that says it.
    pub fn add(&self, provider: Arc<Provider>) -> Result<()> {
        let id = provider.id().to_owned();
        let is_id =
            (1..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !is_id {
            return Err(Failure::internal(format!("`{id}` is no id of a provider: use letters, digits, `_` and `-`")));
        }
        let settings = provider.settings();
        if let Some(target) = &settings.default_error_redirect_url
            && local_target(self.host.urls(), target).is_none()
        {
            return Err(Failure::internal(format!(
                "errors of the provider `{id}` would go to `{target}`, which is another site: set \
                 default_error_redirect_url to a path such as /welcome"
            )));
        }
        // The domain is a claim of the `id_token`: where none comes, everybody would be let in.
        if settings.hosted_domain.is_some() && !settings.is_openid() {
            return Err(Failure::internal(format!(
                "the provider `{id}` has a hosted_domain and does not ask for `openid`, so nothing signed says which domain \
                 somebody belongs to: add \"openid\" to its scopes"
            )));
        }
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        match providers.insert(id.clone(), provider) {
            None => Ok(()),
            Some(_) => Err(Failure::internal(format!("there are two providers `{id}`"))),
        }
    }

    /// A provider by its id.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn provider(&self, id: &str) -> Result<Arc<Provider>> {
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        providers.get(id).cloned().ok_or_else(refusal::no_provider)
    }

    /// Every provider, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Provider>> {
        self.providers.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
