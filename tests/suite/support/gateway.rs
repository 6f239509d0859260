//! A gateway on a real port, with a real database, for one test.

use std::sync::Arc;

use belgie::api::clock::ShiftedClock;
use belgie::api::db::Pools;
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Builder, Gateway};
use belgie_api::context::UserContext;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Browser, Probe, postgres};

/// Which database a test runs on.
#[derive(Clone, Debug)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own, at this address.
    Postgres(String),
}

impl Engine {
    /// A new database on the temporary server; `None` when there is no Postgres here.
    pub async fn postgres() -> Option<Self> {
        postgres::new_database().await.map(Self::Postgres)
    }
}

/// What a test wants of its gateway.
#[derive(Default)]
pub struct Setup {
    top: String,
    config: String,
    server: String,
    has_real_limits: bool,
    has_public_address: bool,
    has_probe: bool,
    build: Option<Build>,
}

impl Setup {
    /// Adds lines to `belgie.toml`.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// Adds lines above all sections.
    pub fn top(mut self, lines: &str) -> Self {
        self.top.push_str(lines);
        self.top.push('\n');
        self
    }

    /// Mail goes to the outbox.
    pub fn with_mail(self) -> Self {
        self.config("[mail]\ntransport = \"outbox\"")
    }

    /// Strangers may make accounts.
    pub fn with_open_sign_up(self) -> Self {
        self.config("[sign_up]\nopen = true")
    }

    /// Leaves the rate limits as they are for everybody.
    pub fn without_generous_limits(mut self) -> Self {
        self.has_real_limits = true;
        self
    }

    /// Writes the public address into `belgie.toml`, so that it does not follow from the listener.
    pub fn with_public_address(mut self) -> Self {
        self.has_public_address = true;
        self
    }

    /// Adds lines to the section `[server]`.
    pub fn server(mut self, lines: &str) -> Self {
        self.server.push_str(lines);
        self.server.push('\n');
        self
    }

    /// Adds the tool `hang` of the gateway's [`Probe`].
    pub fn with_probe(mut self) -> Self {
        self.has_probe = true;
        self
    }

    /// Adds to the builder.
    pub fn build(mut self, build: impl FnOnce(Builder) -> Builder + Send + 'static) -> Self {
        self.build = Some(Box::new(build));
        self
    }

    /// Starts the gateway.
    pub async fn start(self, engine: Engine) -> TestGateway {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let database = match &engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres(url) => {
                format!("[database]\nurl = \"{url}\"\nmigrate_on_start = true\nmax_connections = 5\n")
            }
        };
        let text = format!(
            "{}data_dir = {:?}\n[server]\nlisten = \"127.0.0.1:0\"\n{}{}{database}\n{}\n{}",
            self.top,
            dir.path().join("data"),
            self.server,
            if self.server.contains("shutdown_grace_seconds") { "" } else { "shutdown_grace_seconds = 5\n" },
            if self.has_real_limits { "" } else { GENEROUS },
            self.config,
        );
        let clock = Arc::new(ShiftedClock::default());
        let place = Place { engine, dir: Arc::new(dir), config: text, has_public_address: self.has_public_address };
        let probe = Probe::default();
        let build = self.build.unwrap_or_else(|| Box::new(|builder| builder));
        let tools = self.has_probe.then(|| probe.tools());
        let build: Build = match tools {
            Some(tools) => Box::new(move |builder| build(builder.tools(tools))),
            None => build,
        };
        launch(place, clock, probe, build).await
    }
}

type Build = Box<dyn FnOnce(Builder) -> Builder + Send>;

/// What two gateways on one database share.
#[derive(Clone)]
struct Place {
    engine: Engine,
    dir: Arc<TempDir>,
    config: String,
    has_public_address: bool,
}

/// Opens a gateway on a free port, which becomes its public address, and lets it answer.
async fn launch(place: Place, clock: Arc<ShiftedClock>, probe: Probe, build: Build) -> TestGateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let url = format!("http://{address}");
    let public = if place.has_public_address { format!("base_url = \"{url}\"\n") } else { String::new() };
    let config = RawConfig::from_text(&format!("{public}{}", place.config));
    let builder = build(Belgie::builder(config).demo_tools().clock(Arc::clone(&clock) as _));
    let checked = builder.check().unwrap_or_else(|error| panic!("{error}")).bound_to(address);
    let gateway = Arc::new(checked.open().await.unwrap_or_else(|error| panic!("{error}")));
    let server = Arc::clone(&gateway);
    let serving = tokio::spawn(async move { server.serve(listener).await });
    let hears_news = || gateway.identity().hears_news();
    super::eventually("the gateway hears the news of other processes", hears_news).await;
    TestGateway { url, clock, gateway, probe, place, serving }
}

