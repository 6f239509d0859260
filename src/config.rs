//! The configuration: from one TOML file, the environment and the command line to checked values.
//!
//! [`RawConfig`] gathers the three sources without judging them, [`Config::draft`] reads everything and notes what is
//! wrong, and [`Draft::finish`] hands out a [`Config`] only when nothing is. Each section of the file is one type in
//! one file below; `examples/belgie.toml` is the commented reference.
//!
//! A plugin's settings are read with the same [`Section`] as the core's: the host takes the plugin's table from
//! [`Config::plugins`], the plugin reads it, and [`PluginSections::finish`] reports what nobody wanted. Going through
//! a draft reports problems of the core and of the plugins together:
//!
//! ```
//! use belgie::config::{Config, RawConfig};
//!
//! let draft = Config::draft(RawConfig::from_text("[plugins.notes]\nlimit = 3"))?;
//! let mut notes = draft.plugins().section("notes");
//! let limit = notes.integer("limit", 1..=10, 5);
//! notes.finish();
//! let config = draft.finish(&["notes"])?;
//! assert_eq!((limit, config.base_url.issuer()), (3, "http://127.0.0.1:8080"));
//! # Ok::<(), belgie::config::Problems>(())
//! ```

use std::{net::SocketAddr, path::PathBuf};

use belgie_api::plugin::ScopeInfo;
use secrecy::SecretString;

mod access;
mod audit;
mod base_url;
mod checks;
mod cidr;
mod cookie;
mod database;
mod dot_env;
mod limits;
mod log;
mod mail;
mod mcp;
mod outbound;
mod plan;
mod plugins;
mod raw;
mod scope;
pub mod secrets;
mod server;
mod session;
mod sign_in;
mod sign_up;
mod strength;
#[cfg(test)]
mod tests;
mod urls;

