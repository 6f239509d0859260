//! One provider: its settings, its ways, and what it publishes about itself.

mod cached;
mod examine;
mod id_token;
mod keys;
mod line;
mod metadata;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use belgie_api::plugin::SignInButton;
use belgie_api::{Host, LinkedAccountId, Result};
use serde_json::{Map, Value};

use self::cached::Cached;
pub use self::id_token::{Expected, signed_in_at};
use self::keys::KeySet;
pub use self::line::Line;
pub use self::metadata::Metadata;
use crate::model::settings::ProviderSettings;
use crate::strategy::Strategy;

/// The claims of an `id_token`.
pub type Claims = Map<String, Value>;

/// One provider, with what it publishes.
pub struct Provider {
    settings: ProviderSettings,
    strategy: Arc<dyn Strategy>,
    icon: &'static str,
    metadata: Cached<Metadata>,
    keys: Cached<KeySet>,
    /// Refreshes under way on this node, one for an account.
    refreshes: Mutex<HashMap<LinkedAccountId, Weak<tokio::sync::Mutex<()>>>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("id", &self.settings.id).finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider with ways of its own. `icon`: the inside of an `<svg viewBox="0 0 24 24">`.
    #[must_use]
    pub fn new(settings: ProviderSettings, strategy: impl Strategy + 'static, icon: &'static str) -> Self {
        Self {
            settings,
            strategy: Arc::new(strategy),
            icon,
            metadata: Cached::new("provider metadata"),
            keys: Cached::new("provider keys"),
            refreshes: Mutex::default(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Its ways.
    #[must_use]
    pub fn strategy(&self) -> &dyn Strategy {
        self.strategy.as_ref()
    }

    /// Its picture.
    #[must_use]
    pub fn icon(&self) -> &'static str {
        self.icon
    }

    /// Its button on the sign-in page.
    #[must_use]
    pub fn button(&self) -> SignInButton {
        SignInButton {
            id: self.settings.id.clone(),
            label: self.settings.button_label(),
            path: format!("/auth/provider/{}/start", self.settings.id),
            icon: self.icon,
        }
    }

    /// Where it sends people back to.
    #[must_use]
    pub fn callback(&self, host: &Host) -> String {
        host.urls().absolute(&format!("/auth/provider/{}/callback", self.settings.id))
    }

    /// A line to it, once it is known where it is.
    ///
    /// # Errors
    /// `provider_unreachable` (503) or `oauth_callback_failed` (502) when it cannot be found out.
    pub async fn line<'a>(&'a self, host: &'a Host) -> Result<Line<'a>> {
        let metadata = self.metadata(host).await?;
        Ok(Line { host, provider: self, metadata })
    }

    /// The turn of an account: whoever holds it refreshes, on this node.
    pub fn turn(&self, account: LinkedAccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut refreshes = self.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = refreshes.get(&account).and_then(Weak::upgrade) {
            return turn;
        }
        refreshes.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        refreshes.insert(account, Arc::downgrade(&turn));
        turn
    }
}
