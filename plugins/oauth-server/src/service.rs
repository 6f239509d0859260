//! What the authorization server does, behind its routes, tools, pages and commands.

mod authorize;
mod binding;
mod client_auth;
mod clients;
mod connections;
mod documents;
mod people;
mod personal;
mod record;
mod redeem;
mod revoke;
mod tidy;
mod verifier;

use belgie_api::Host;

pub use self::authorize::{Decision, ErrorReply, Refusal};
pub use self::binding::{BoundPlace, Choice, Memberships};
pub use self::client_auth::PresentedClient;
pub use self::clients::NewClient;
use self::documents::{DocumentCache, Fetches};
pub use self::people::People;
pub use self::personal::{NewPersonalToken, TokenWish};
pub use self::redeem::IssuedTokens;
pub use self::tidy::TIDY_EVERY;
pub use self::verifier::Verifier;
use crate::model::settings::Settings;

/// The authorization server of this process.
pub struct OAuth {
    host: Host,
    settings: Settings,
    documents: DocumentCache,
    fetches: Fetches,
}

impl OAuth {
    /// Puts the server together.
    #[must_use]
    pub fn new(host: Host, settings: Settings) -> Self {
        Self { host, settings, documents: DocumentCache::default(), fetches: Fetches::default() }
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
