//! Opens, mounts, checks and joins: the one long walk from a checked configuration to a gateway.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use belgie_api::db::{Db, Pools};
use belgie_api::event::Bus;
use belgie_api::plugin::scopes::mistakes;
use belgie_api::plugin::{Job, Mount, MountParts, ScopeHierarchy, ScopeInfo};
use belgie_api::ports::{Catalog, Keys, Organizations, Provided, Urls};
use belgie_api::{Host, Plugin, resource};

use super::host::{Parts, account_rules, sender, urls};
use super::keys::DerivedKeys;
use super::settings::{limit_settings, mcp_settings};
use super::{BootError, Checked, Gateway, record};
use crate::access::caller::Callers;
use crate::auth::challenge::Challenge;
use crate::auth::{BearerTokens, BrowserSessions, Cookies, Devices, Ports};
use crate::config::secrets::ensure_data_dir;
use crate::config::{Config, MailTransport, Problem, Problems};
use crate::db::{self, Ledger};
use crate::events::Herald;
use crate::identity::csrf::Csrf;
use crate::identity::setup::ADMIN;
use crate::identity::{BreachedPasswords, Hooks, Identity, IdentityParts};
use crate::mail::{Delivery, MailQueue, Post, Sender};
use crate::mcp::{McpEndpoint, McpParts};
use crate::registry::{self, Mounted};
use crate::tasks::Tasks;
use crate::web::{DefaultScopes, MCP_METADATA_PATH, MCP_PATH, RequestIds, Web, WebRules};
use crate::{events, limits, mcp, outbound, pages};

const PURGE_EVERY: Duration = Duration::from_secs(600);
const DELIVER_EVERY: Duration = Duration::from_secs(15);
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Scopes the core itself knows.
pub(super) fn core_scopes() -> Vec<ScopeInfo> {
    vec![ScopeInfo::on_request(ADMIN, "Administer this host")]
}

