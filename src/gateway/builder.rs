//! What goes into a gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use belgie_api::clock::SystemClock;
use belgie_api::command::PluginCommand;
use belgie_api::db::Pools;
use belgie_api::entropy::SystemEntropy;
use belgie_api::hooks::{Observer, Veto};
use belgie_api::plugin::ScopeInfo;
use belgie_api::tools::{Guarded, ToolEntry, ToolSet};
use belgie_api::{Clock, Entropy, Failure, Plugin};
use tokio::net::TcpListener;

use super::hooks::Hook;
use super::{BootError, Gateway, assemble, policy};
use crate::access::Policy;
use crate::config::{Config, Draft, Problems, RawConfig};
use crate::db;
use crate::outbound::{Names, SystemNames};
use crate::registry;

/// What keys are derived from while nothing is kept.
const REHEARSAL: &str = "nothing is sealed with this";

/// The way to a gateway.
pub struct Belgie;

impl Belgie {
    /// Begins with a configuration. The authorization server is there unless [`bare`](Builder::bare) takes it out.
    #[must_use]
    pub fn builder(config: RawConfig) -> Builder {
        let plugins = default_plugins();
        Builder {
            config,
            usual: plugins.len(),
            plugins,
            tools: Vec::new(),
            guarded: Vec::new(),
            scopes: Vec::new(),
            problems: Vec::new(),
            pools: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            names: Arc::new(SystemNames),
            migrate: None,
            vetoes: Vec::new(),
            observers: Vec::new(),
            hooks: Vec::new(),
            is_at_rest: false,
        }
    }
}

/// Their order is that of their sections on the account page: how people get in, then what they let in.
fn default_plugins() -> Vec<Box<dyn Plugin>> {
    vec![
        #[cfg(feature = "oauth-client")]
        Box::new(belgie_oauth_client::OAuthClientPlugin::default()),
        #[cfg(feature = "google")]
        Box::new(belgie_google::Google::default()),
        #[cfg(feature = "microsoft")]
        Box::new(belgie_microsoft::Microsoft::default()),
        #[cfg(feature = "oauth-client")]
        Box::new(belgie_oauth_client::presets::GitHub::default()),
        #[cfg(feature = "oauth-client")]
        Box::new(belgie_oauth_client::presets::Apple::default()),
        #[cfg(feature = "oauth-server")]
        Box::new(belgie_oauth_server::OAuthServer::default()),
        #[cfg(feature = "organization")]
        Box::new(belgie_organization::Organization::default()),
        #[cfg(feature = "team")]
        Box::new(belgie_team::Team::default()),
        #[cfg(feature = "stripe")]
        Box::new(belgie_stripe::Stripe::default()),
    ]
}

/// Collects what a gateway is made of.
pub struct Builder {
    config: RawConfig,
    plugins: Vec<Box<dyn Plugin>>,
    /// How many of them, from the first on, are there by default.
    usual: usize,
    pub(super) tools: Vec<ToolEntry>,
    pub(super) guarded: Vec<Guarded>,
    pub(super) scopes: Vec<ScopeInfo>,
    pub(super) problems: Vec<String>,
    pub(super) pools: Option<Pools>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) names: Arc<dyn Names>,
    pub(super) migrate: Option<bool>,
    pub(super) vetoes: Vec<Arc<dyn Veto>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
    pub(super) hooks: Vec<Hook>,
    pub(super) is_at_rest: bool,
}

impl Builder {
    /// Adds a plugin. Of a usual one it takes the place, so that an application can give it what no file can, such as somebody
    /// who listens; its section of the file is read all the same. Two others of one id stop the boot.
    #[must_use]
    pub fn plugin(mut self, plugin: impl Plugin) -> Self {
        let id = plugin.manifest().id;
        let usual = self.plugins.iter().take(self.usual).position(|own| own.manifest().id == id);
        match usual.and_then(|place| self.plugins.get_mut(place)) {
            Some(own) => *own = Box::new(plugin),
            None => self.plugins.push(Box::new(plugin)),
        }
        self
    }

