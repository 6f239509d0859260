//! What plugins are lent, made of the machine's own parts.

use std::sync::{Arc, OnceLock};

use belgie_api::ports::{Catalog, HostParts, Keys, Provided, Urls};
use belgie_api::{Clock, Entropy, Failure, Host, Plans, Result};

use crate::audit::Archive;
use crate::auth::{BrowserSessions, Devices};
use crate::config::{Config, SameSite, SmtpSecurity};
use crate::identity::{AccountRules, Identity, SessionRules};
use crate::limits::SharedLimits;
use crate::mail::{MailQueue, Sender, SmtpSettings, Tls};
use crate::outbound::HttpOutbound;
use crate::tasks::Tasks;
use crate::web::MailedNewcomers;

/// Our public address.
pub fn urls(config: &Config) -> Result<Urls> {
    let base = config.base_url.issuer().parse().map_err(Failure::internal)?;
    let urls = Urls::new(base).with_links(config.urls.links.clone());
    let urls = if config.cookie.is_secure(urls.is_https()) { urls.with_secure_cookies() } else { urls };
    Ok(if config.cookie.same_site == SameSite::Strict { urls.with_strict_session() } else { urls })
}

/// The operator's rules for accounts.
pub fn account_rules(config: &Config) -> AccountRules {
    let has_mail = config.mail.is_available();
    AccountRules {
        sign_up_open: config.sign_up.open,
        min_password_length: config.sign_up.min_password_length,
        signs_in_by_password: config.sign_in.password,
        signs_in_by_link: has_mail && config.sign_in.magic_link,
        signs_in_by_code: has_mail && config.sign_in.code,
        requires_verified_email: config.sign_in.requires_verified_email(has_mail),
        notifies_of_new_devices: config.sign_in.notify_new_device,
        sessions: SessionRules {
            max_age: config.session.max_age,
            update_age: config.session.update_age,
            absolute_max_age: config.session.absolute_max_age,
            fresh_age: config.session.fresh_age,
        },
    }
}

/// The way to the mail server; `None` when mail goes elsewhere or nowhere.
pub fn sender(config: &Config) -> Result<Option<Sender>> {
    let (Some(smtp), Some(from)) = (&config.mail.smtp, &config.mail.from) else { return Ok(None) };
    let settings = SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        credentials: smtp.user.clone().zip(smtp.password.clone()),
        tls: match smtp.security {
            SmtpSecurity::StartTls => Tls::AfterGreeting,
            SmtpSecurity::Tls => Tls::FromTheStart,
            SmtpSecurity::DangerPlain => Tls::None,
        },
        from: from.clone(),
    };
    Sender::new(&settings).map(Some)
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
    pub limits: Arc<SharedLimits>,
    /// The outside world.
    pub outbound: Arc<HttpOutbound>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Mail.
    pub mailer: Arc<MailQueue>,
    /// Who takes it to the mail server, if there is one.
    pub sender: Option<Sender>,
    /// The record.
    pub archive: Archive,
    /// Browsers that are known.
    pub devices: Devices,
    /// Set once every plugin has mounted.
    pub catalog: Arc<OnceLock<Catalog>>,
    /// Set once every plugin has mounted.
    pub provided: Arc<OnceLock<Provided>>,
}

impl Parts {
    /// What plugins see of it.
    pub fn host(&self, db: belgie_api::db::Db, urls: Urls, (tasks, plans): (Tasks, Plans)) -> Host {
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
            newcomers: Arc::new(MailedNewcomers {
                identity: self.identity.clone(),
                limits: Arc::clone(&self.limits) as _,
                devices: self.devices.clone(),
                pages: Arc::clone(&self.pages) as _,
            }),
            one_time: Arc::new(self.identity.clone()),
            mailer: Arc::clone(&self.mailer) as _,
            background: Arc::new(tasks),
            audit: Arc::new(self.archive.clone()),
            catalog: Arc::clone(&self.catalog),
            provided: Arc::downgrade(&self.provided),
            plans,
        })
    }
}