pub async fn assemble(checked: Checked) -> Result<Gateway, BootError> {
    let Checked { config, policy, plugins, mut builder } = checked;
    let tasks = Tasks::new();
    let ledgers = db::ledgers(plugins.iter().map(AsRef::as_ref));
    let owns_pools = builder.pools.is_none();
    let pools = open_pools(&config, builder.pools.take()).await?;
    let pending = bring_up_to_date(&config, &pools, &ledgers, builder.migrate).await?;
    let bus = Arc::new(Bus::default());
    let db = if owns_pools { Db::owning(pools, Arc::clone(&bus)) } else { Db::new(pools, Arc::clone(&bus)) };
    let parts = open_parts(&config, &db, &plugins, &builder)?;
    let urls = urls(&config)?;
    let host = parts.host(db.clone(), urls.clone(), (tasks.clone(), config.plans.clone()));

    let mounted = mount(&plugins, &host)?;
    let mut scopes = core_scopes();
    scopes.append(&mut builder.scopes);
    scopes.extend(config.scopes.iter().cloned());
    let mut core_tools = mcp::builtin::tools().into_any().0;
    core_tools.append(&mut builder.tools);
    let mut problems = std::mem::take(&mut builder.problems);
    problems.extend(registry::conflicts(&mounted, &scopes, &ledgers));
    let mut surface = registry::surface(&mounted, &core_tools, &scopes, &ledgers);
    surface.push_str(&registry::access(&config.access));

    let mut all =
        MountParts { tools: core_tools, guarded: std::mem::take(&mut builder.guarded), ..MountParts::default() };
    all.vetoes.append(&mut builder.vetoes);
    all.observers.append(&mut builder.observers);
    all.observers.extend(builder.hooks.drain(..).map(|hook| hook.observer(parts.identity.clone())));
    for plugin in mounted {
        scopes.extend(plugin.manifest.scopes);
        absorb(&mut all, plugin.parts, &mut problems);
    }
    problems.extend(super::policy::unexplained_scopes(&all, &scopes, urls.issuer()));
    problems.extend(super::policy::unknown_plans(&config.plans, &all, super::policy::knows_more_plans(&plugins)));
    problems.extend(observers_of_one_name(&all));
    let warnings = super::policy::idle(&policy, &all);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let has_organizations = all.provided.find::<Organizations>().is_some();
    problems.extend(mistakes(&scopes, &known_resources(&urls, &all, has_organizations)));
    let catalog = Catalog {
        hierarchy: ScopeHierarchy::of(&scopes),
        scopes: scopes.into_iter().map(|scope| with_addresses(scope, &urls)).collect(),
        resources: vec![urls.absolute(MCP_PATH)],
        organizations_under: has_organizations.then(|| urls.issuer().to_owned()),
    };
    let default_scopes = DefaultScopes::of(&catalog, &urls);
    let hierarchy = Arc::new(catalog.hierarchy.clone());
    let _only_set_here = parts.catalog.set(catalog);
    let callers = Callers::new(&all.provided, hierarchy);
    let _only_set_here = parts.provided.set(std::mem::take(&mut all.provided));
    let hooks = Arc::new(Hooks {
        vetoes: std::mem::take(&mut all.vetoes),
        ways_in: std::mem::take(&mut all.ways_in),
        connections: std::mem::take(&mut all.connections),
    });
    parts.identity.set_hooks(&hooks);

    // Before the endpoint, so that it forgets before streams are looked through: whoever comes in between is seen there.
    let ports = if config.base_url_is_derived { Ports::AnyOnLoopback } else { Ports::Exact };
    let tokens = BearerTokens::new(
        all.verifiers,
        Arc::new(parts.identity.clone()),
        callers.clone(),
        Arc::clone(&parts.clock),
        Arc::clone(&bus),
        (ports, Arc::clone(&parts.catalog)),
    );
    let bookings = limits::Bookings::new(db.clone(), Arc::clone(&parts.clock), parts.keys.derive("plan_rates"));
    let rates = limits::PlanRates::new(&config.plans, bookings);
    let endpoint = McpEndpoint::new(McpParts {
        tools: all.tools,
        guarded: all.guarded,
        policy: policy.clone(),
        recorder: parts.archive.recorder().clone(),
        callers: callers.clone(),
        settings: mcp_settings(&config),
        rates,
        bus: Arc::clone(&bus),
        clock: Arc::clone(&parts.clock),
        tasks: tasks.tracker(),
        watch: tasks.watch(),
        stopping: tasks.stopping(),
        cutting: tasks.cutting(),
    });
    if let Ok(endpoint) = &endpoint {
        problems.extend(endpoint.clashes().await);
    }
    let (endpoint, tokens) = match (endpoint, tokens) {
        (Ok(endpoint), Ok(tokens)) if problems.is_empty() => (endpoint, tokens),
        (endpoint, tokens) => {
            problems.extend(endpoint.err().unwrap_or_default());
            problems.extend(tokens.err().unwrap_or_default());
            return Err(BootError::Misfit(problems));
        }
    };
    let challenge = Challenge::new(&urls.absolute(MCP_METADATA_PATH)).map_err(belgie_api::Failure::internal)?;
    let web = Arc::new(Web {
        mcp_uri: urls.absolute(MCP_PATH),
        urls,
        cookies: cookies(&config),
        csrf: Csrf::new(host.key("csrf")),
        identity: parts.identity.clone(),
        limits: Arc::clone(&parts.limits) as _,
        pages: Arc::clone(&parts.pages) as _,
        assets: parts.pages.assets().clone(),
        request_ids: RequestIds::new(parts.entropy.as_ref()),
        entropy: Arc::clone(&parts.entropy),
        sections: all.account_sections,
        sessions: Arc::clone(&parts.sessions) as _,
        buttons: all.sign_in_buttons,
        hooks,
        exports: all.data_exports,
        purposes: all.purposes,
        devices: parts.devices.clone(),
        outbox: (config.mail.transport == MailTransport::Outbox).then(|| Arc::clone(&parts.mailer)),
        host: host.clone(),
        proofs: parts.provided.get().and_then(Provided::find),
        provided: Arc::clone(&parts.provided),
        tokens,
        callers,
        has_organizations,
        mcp: endpoint,
        challenge: Arc::new(challenge),
        default_scopes,
        has_authorization_server: all.is_authorization_server,
        rules: web_rules(&config),
    });
    let herald = Herald::new(db.clone(), Arc::clone(&parts.clock), parts.entropy.as_ref());
    if pending.is_empty() {
        herald.enter(&all.observers).await?;
        herald.start(all.observers, &tasks);
    }
    if !builder.is_at_rest {
        start_background_work(&tasks, &db, &parts, all.jobs);
    }
    let Parts { identity, sender, archive, .. } = parts;
    Ok(Gateway {
        config,
        host,
        identity,
        sender,
        archive,
        policy,
        web,
        routes: all.routes,
        examined: all.examined,
        owns_pools,
        tasks,
        surface,
        pending,
        warnings,
    })
}

