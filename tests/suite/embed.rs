//! A gateway inside somebody else's application: its routes, its state, its database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State as AppState;
use axum::routing::get;
use belgie::api::db::Pools;
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Gateway};
use belgie_api::{Caller, ScopeSet, State, ToolSet, access, tool};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, Row};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Engine, eventually};

/// The application's own state.
#[derive(Clone, Default)]
struct Visits(Arc<AtomicU32>);

async fn count(AppState(visits): AppState<Visits>) -> String {
    format!("visit {}", visits.0.fetch_add(1, Ordering::SeqCst) + 1)
}

async fn not_ours() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "the application knows no such page")
}

/// The pools of an application, as it opens them itself.
async fn own_pools(engine: &Engine, dir: &TempDir) -> Pools {
    match engine {
        Engine::Postgres(url) => Pools::Postgres(PgPool::connect(url).await.expect("a pool")),
        Engine::Sqlite => {
            let file = dir.path().join("application.sqlite3");
            let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(true);
            let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
            let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await;
            let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
            Pools::Sqlite { writer: writer.expect("a pool"), readers: readers.expect("a pool") }
        }
    }
}

/// Runs a statement of the application on its own pool.
macro_rules! own {
    ($pools:expr, $pool:ident => $run:expr) => {
        match $pools {
            Pools::Sqlite { writer: $pool, .. } => $run.expect("the application's own query"),
            Pools::Postgres($pool) => $run.expect("the application's own query"),
        }
    };
}

/// A tool that reads a table of the application.
async fn notes(caller: Caller, State(pools): State<Pools>) -> String {
    const OWN: &str = "SELECT text FROM notes WHERE author = $1";
    let author = caller.user().email.clone();
    own!(pools.as_ref(), pool => sqlx::query(OWN).bind(author).fetch_one(pool).await.map(|row| row.get(0)))
}

struct Application {
    url: String,
    gateway: Arc<Gateway>,
    pools: Pools,
    _dir: TempDir,
}

impl Application {
    async fn start(engine: Engine) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let pools = own_pools(&engine, &dir).await;
        own!(&pools, pool => sqlx::query("CREATE TABLE notes (author TEXT, text TEXT)").execute(pool).await.map(drop));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let config = format!("data_dir = \"{}\"\n", dir.path().join("data").display());
        let tools = ToolSet::new(pools.clone()).tool(tool("notes", "Your notes"), access(), notes);
        let builder = Belgie::builder(RawConfig::from_text(&config)).pools(pools.clone()).tools(tools).migrate(true);
        let checked = builder.check().unwrap_or_else(|error| panic!("{error}")).bound_to(address);
        let gateway = Arc::new(checked.open().await.unwrap_or_else(|error| panic!("{error}")));
        let application = Router::new()
            .route("/visits", get(count))
            .with_state(Visits::default())
            .fallback(not_ours)
            .merge(gateway.router());
        let service = application.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        eventually("the gateway hears news", || gateway.identity().hears_news()).await;
        Self { url: format!("http://{address}"), gateway, pools, _dir: dir }
    }
}

on_both_engines! {
    async fn an_application_with_a_gateway_inside_is_one_site(engine: Engine) {
        let application = Application::start(engine).await;
        let url = &application.url;
        for visit in ["visit 1", "visit 2"] {
            assert_eq!(reqwest::get(format!("{url}/visits")).await.expect("an answer").text().await.expect("text"), visit);
        }
        let nowhere = reqwest::get(format!("{url}/nowhere")).await.expect("an answer");
        assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
        assert_eq!(nowhere.text().await.expect("text"), "the application knows no such page");

        let ada = NewAccount {
            email: "ada@example.org".to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: ScopeSet::new(),
        };
        let ada = application.gateway.identity().create(ada).await.expect("an account");
        let note = "INSERT INTO notes (author, text) VALUES ('ada@example.org', 'buy milk')";
        own!(&application.pools, pool => sqlx::query(note).execute(pool).await.map(drop));

        let mut browser = Browser::new(url);
        browser.sign_in("ada@example.org", PASSWORD).await;
        let agent = Agent::register_at(url, "http://127.0.0.1:49152/callback").await;
        let tokens = agent.connect(&mut browser, "").await;
        let mcp_url = format!("{url}/mcp");
        let modern = agent.modern(&mcp_url, &tokens.access);
        assert_eq!(modern.call("notes", json!({})).await.text(), "buy milk");

        assert!(application.gateway.identity().delete(ada.id).await.expect("an answer"));
        assert_eq!(modern.call("notes", json!({})).await.status, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn gateways_of_one_process_keep_to_themselves(engine: Engine) {
        let other = match &engine {
            Engine::Sqlite => Engine::Sqlite,
            Engine::Postgres(_) => Engine::postgres().await.expect("a second database"),
        };
        let (one, two) = (Application::start(engine).await, Application::start(other).await);
        let ada = NewAccount {
            email: "ada@example.org".to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: ScopeSet::new(),
        };
        one.gateway.identity().create(ada).await.expect("an account");
        let mut browser = Browser::new(&one.url);
        browser.sign_in("ada@example.org", PASSWORD).await;
        assert!(browser.is_signed_in().await);

        let mut elsewhere = Browser::new(&two.url);
        elsewhere.plant("belgie_session", browser.cookie("belgie_session").expect("a session"));
        assert!(!elsewhere.is_signed_in().await, "a session of one is nothing to the other");
        let refused = elsewhere.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "nor are its accounts");
        let agent = Agent::register_at(&one.url, "http://127.0.0.1:49152/callback").await;
        let tokens = agent.connect(&mut browser, "").await;
        for (url, expected) in [(&one.url, StatusCode::OK), (&two.url, StatusCode::UNAUTHORIZED)] {
            let address = format!("{url}/mcp");
            let answer = agent.modern(&address, &tokens.access).call("whoami", json!({})).await;
            assert_eq!(answer.status, expected, "a token opens the endpoint it was made for");
        }
    }
}
