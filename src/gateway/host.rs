//! What plugins are lent, made of the machine's own parts.

use std::sync::{Arc, OnceLock};

use belgie_api::ports::{Catalog, HostParts, Keys, Urls};
use belgie_api::{Clock, Entropy, Failure, Host, Result};
use secrecy::SecretString;

use crate::config::Config;
use crate::config::secrets::{Secrets, load_or_create};
use crate::gateway::BootError;
use crate::identity::{AccountRules, Identity, SessionRules};
use crate::limits::LocalLimits;
use crate::outbound::HttpOutbound;

/// Keys derived from the host's secret (HKDF-SHA-256, RFC 5869).
pub struct DerivedKeys(Secrets);

impl DerivedKeys {
    /// Takes the configured secret, or the one kept in the data directory, which is made at the first start.
    pub fn open(config: &Config, entropy: &dyn Entropy) -> Result<Self, BootError> {
        let secret: SecretString = match &config.secret {
            Some(secret) => secret.clone(),
            None => load_or_create(&config.data_dir, &mut |bytes| entropy.fill(bytes)).map_err(BootError::Secret)?,
        };
        Ok(Self(Secrets::new(&secret)))
    }
}

impl Keys for DerivedKeys {
    #[expect(
        clippy::expect_used,
        reason = "HKDF fails only when more than 255 blocks are asked for; this asks for one"
    )]
    fn derive(&self, purpose: &str) -> [u8; 32] {
        *self.0.key(purpose).expect("one block of HKDF output")
    }
}

/// Our public address.
pub fn urls(config: &Config) -> Result<Urls> {
    Ok(Urls::new(config.base_url.issuer().parse().map_err(Failure::internal)?))
}

/// The operator's rules for accounts.
pub fn account_rules(config: &Config) -> AccountRules {
    AccountRules {
        sign_up_open: config.sign_up.open,
        min_password_length: config.sign_up.min_password_length,
        sessions: SessionRules {
            max_age: config.session.max_age,
            update_age: config.session.update_age,
            absolute_max_age: config.session.absolute_max_age,
        },
    }
}

/// The parts of the host that the gateway itself keeps using.
pub struct Parts {
    /// People and sessions.
    pub identity: Identity,
    /// Keys.
    pub keys: Arc<DerivedKeys>,
    /// Templates.
    pub pages: Arc<crate::pages::SitePages>,
    /// Rate limits.
    pub limits: Arc<LocalLimits>,
    /// The outside world.
    pub outbound: Arc<HttpOutbound>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Set once every plugin has mounted.
    pub catalog: Arc<OnceLock<Catalog>>,
}

impl Parts {
    /// What plugins see of it.
    pub fn host(&self, db: belgie_api::db::Db, urls: Urls) -> Host {
        Host::new(HostParts {
            db,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            urls,
            keys: Arc::clone(&self.keys) as Arc<dyn Keys>,
            outbound: Arc::clone(&self.outbound) as _,
            pages: Arc::clone(&self.pages) as _,
            accounts: Arc::new(self.identity.clone()),
            limits: Arc::clone(&self.limits) as _,
            catalog: Arc::clone(&self.catalog),
        })
    }
}
