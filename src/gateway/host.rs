//! What plugins are lent, made of the machine's own parts.

use std::sync::{Arc, OnceLock};

use belgie_api::ports::{Catalog, HostParts, Keys, Provided, Urls};
use belgie_api::{Clock, Entropy, Failure, Host, Result};

use crate::audit::AuditLog;
use crate::auth::BrowserSessions;
use crate::config::Config;
use crate::identity::{AccountRules, Identity, SessionRules};
use crate::limits::LocalLimits;
use crate::mail::MailQueue;
use crate::outbound::HttpOutbound;

/// Our public address.
pub fn urls(config: &Config) -> Result<Urls> {
    Ok(Urls::new(config.base_url.issuer().parse().map_err(Failure::internal)?))
}

/// The operator's rules for accounts.
pub fn account_rules(config: &Config) -> AccountRules {
    AccountRules {
        sign_up_open: config.sign_up.open,
        min_password_length: config.sign_up.min_password_length,
        signs_in_by_mail: false,
        sessions: SessionRules {
            max_age: config.session.max_age,
            update_age: config.session.update_age,
            absolute_max_age: config.session.absolute_max_age,
            fresh_age: config.session.fresh_age,
        },
    }
}

/// The parts of the host that the gateway itself keeps using.
pub struct Parts {
    /// People and sessions.
    pub identity: Identity,
    /// Browser sessions and their cookies.
    pub sessions: Arc<BrowserSessions>,
    /// Keys.
    pub keys: Arc<dyn Keys>,
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
    /// Mail.
    pub mailer: Arc<MailQueue>,
    /// Set once every plugin has mounted.
    pub catalog: Arc<OnceLock<Catalog>>,
    /// Set once every plugin has mounted.
    pub provided: Arc<OnceLock<Provided>>,
}

impl Parts {
    /// What plugins see of it.
    pub fn host(&self, db: belgie_api::db::Db, urls: Urls) -> Host {
        Host::new(HostParts {
            db,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            urls,
            keys: Arc::clone(&self.keys),
            outbound: Arc::clone(&self.outbound) as _,
            pages: Arc::clone(&self.pages) as _,
            accounts: Arc::new(self.identity.clone()),
            limits: Arc::clone(&self.limits) as _,
            sessions: Arc::clone(&self.sessions) as _,
            one_time: Arc::new(self.identity.clone()),
            mailer: Arc::clone(&self.mailer) as _,
            audit: Arc::new(AuditLog::new(Arc::clone(&self.clock), Arc::clone(&self.entropy))),
            catalog: Arc::clone(&self.catalog),
            provided: Arc::downgrade(&self.provided),
        })
    }
}