async fn open_pools(config: &Config, given: Option<Pools>) -> Result<Pools, BootError> {
    if let Some(pools) = given {
        return Ok(pools);
    }
    ensure_data_dir(&config.data_dir).map_err(BootError::Secret)?;
    Ok(db::open(&config.database.url, config.database.max_connections).await?)
}

async fn bring_up_to_date(
    config: &Config,
    pools: &Pools,
    ledgers: &[Ledger],
    wish: Option<bool>,
) -> Result<Vec<String>, BootError> {
    if wish.unwrap_or(config.database.migrate_on_start) {
        db::migrate(pools, ledgers).await?;
        return Ok(Vec::new());
    }
    Ok(db::pending(pools, ledgers).await?)
}

fn open_parts(
    config: &Config,
    db: &Db,
    plugins: &[Box<dyn Plugin>],
    builder: &super::Builder,
) -> Result<Parts, BootError> {
    let (clock, entropy) = (Arc::clone(&builder.clock), Arc::clone(&builder.entropy));
    let keys: Arc<dyn Keys> = Arc::new(DerivedKeys::open(config, &entropy)?);
    let templates = plugins.iter().flat_map(|plugin| plugin.templates()).collect();
    let settings = pages::PagesSettings {
        site_name: config.site_name.clone(),
        links: config.urls.links.clone(),
        override_folder: config.templates_dir.clone(),
    };
    let pages = Arc::new(pages::SitePages::load(settings, templates)?);
    let (shared_keys, shared_clock) = (Arc::clone(&keys), Arc::clone(&clock));
    let mailer = Arc::new(MailQueue::new(config.mail.is_available(), shared_keys, shared_clock, Arc::clone(&entropy)));
    let identity = Identity::new(IdentityParts {
        db: db.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        keys: Arc::clone(&keys),
        post: Post::new(Arc::clone(&mailer), Arc::clone(&pages), urls(config)?),
        breached: breached_passwords(config)?,
        rules: account_rules(config),
    });
    let limit_settings = limit_settings(config);
    let local = limits::LocalLimits::new(&limit_settings, entropy.as_ref());
    let limits =
        limits::SharedLimits::new(local, limit_settings, db.clone(), Arc::clone(&clock), keys.derive("limits"));
    let devices = Devices::new(keys.derive("device"), beside_session(config, "device"));
    Ok(Parts {
        sessions: Arc::new(BrowserSessions::new(identity.clone(), cookies(config), devices.clone())),
        identity,
        keys,
        mailer,
        sender: sender(config)?,
        devices,
        pages,
        limits: Arc::new(limits),
        archive: record::archive(config, db, &clock, &entropy),
        outbound: Arc::new(outbound::HttpOutbound::with_names(outbound_settings(config), Arc::clone(&builder.names))?),
        clock,
        entropy,
        catalog: Arc::new(OnceLock::new()),
        provided: Arc::new(OnceLock::new()),
    })
}

fn breached_passwords(config: &Config) -> Result<BreachedPasswords, BootError> {
    let path = config.sign_in.breached_passwords_file.as_deref();
    BreachedPasswords::open(path).map_err(|error| {
        let remedy = "name a file that this process can read: SHA-1 hashes in their order, or a plain list";
        BootError::from(Problems::from(Problem::new("sign_in.breached_passwords_file", error.to_string(), remedy)))
    })
}

fn mount(plugins: &[Box<dyn Plugin>], host: &Host) -> Result<Vec<Mounted>, BootError> {
    let mut mounted = Vec::new();
    let mut provided = Provided::default();
    for plugin in plugins {
        let mut mount = Mount::after(provided.clone());
        plugin.mount(host, &mut mount)?;
        let nouns = plugin.commands().iter().map(|command| command.command.get_name().to_owned()).collect();
        let parts = mount.into_parts();
        // What is provided twice is refused when everything is put together.
        let _is_new = provided.absorb(parts.provided.clone());
        mounted.push(Mounted { manifest: plugin.manifest(), parts, nouns });
    }
    Ok(mounted)
}

fn absorb(all: &mut MountParts, parts: MountParts, problems: &mut Vec<String>) {
    all.sign_in_buttons.extend(parts.sign_in_buttons);
    all.vetoes.extend(parts.vetoes);
    all.observers.extend(parts.observers);
    all.ways_in.extend(parts.ways_in);
    all.connections.extend(parts.connections);
    all.examined.extend(parts.examined);
    all.data_exports.extend(parts.data_exports);
    all.purposes.extend(parts.purposes);
    if !all.provided.absorb(parts.provided) {
        problems.push("two plugins provide a thing of the same type".to_owned());
    }
    all.routes.extend(parts.routes);
    all.tools.extend(parts.tools);
    all.guarded.extend(parts.guarded);
    all.verifiers.extend(parts.verifiers);
    all.account_sections.extend(parts.account_sections);
    all.jobs.extend(parts.jobs);
    all.is_authorization_server |= parts.is_authorization_server;
    all.resources_elsewhere.extend(parts.resources_elsewhere);
}

