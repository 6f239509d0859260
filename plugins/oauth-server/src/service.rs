//! What the authorization server does, behind its routes, tools, pages and commands.

mod assertion;
mod attempts;
mod authorize;
mod backchannel;
mod bearer;
mod binding;
mod client_auth;
mod clients;
mod connections;
mod consents;
mod custom;
mod device;
mod documents;
mod dpop;
mod exchange;
mod foreign_keys;
mod hint;
mod id_token;
mod introspect;
mod invitations;
mod issue;
mod kept;
mod keys;
mod less_consent;
mod logout;
mod machine;
mod manage;
mod narrowing;
mod owned;
mod pairwise;
mod people;
mod personal;
mod powers;
mod prompt;
mod pushed;
mod record;
mod redeem;
mod refresh;
mod request;
mod revoke;
mod scopes;
mod secrets;
mod signed;
mod steps;
mod tidy;
mod today;
mod trusted;
mod verifier;

use belgie_api::{Host, Result};

pub use self::authorize::{Allowed, Decision};
pub use self::backchannel::{LOOK_EVERY, Logouts, TELL_EVERY};
pub use self::binding::{BoundPlace, Choice, Memberships};
pub use self::client_auth::{PresentedClient, PresentedProof};
pub use self::clients::{ActsAs, NewClient, Standing};
pub use self::device::{DEVICE, DEVICE_ALLOWED, DEVICE_DENIED};
pub use self::dpop::{FORGET_PROOFS_EVERY, HeldKeys};
pub use self::id_token::{NotTold, ToldTo, USERINFO};
pub use self::invitations::NewInvitation;
use self::kept::{Fetches, Kept};
use self::keys::KeyCache;
pub use self::keys::{PublishedKeys, RevokedKey, Rotated};
pub use self::logout::{LOGOUT, LOGOUT_PARAMS, LogoutRequest, Meant};
pub use self::people::People;
pub use self::personal::{NewPersonalToken, TokenWish};
pub use self::powers::{Doer, is_operator};
pub use self::pushed::PUSHED_TTL;
pub use self::redeem::IssuedTokens;
pub use self::request::{ErrorReply, Refusal};
pub use self::secrets::unknown_client;
pub use self::steps::Shown;
pub use self::tidy::{FORGET_EVERY, TIDY_EVERY};
pub use self::trusted::{ADDRESSES_CHANGED, Trust};
pub use self::verifier::Verifier;
use crate::model::address::find_resources;
use crate::model::client::Client;
use crate::model::foreign_keys::PublicKeys;
use crate::model::settings::Settings;
use crate::model::spelling::Spelling;
use crate::own::Own;

/// The authorization server of this process.
pub struct OAuth {
    host: Host,
    settings: Settings,
    documents: Kept<Client>,
    fetches: Fetches<Client>,
    foreign_keys: Kept<PublicKeys>,
    key_fetches: Fetches<PublicKeys>,
    issuers_keys: Kept<PublicKeys>,
    issuers_fetches: Fetches<PublicKeys>,
    keys: KeyCache,
    own: Own,
    spelling: Spelling,
}

impl OAuth {
    /// Puts the server together.
    #[must_use]
    pub fn new(host: Host, settings: Settings) -> Self {
        let keys = KeyCache::new(host.db().bus());
        let spelling = Spelling::new(settings.token_prefixes.clone(), None);
        Self {
            host,
            settings,
            documents: Kept::default(),
            fetches: Fetches::default(),
            foreign_keys: Kept::default(),
            key_fetches: Fetches::default(),
            issuers_keys: Kept::default(),
            issuers_fetches: Fetches::default(),
            keys,
            own: Own::default(),
            spelling,
        }
    }

    /// Adds what the application brings along.
    #[must_use]
    pub(crate) fn with_own(mut self, own: Own) -> Self {
        self.spelling = Spelling::new(self.settings.token_prefixes.clone(), own.forms.clone());
        self.own = own;
        self
    }

    /// How tokens are written here.
    pub(crate) fn spelling(&self) -> &Spelling {
        &self.spelling
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

    /// Whether the application finds requests by their addresses.
    #[must_use]
    pub fn takes_request_uris(&self) -> bool {
        self.own.requests.is_some()
    }

    /// How the server is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
