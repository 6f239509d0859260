//! What the authorization server does, behind its routes, tools, pages and commands.

mod authorize;
mod client_auth;
mod clients;
mod connections;
mod documents;
mod personal;
mod redeem;
mod revoke;
mod tidy;
mod verifier;

use std::sync::atomic::AtomicI64;

use belgie_api::Host;

pub use self::authorize::{Asked, Decision, Refusal};
pub use self::client_auth::PresentedClient;
pub use self::clients::NewClient;
use self::documents::DocumentCache;
pub use self::personal::NewPersonalToken;
pub use self::redeem::IssuedTokens;
pub use self::verifier::Verifier;
use crate::model::settings::Settings;

/// The authorization server of this process.
pub struct OAuth {
    host: Host,
    settings: Settings,
    documents: DocumentCache,
    /// When the tables were last tidied, in seconds since 1970.
    tidied_at: AtomicI64,
}

impl OAuth {
    /// Puts the server together.
    #[must_use]
    pub fn new(host: Host, settings: Settings) -> Self {
        Self { host, settings, documents: DocumentCache::default(), tidied_at: AtomicI64::new(0) }
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// How the server is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