/// What a scope can be for: endpoints of ours, by path or address, and what the authorization server knows elsewhere.
fn known_resources(urls: &Urls, all: &MountParts, has_organizations: bool) -> BTreeSet<String> {
    let of_organizations = has_organizations.then_some(resource::OF_ORGANIZATION);
    let ours = [MCP_PATH].into_iter().chain(of_organizations);
    ours.flat_map(|path| [path.to_owned(), urls.absolute(path)])
        .chain(all.resources_elsewhere.iter().cloned())
        .collect()
}

fn with_addresses(mut scope: ScopeInfo, urls: &Urls) -> ScopeInfo {
    for place in scope.resources.iter_mut().filter(|place| place.starts_with('/')) {
        *place = urls.absolute(place);
    }
    scope
}

/// The database notes under its name how far an observer has come, so two cannot share one.
fn observers_of_one_name(all: &MountParts) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = all.observers.iter().map(|observer| observer.name()).filter(|name| !seen.insert(*name));
    twice.map(|name| format!("there are two observers of the name `{name}`")).collect()
}

fn cookies(config: &Config) -> Cookies {
    let is_https = config.base_url.is_https();
    let session = config.session_cookie_name();
    let csrf = beside_session(config, "csrf");
    Cookies {
        session,
        csrf,
        is_secure: config.cookie.is_secure(is_https),
        same_site: match config.cookie.same_site {
            crate::config::SameSite::Lax => cookie::SameSite::Lax,
            crate::config::SameSite::Strict => cookie::SameSite::Strict,
        },
        domain: config.cookie.domain.clone(),
    }
}

/// The name of another cookie of ours, protected by the same prefix as the session.
fn beside_session(config: &Config, what: &str) -> String {
    let session = config.session_cookie_name();
    let prefix = session.strip_suffix(config.cookie.name.as_str()).unwrap_or_default();
    format!("{prefix}{}_{what}", config.cookie.name)
}

fn web_rules(config: &Config) -> WebRules {
    let server = config.server.clone();
    WebRules {
        site_name: config.site_name.clone(),
        allowed_hosts: config.allowed_hosts(),
        allowed_origins: config.allowed_origins(),
        signin_redirect: config.urls.signin_redirect.clone(),
        signout_redirect: config.urls.signout_redirect.clone(),
        body_timeout: config.server.body_timeout,
        is_trusted_proxy: Box::new(move |address| server.is_trusted_proxy(address)),
    }
}

fn outbound_settings(config: &Config) -> outbound::OutboundSettings {
    outbound::OutboundSettings {
        danger_allow_loopback: config.outbound.allow_loopback,
        internal_hosts: config.outbound.internal_hosts.clone(),
    }
}

fn start_background_work(tasks: &Tasks, db: &Db, parts: &Parts, jobs: Vec<Job>) {
    tasks.watch().keep("news", events::follow(db.clone()));
    let limits = Arc::clone(&parts.limits);
    tasks.every("limits.sweep", SWEEP_EVERY, move || {
        limits.sweep();
        std::future::ready(Ok(()))
    });
    let limits = Arc::clone(&parts.limits);
    tasks.every("limits.purge", PURGE_EVERY, move || {
        let limits = Arc::clone(&limits);
        async move { limits.purge().await }
    });
    let identity = parts.identity.clone();
    tasks.every("purge", PURGE_EVERY, move || {
        let identity = identity.clone();
        async move { identity.purge().await }
    });
    record::keep(tasks, &parts.archive);
    if let Some(sender) = parts.sender.clone() {
        deliver_mail(tasks, db, parts, sender);
    }
    for Job { name, period, work } in jobs {
        tasks.every(name, period, work);
    }
}

/// Hands mails on when one was written here, and every now and then those of other nodes and those that had to wait.
fn deliver_mail(tasks: &Tasks, db: &Db, parts: &Parts, sender: Sender) {
    let queue = Arc::clone(&parts.mailer);
    let bell = queue.bell();
    let delivery = Delivery { db: db.clone(), queue, sender, clock: Arc::clone(&parts.clock) };
    tasks.when_called("mail", bell, DELIVER_EVERY, delivery, |delivery| Box::pin(delivery.deliver_due()));
}
