//! A gateway on a real port, with a real database, for one test.

use std::sync::Arc;

use belgie::api::clock::ShiftedClock;
use belgie::api::db::Pools;
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Builder, Gateway};
use belgie_api::ScopeSet;
use belgie_api::context::UserContext;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Browser, postgres};

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
    config: String,
    has_real_limits: bool,
    build: Option<Box<dyn FnOnce(Builder) -> Builder + Send>>,
}

impl Setup {
    /// Adds lines to `belgie.toml`.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// Leaves the rate limits as they are for everybody.
    pub fn without_generous_limits(mut self) -> Self {
        self.has_real_limits = true;
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
            "data_dir = {:?}\n[server]\nlisten = \"127.0.0.1:0\"\nshutdown_grace_seconds = 5\n{database}\n{}\n{}",
            dir.path().join("data"),
            if self.has_real_limits { "" } else { GENEROUS },
            self.config,
        );
        let clock = Arc::new(ShiftedClock::default());
        let builder = Belgie::builder(RawConfig::from_text(&text)).demo_tools().clock(Arc::clone(&clock) as _);
        let builder = match self.build {
            Some(build) => build(builder),
            None => builder,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let checked = builder.check().unwrap_or_else(|error| panic!("{error}")).bound_to(address);
        let gateway = Arc::new(checked.open().await.unwrap_or_else(|error| panic!("{error}")));
        let server = Arc::clone(&gateway);
        let serving = tokio::spawn(async move { server.serve(listener).await });
        let url = format!("http://{address}");
        TestGateway { url, clock, gateway, engine, config: text, dir, serving }
    }
}

/// Tests come from one address; limits have tests of their own.
const GENEROUS: &str = "[limits]\nsign_in_per_minute = 6000\nsign_in_per_account_per_minute = 6000\n\
    sign_up_per_minute = 6000\nregister_per_minute = 6000\ntoken_per_minute = 6000\nauthorize_per_minute = 6000\n";

/// A running gateway.
pub struct TestGateway {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Its clock; runs with the machine's and can be set forward.
    pub clock: Arc<ShiftedClock>,
    /// The gateway itself, for what no front door shows.
    pub gateway: Arc<Gateway>,
    engine: Engine,
    config: String,
    dir: TempDir,
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
        let account = NewAccount {
            email: email.to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: ScopeSet::new(),
        };
        self.gateway.identity().create(account).await.expect("a new account")
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

    /// A second node on the same database, with the same secret and public address.
    pub async fn second_node(&self) -> Arc<Gateway> {
        let base = format!("base_url = \"{}\"\n", self.url);
        let builder = Belgie::builder(RawConfig::from_text(&format!("{base}{}", self.config))).demo_tools();
        let gateway =
            builder.clock(Arc::clone(&self.clock) as _).build().await.unwrap_or_else(|error| panic!("{error}"));
        Arc::new(gateway)
    }

    /// The data folder, for the command line.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    /// Which database this is.
    pub fn engine(&self) -> &Engine {
        &self.engine
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
