//! What the authorization server does, behind its routes, tools, pages and commands.

mod authorize;
mod binding;
mod client_auth;
mod clients;
mod connections;
mod consents;
mod documents;
mod id_token;
mod introspect;
mod issue;
mod keys;
mod machine;
mod people;
mod personal;
mod prompt;
mod record;
mod redeem;
mod refresh;
mod revoke;
mod signed;
mod tidy;
mod verifier;

use belgie_api::{Host, Result};

pub use self::authorize::{Allowed, Decision, ErrorReply, Refusal};
pub use self::binding::{BoundPlace, Choice, Memberships};
pub use self::client_auth::PresentedClient;
pub use self::clients::{ActsAs, NewClient, Standing};
use self::documents::{DocumentCache, Fetches};
pub use self::id_token::{NotTold, USERINFO};
use self::keys::KeyCache;
pub use self::keys::{PublishedKeys, Rotated};
pub use self::people::People;
pub use self::personal::{NewPersonalToken, TokenWish};
pub use self::redeem::IssuedTokens;
pub use self::tidy::{FORGET_EVERY, TIDY_EVERY};
pub use self::verifier::Verifier;
use crate::model::address::find_resources;
use crate::model::settings::Settings;

/// The authorization server of this process.
pub struct OAuth {
    host: Host,
    settings: Settings,
    documents: DocumentCache,
    fetches: Fetches,
    keys: KeyCache,
}

impl OAuth {
    /// Puts the server together.
    #[must_use]
    pub fn new(host: Host, settings: Settings) -> Self {
        let keys = KeyCache::new(host.db().bus());
        Self { host, settings, documents: DocumentCache::default(), fetches: Fetches::default(), keys }
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The asked resources in the known spelling; `None` when one is unknown here.
    ///
    /// # Errors
    /// Before the gateway serves.
    pub fn find_resources<'a>(&self, asked: impl Iterator<Item = &'a str>) -> Result<Option<Vec<String>>> {
        Ok(find_resources(asked, self.host.catalog()?, &self.settings.resources))
    }

    /// How the server is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