/// Tests come from one address; limits have tests of their own.
const GENEROUS: &str = "[limits]\nsign_in_per_minute = 6000\nsign_in_per_account_per_minute = 6000\n\
    sign_in_from_new_devices_per_hour = 6000\nmails_per_minute = 6000\nmails_per_recipient_per_hour = 6000\n\
    sign_up_per_minute = 6000\nregister_per_minute = 6000\ntoken_per_minute = 6000\nrevoke_per_minute = 6000\nmanage_per_minute = 6000\nuserinfo_per_minute = 6000\nauthorize_per_minute = 6000\nbilling_per_minute = 6000\n";

/// A running gateway.
pub struct TestGateway {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Its clock; runs with the machine's and can be set forward.
    pub clock: Arc<ShiftedClock>,
    /// The gateway itself, for what no front door shows.
    pub gateway: Arc<Gateway>,
    /// Watches its tool `hang`, if it has one.
    pub probe: Probe,
    place: Place,
    serving: JoinHandle<()>,
}

/// The password of every person in the suite.
pub const PASSWORD: &str = "correct horse battery staple";

impl TestGateway {
    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The address of the MCP endpoint.
    pub fn mcp_url(&self) -> String {
        self.at("/mcp")
    }

    /// Makes an account.
    pub async fn person(&self, email: &str) -> UserContext {
        self.person_with(email, "").await
    }

    /// A browser nobody is signed in with.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// A browser in which a new person with this address is signed in.
    pub async fn signed_in(&self, email: &str) -> Browser {
        self.person(email).await;
        let mut browser = self.browser();
        browser.sign_in(email, PASSWORD).await;
        browser
    }

    /// A browser in which a new person with this proven address is signed in, on a gateway with mail.
    pub async fn at_home(&self, email: &str) -> Browser {
        self.person(email).await;
        let mut browser = self.browser();
        browser.sign_in(email, PASSWORD).await;
        let link = self.letter_to(email).await.link();
        let form = browser.get(&link).await.form("/auth/verify");
        browser.submit(&form, &[]).await;
        browser.sign_in(email, PASSWORD).await;
        assert!(browser.is_signed_in().await);
        browser
    }

    /// A second node on the same database, with the same secret and public address.
    pub async fn second_node(&self) -> Arc<Gateway> {
        self.second_node_with(|builder| builder).await
    }

    /// The same, with more in it.
    pub async fn second_node_with(&self, build: impl FnOnce(Builder) -> Builder) -> Arc<Gateway> {
        let base = format!("base_url = \"{}\"\n", self.url);
        let raw = RawConfig::from_text(&format!("{base}{}", self.place.config));
        let builder = build(Belgie::builder(raw).demo_tools());
        let gateway =
            builder.clock(Arc::clone(&self.clock) as _).build().await.unwrap_or_else(|error| panic!("{error}"));
        Arc::new(gateway)
    }

    /// Another node on the same database, whose configuration is another.
    pub async fn with_other_config(&self, change: impl FnOnce(&str) -> String) -> Arc<Gateway> {
        self.with_others(change, |builder| builder).await
    }

    /// The same, with more in it.
    pub async fn with_others(
        &self,
        change: impl FnOnce(&str) -> String,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Arc<Gateway> {
        let base = format!("base_url = \"{}\"\n", self.url);
        let builder = build(Belgie::builder(RawConfig::from_text(&format!("{base}{}", change(&self.place.config)))));
        let built = builder.clock(Arc::clone(&self.clock) as _).build().await;
        Arc::new(built.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Another gateway on the same database, with the same secret and clock but an address of its own.
    pub async fn elsewhere(&self, has_public_address: bool) -> Self {
        let place = Place { has_public_address, ..self.place.clone() };
        launch(place, Arc::clone(&self.clock), Probe::default(), Box::new(|builder| builder)).await
    }

    /// A person with an account that may do this beyond what everybody may.
    pub async fn person_with(&self, email: &str, scopes: &str) -> UserContext {
        let account = NewAccount {
            email: email.to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: scopes.parse().expect("scopes"),
        };
        self.gateway.identity().create(account).await.expect("a new account")
    }

    /// The configuration as a file, for the command line.
    pub fn config_file(&self) -> std::path::PathBuf {
        let path = self.place.dir.path().join("belgie.toml");
        let public =
            if self.place.has_public_address { format!("base_url = \"{}\"\n", self.url) } else { String::new() };
        std::fs::write(&path, format!("{public}{}", self.place.config)).expect("a writable folder");
        path
    }

    /// The data folder, for the command line.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.place.dir.path().join("data")
    }

    /// Its folder, to keep it beyond the gateway.
    pub fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.place.dir)
    }

    /// Which database this is.
    pub fn engine(&self) -> &Engine {
        &self.place.engine
    }

    /// The open pools.
    pub fn pools(&self) -> &Pools {
        self.gateway.host().db().pools()
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.gateway.stopper().cancel();
        self.serving.abort();
    }
}