    /// Takes out every plugin that is there by default.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.plugins.clear();
        self.usual = 0;
        self
    }

    /// Adds tools of the application.
    #[must_use]
    pub fn tools<S: Send + Sync + 'static>(mut self, set: ToolSet<S>) -> Self {
        let (entries, problems) = set.into_any();
        self.tools.extend(entries);
        self.problems.extend(problems);
        self
    }

    /// Puts somebody else's MCP server behind a rule, as it is.
    #[must_use]
    pub fn guarded(mut self, guarded: Guarded) -> Self {
        self.guarded.push(guarded);
        self
    }

    /// Explains a scope that the application's rules ask for; every scope a rule names must be explained somewhere.
    #[must_use]
    pub fn scope(mut self, scope: ScopeInfo) -> Self {
        self.scopes.push(scope);
        self
    }

    /// Adds the tools `echo`, `add`, `slow` and `step_up`, to try a client with.
    #[must_use]
    pub fn demo_tools(mut self) -> Self {
        self.scopes.extend(crate::mcp::demo::scopes());
        self.tools(crate::mcp::demo::tools())
    }

    /// Uses pools the application has opened already, in place of `database.url`.
    #[must_use]
    pub fn pools(mut self, pools: Pools) -> Self {
        self.pools = Some(pools);
        self
    }

    /// Uses another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Asks another name service than the machine's for the addresses of other hosts. Its answers are as little trusted.
    #[must_use]
    pub fn names(mut self, names: impl Names + 'static) -> Self {
        self.names = Arc::new(names);
        self
    }

    /// Overrides `database.migrate_on_start`.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = Some(migrate);
        self
    }

    /// Does nothing by itself: no mail is delivered and nothing too old taken away. For whoever only looks.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        self.is_at_rest = true;
        self
    }

    /// Adds somebody who may refuse what is about to happen to people, inside the transaction of the act.
    #[must_use]
    pub fn veto(mut self, veto: impl Veto + 'static) -> Self {
        self.vetoes.push(Arc::new(veto));
        self
    }

    /// Adds somebody who hears of everything that has happened. Two of one name stop the boot.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// The commands plugins add to the command line.
    #[must_use]
    pub fn commands(&self) -> Vec<PluginCommand> {
        self.plugins.iter().flat_map(|plugin| plugin.commands()).collect()
    }

    /// Checks the configuration, the core's part and every plugin's, without opening anything.
    ///
    /// # Errors
    /// With all problems at once.
    pub fn check(mut self) -> Result<Checked, BootError> {
        let mut plugins = registry::order(std::mem::take(&mut self.plugins)).map_err(BootError::Misfit)?;
        let mut scopes = assemble::core_scopes();
        scopes.extend(self.scopes.iter().cloned());
        let (config, policy) = configure(std::mem::take(&mut self.config), &mut plugins, &scopes)?;
        Ok(Checked { config, policy, plugins, builder: self })
    }

    /// Checks everything and opens the database.
    ///
    /// # Errors
    /// With everything that is wrong, as far as it can be known at once.
    pub async fn build(self) -> Result<Gateway, BootError> {
        self.check()?.open().await
    }

    /// As [`build`](Self::build), but listens first, on the address of `server.listen`, so that the gateway knows its own
    /// address when port 0 was asked for.
    ///
    /// # Errors
    /// As those of [`build`](Self::build), and when nobody can listen there.
    pub async fn listen(self) -> Result<(Gateway, TcpListener), BootError> {
        let (checked, listener) = self.check()?.bind().await?;
        Ok((checked.open().await?, listener))
    }
}

fn configure(
    raw: RawConfig,
    plugins: &mut [Box<dyn Plugin>],
    core_scopes: &[ScopeInfo],
) -> Result<(Config, Policy), Problems> {
    let draft: Draft = Config::draft(raw)?;
    for plugin in plugins.iter_mut() {
        let mut section = draft.plugins().section(plugin.manifest().id);
        plugin.configure(&mut section);
        section.finish();
    }
    let policy = policy::compile(&draft, plugins, core_scopes);
    let ids: Vec<&str> = plugins.iter().map(|plugin| plugin.manifest().id).collect();
    draft.finish(&ids).map(|config| (config, policy))
}

/// A configuration without mistakes, and everything that will be opened with it.
pub struct Checked {
    pub(super) config: Config,
    pub(super) policy: Policy,
    pub(super) plugins: Vec<Box<dyn Plugin>>,
    pub(super) builder: Builder,
}

impl Checked {
    /// The checked configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Says which address the listener got, so that a `base_url` nobody configured is the real one.
    #[must_use]
    pub fn bound_to(mut self, address: SocketAddr) -> Self {
        self.config.bound_to(address);
        self
    }

    /// Listens on the address of `server.listen`; see [`bound_to`](Self::bound_to).
    ///
    /// # Errors
    /// When nobody can listen there.
    pub async fn bind(self) -> Result<(Self, TcpListener), Failure> {
        let address = self.config.server.listen;
        let cannot_listen = |error| {
            Failure::conflict("serve.cannot_listen", format!("Nobody can listen on {address}: {error}."))
                .hint("Choose another address with --listen, or port 0 for a free one.")
        };
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let bound = listener.local_addr().map_err(Failure::internal)?;
        Ok((self.bound_to(bound), listener))
    }

    /// Puts the gateway together without opening anything of the configured database and folder, and says what it warns
    /// of: what can only be known once everything is mounted.
    ///
    /// # Errors
    /// When something does not fit together.
    pub async fn rehearse(mut self) -> Result<Vec<String>, BootError> {
        self.config.secret.get_or_insert_with(|| REHEARSAL.into());
        self.builder.migrate = Some(false);
        self.builder.pools = Some(db::empty()?);
        let gateway = self.open().await?;
        let warnings = gateway.warnings().to_vec();
        gateway.shutdown().await;
        Ok(warnings)
    }

    /// Opens the database, mounts the plugins and puts the gateway together.
    ///
    /// # Errors
    /// When something cannot be opened or does not fit together.
    pub async fn open(self) -> Result<Gateway, BootError> {
        assemble::assemble(self).await
    }
}