pub use access::AccessEntry;
pub use audit::{Audit, Decisions, OnFull};
pub use base_url::BaseUrl;
pub use belgie_api::settings::{Effective, Ledger, Origin, Problem, Problems, Section};
pub use cidr::Cidr;
pub use cookie::{Cookie, SameSite, Secure};
pub use database::{Database, Engine};
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use mail::{Mail, MailTransport, Smtp, SmtpSecurity};
pub use mcp::{LockedTools, Mcp};
pub use outbound::Outbound;
pub(crate) use plan::unknown_meters;
pub use plugins::PluginSections;
pub use raw::{ConfigFile, Overrides, RawConfig};
pub use server::Server;
pub use session::Session;
pub use sign_in::{RequireVerified, SignIn};
pub use sign_up::SignUp;
pub use urls::Urls;

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people and agents reach this gateway; also its issuer identifier.
    pub base_url: BaseUrl,
    /// Whether `base_url` follows the listening address because the operator gave none.
    pub base_url_is_derived: bool,
    /// The host secret, if the operator gave one; otherwise [`secrets::load_or_create`] keeps one in `data_dir`.
    pub secret: Option<SecretString>,
    /// The secret before this one: what was sealed with it still opens.
    pub previous_secret: Option<SecretString>,
    /// Where the gateway keeps its files.
    pub data_dir: PathBuf,
    /// What the pages call this service.
    pub site_name: String,
    /// Where pages stand that take the place of the built-in ones; `None` when none do.
    pub templates_dir: Option<PathBuf>,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[session]`
    pub session: Session,
    /// `[cookie]`
    pub cookie: Cookie,
    /// `[urls]`
    pub urls: Urls,
    /// `[sign_up]`
    pub sign_up: SignUp,
    /// `[sign_in]`
    pub sign_in: SignIn,
    /// `[mail]`
    pub mail: Mail,
    /// `[mcp]`
    pub mcp: Mcp,
    /// `[limits]`
    pub limits: Limits,
    /// `[audit]`
    pub audit: Audit,
    /// `[log]`
    pub log: Log,
    /// `[outbound]`
    pub outbound: Outbound,
    /// `[[plan]]`, in the order of the file: the smallest first. With it `[[meter]]`.
    pub plans: belgie_api::Plans,
    /// `[[access]]`, in the order of the file.
    pub access: Vec<AccessEntry>,
    /// `[[scope]]`, in the order of the file.
    pub scopes: Vec<ScopeInfo>,
    /// `[plugins.<id>]`, for each plugin to read.
    pub plugins: PluginSections,
}

/// A configuration that has been read but not yet judged: problems may still be added to it.
#[derive(Debug)]
pub struct Draft {
    config: Config,
    ledger: Ledger,
}

impl Config {
    /// Reads and checks the core's sections. The plugins' are left to [`PluginSections`].
    ///
    /// # Errors
    /// Everything that is wrong with the core's sections, at once.
    pub fn load(raw: RawConfig) -> Result<Self, Problems> {
        let Draft { config, ledger } = Self::draft(raw)?;
        ledger.verdict().map(|()| config)
    }

    /// Reads the core's sections and notes what is wrong with them.
    ///
    /// # Errors
    /// Only when the file is not TOML at all, which makes every other finding meaningless.
    pub fn draft(raw: RawConfig) -> Result<Draft, Problems> {
        let (mut root, ledger) = raw.open()?;
        let config = Self::read(&mut root);
        root.finish();
        checks::run(&config, &ledger);
        Ok(Draft { config, ledger })
    }

    /// Every setting as it is in force, the plugins' included once they have been read; secrets are masked.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        self.plugins.ledger().effective()
    }

    /// Notes the address really listened on, which decides the derived `base_url` when port 0 was asked for.
    pub fn bound_to(&mut self, address: SocketAddr) {
        if self.base_url_is_derived {
            self.base_url = BaseUrl::of_listener(address);
        }
        self.server.listen = address;
    }

    /// The `Host` values to answer to: that of `base_url`, on any port, and those of `mcp.allowed_hosts`.
    #[must_use]
    pub fn allowed_hosts(&self) -> Vec<String> {
        with_own(self.base_url.host().to_string(), &self.mcp.allowed_hosts)
    }

    /// The `Origin` values whose scripts may talk to `/mcp`: that of `base_url` and those of `mcp.allowed_origins`.
    #[must_use]
    pub fn allowed_origins(&self) -> Vec<String> {
        with_own(self.base_url.issuer().to_owned(), &self.mcp.allowed_origins)
    }

    /// The name of the session cookie for this `base_url`.
    #[must_use]
    pub fn session_cookie_name(&self) -> String {
        self.cookie.session_cookie_name(self.base_url.is_https())
    }

    fn read_plans(root: &mut Section) -> belgie_api::Plans {
        let plans = root.tables("plan", plan::read);
        let meters = root.tables("meter", plan::read_meter);
        plan::check(&plans, &meters, root.ledger());
        belgie_api::Plans::new(plans, meters)
    }

    fn read(root: &mut Section) -> Self {
        // First, so that the top of the file is also the top of the effective configuration.
        let given = root.opt_parsed("base_url", "an address such as https://mcp.example.com", BaseUrl::parse);
        let base_url_is_derived = given.is_none();
        let secret = root.secret("secret");
        let previous_secret = root.secret("previous_secret");
        let data_dir = root.path_buf("data_dir", "./belgie-data");
        let site_name = root.string("site_name", "Belgie");
        let templates_dir = root.opt_path_buf("templates_dir");
        let server = root.section("server", Server::read);
        let base_url = given.unwrap_or_else(|| BaseUrl::of_listener(server.listen));
        if root.ledger().origin("base_url") == Some(Origin::Default) {
            root.show_as("base_url", base_url.issuer());
        }
        Self {
            base_url,
            base_url_is_derived,
            secret,
            previous_secret,
            server,
            database: root.section("database", |section| Database::read(section, &data_dir)),
            session: root.section("session", Session::read),
            cookie: root.section("cookie", Cookie::read),
            urls: root.section("urls", Urls::read),
            sign_up: root.section("sign_up", SignUp::read),
            sign_in: root.section("sign_in", SignIn::read),
            mail: root.section("mail", Mail::read),
            mcp: root.section("mcp", |section| Mcp::read(section, &site_name)),
            limits: root.section("limits", Limits::read),
            audit: root.section("audit", Audit::read),
            log: root.section("log", Log::read),
            outbound: root.section("outbound", Outbound::read),
            plans: Self::read_plans(root),
            access: root.tables("access", AccessEntry::read),
            scopes: root.tables("scope", scope::read),
            plugins: PluginSections::read(root),
            data_dir,
            site_name,
            templates_dir,
        }
    }
}

impl Draft {
    /// `[[access]]`, to be looked at with what is known of scopes before the verdict.
    #[must_use]
    pub fn access(&self) -> &[AccessEntry] {
        &self.config.access
    }

    /// Our public address, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        self.config.base_url.issuer()
    }

    /// `[[scope]]`, for rules to be held against.
    #[must_use]
    pub fn scopes(&self) -> &[ScopeInfo] {
        &self.config.scopes
    }

    /// `[[plan]]`, for rules to be held against.
    #[must_use]
    pub fn plans(&self) -> &belgie_api::Plans {
        &self.config.plans
    }

    /// Notes what is wrong with a setting beyond what its section can know.
    pub fn complain(&self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.ledger.complain(path, message, remedy);
    }

    /// The plugins' tables, for each plugin to read before the verdict.
    #[must_use]
    pub fn plugins(&self) -> &PluginSections {
        &self.config.plugins
    }

    /// The configuration, if nothing is wrong with it, its plugins' sections or the environment.
    ///
    /// `ids` are the ids of all plugins there are.
    ///
    /// # Errors
    /// Everything that was noted, and the tables and `BELGIE_*` variables that nobody reads.
    pub fn finish(self, ids: &[&str]) -> Result<Config, Problems> {
        self.config.plugins.finish(ids)?;
        Ok(self.config)
    }
}

fn with_own(own: String, extra: &[String]) -> Vec<String> {
    let mut all = vec![own];
    for item in extra {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    all
}
