//! The gateway around an application's own handlers, and the examples that show it: what is compiled in here are the very
//! files of `examples/`.

mod client;
mod extractors;
mod linked;
mod looked_up;
mod paid;
mod programs;
mod seed;
mod together;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use belgie::config::RawConfig;
use belgie::{Builder, Gateway};
use belgie_api::clock::ShiftedClock;
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Engine, Idp, eventually};

#[path = "../../examples/auth.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod auth;
#[path = "../../examples/oauth_server_custom_pages.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod custom_pages;
#[path = "../../examples/mcp.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod mcp;
#[path = "../../examples/oauth.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod oauth;
#[path = "../../examples/oauth_client_plugin.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod oauth_client_plugin;
#[path = "../../examples/organization_team.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod organization_team;
#[path = "../../examples/stripe.rs"]
#[expect(dead_code, reason = "the suite starts it in its own way")]
mod stripe;

/// An application on a port of its own.
pub struct Application {
    pub url: String,
    pub gateway: Arc<Gateway>,
    pub clock: Arc<ShiftedClock>,
    _dir: TempDir,
}

/// What a builder is made from, and what stands beside the gateway.
type Build = fn(&str) -> Builder;
type Routes = fn(&Gateway) -> Router;

impl Application {
    pub async fn start(engine: Engine, build: Build, routes: Routes) -> Self {
        Self::start_with(engine, "", build, routes).await
    }

    /// The same, with more lines of `belgie.toml`.
    pub async fn start_with(engine: Engine, more: &str, build: Build, routes: Routes) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let database = match engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres(url) => format!("[database]\nurl = \"{url}\"\nmigrate_on_start = true\n"),
        };
        let clock = Arc::new(ShiftedClock::default());
        let text = format!("data_dir = {:?}\n{database}{more}", dir.path().join("data"));
        let checked = build(&text).clock(Arc::clone(&clock) as _).check().unwrap_or_else(|error| panic!("{error}"));
        let gateway = checked.bound_to(address).open().await.unwrap_or_else(|error| panic!("{error}"));
        let gateway = Arc::new(gateway);
        let service = routes(&gateway).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        eventually("the gateway hears news", || gateway.identity().hears_news()).await;
        Self { url: format!("http://{address}"), gateway, clock, _dir: dir }
    }

    /// The example `auth`.
    pub async fn guest_book(engine: Engine) -> Self {
        let build = |text: &str| auth::builder(RawConfig::from_text(text));
        Self::start(engine, build, |gateway| auth::application(gateway).expect("routes")).await
    }

    /// A browser in which a new person is signed in.
    pub async fn signed_in(&self, email: &str) -> Browser {
        self.signed_in_with(email, "").await
    }

    /// The same, with scopes of the account.
    pub async fn signed_in_with(&self, email: &str, scopes: &str) -> Browser {
        let account = belgie::identity::NewAccount {
            email: email.to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: scopes.parse().expect("scopes"),
        };
        self.gateway.identity().create(account).await.expect("an account");
        let mut browser = Browser::new(&self.url);
        browser.sign_in(email, PASSWORD).await;
        browser
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.gateway.stopper().cancel();
    }
}

on_both_engines! {
    async fn the_mcp_example_works(engine: Engine) {
        let build = |text: &str| mcp::builder(RawConfig::from_text(text));
        let application = Application::start(engine, build, Gateway::router).await;
        let mut browser = application.signed_in("ada@example.org").await;
        let url = format!("{}/mcp", application.url);
        let agent = Agent::register_at(&application.url, "http://127.0.0.1:49152/callback").await;
        let usual = agent.connect(&mut browser, "").await;
        let call = agent.modern(&url, &usual.access);
        assert_eq!(call.call("greet", json!({})).await.text(), "ada@example.org calls through Suite agent");
        assert_eq!(call.call("report", json!({})).await.text(), "ada@example.org at the example: 7");
        let denied = call.call("report", json!({ "everybody": true })).await;
        assert!(denied.body.to_string().contains("reports:all"), "{}", denied.body);
        let wide = agent.connect(&mut browser, "reports:read reports:all").await;
        let all = agent.modern(&url, &wide.access).call("report", json!({ "everybody": true })).await;
        assert_eq!(all.text(), "Everybody at the example: 42");
        let stranger = reqwest::Client::builder().build().expect("a client");
        let refused = stranger.post(&url).json(&json!({})).send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn the_custom_pages_example_works(engine: Engine) {
        let build: Build = |text| custom_pages::builder(RawConfig::from_text(text));
        let application = Application::start(engine, build, Gateway::router).await;
        let mut browser = application.signed_in("ada@example.org").await;
        assert!(Browser::new(&application.url).get("/auth/signin").await.body.contains("Welcome to Acme"));
        let agent = Agent::register_at(&application.url, "http://127.0.0.1:49152/callback").await;
        let page = browser.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert!(page.body.contains("Let an agent work with Acme?") && page.body.contains("Suite agent"), "{}", page.body);
        let tokens = agent.connect(&mut browser, "").await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

/// The lines that set up a provider on this machine.
fn with_provider(idp: &Idp) -> String {
    format!("[outbound]\ndanger_allow_loopback = true\n[sign_up]\nopen = true\n{}", idp.table(""))
}

/// From a path of ours to the provider, where the person agrees, and back.
async fn through(browser: &mut Browser, idp: &Idp, path: &str) -> String {
    let mut out = browser.get(path).await.location();
    while out.starts_with('/') {
        out = browser.get(&out).await.location();
    }
    browser.get(&idp.agree_by_query(&out)).await.location()
}

on_both_engines! {
    async fn the_oauth_example_works(engine: Engine) {
        let idp = Idp::start().await;
        let build: Build = |text| oauth::builder(RawConfig::from_text(text));
        let application = Application::start_with(engine, &with_provider(&idp), build, oauth::application).await;
        let mut browser = Browser::new(&application.url);
        let sign_in = browser.get("/welcome").await.location();
        let page = crate::support::unescape(&browser.get(&sign_in).await.body);
        let button = page.split("href=\"").find(|part| part.starts_with("/auth/provider/acme/start")).expect("a button");
        let landed = through(&mut browser, &idp, button.split('"').next().expect("an address")).await;
        assert_eq!(landed, "/welcome");
        assert_eq!(browser.get(&landed).await.body, r#"{"came_by":"acme","email":"ada@example.org"}"#);
    }
}

on_both_engines! {
    async fn the_oauth_client_plugin_example_works(engine: Engine) {
        let idp = Idp::start().await;
        let build: Build = |text| oauth_client_plugin::builder(RawConfig::from_text(text));
        let routes: Routes = oauth_client_plugin::application;
        let application = Application::start_with(engine, &with_provider(&idp), build, routes).await;
        let mut browser = Browser::new(&application.url);
        let landed = through(&mut browser, &idp, "/buy/acme").await;
        assert!(landed.starts_with("/basket?oauth_flow="), "{landed}");
        assert!(browser.get(&landed).await.body.contains(r#""gave_along":{"basket":["tea"]}"#));
        assert!(browser.get(&landed).await.body.contains(r#""gave_along":null"#), "once");
        assert!(browser.get("/connected").await.body.contains(r#""provider":"acme""#));
        assert_eq!(Browser::new(&application.url).get("/buy/nobody").await.status, StatusCode::NOT_FOUND);

        idp.ways().person["sub"] = "ada-2".into();
        let linked = through(&mut browser, &idp, "/connect/acme").await;
        assert!(linked.starts_with("/connected"), "{linked}");
        assert_eq!(browser.get("/connected").await.body.matches("acme").count(), 2);
    }
}
