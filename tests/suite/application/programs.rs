//! The examples as programs: each is started with nothing but an environment, does what it is there for, and ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{through, with_provider};
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Idp, PATIENCE, Stripe, Tokens, say};

/// Where cargo puts examples, beside the folder this suite runs from.
fn built(name: &str) -> PathBuf {
    let suite = std::env::current_exe().expect("this suite");
    suite.ancestors().nth(2).expect("a folder of the build").join("examples").join(name)
}

/// Whether an example is there and no source it is made of is newer, as cargo lists them.
fn is_current(program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let Ok(sources) = std::fs::read_to_string(program.with_extension("d")) else { return false };
    let newest = sources.split_whitespace().skip(1).filter_map(|path| changed(Path::new(path))).max();
    changed(program).is_some_and(|made| newest.unwrap_or(SystemTime::UNIX_EPOCH) <= made)
}

/// An example that runs; dropped, it is ended.
struct Program {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
    /// What it printed first: an address of it.
    link: String,
    _dir: TempDir,
}

impl Program {
    /// `None`, said aloud, when the example was not built with this suite, as `cargo test --workspace` does.
    async fn start(name: &str, settings: &str) -> Option<Self> {
        let program = built(name);
        if !is_current(&program) {
            let required = std::env::var("BELGIE_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "examples"), "{} is not built", program.display());
            say(&format!("SKIPPED the example `{name}`: not built; `cargo build --examples` does"));
            return None;
        }
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("belgie.toml"), settings).expect("a writable folder");
        let mut process = Command::new(program)
            .env_clear()
            .env("BELGIE_SERVER_LISTEN", "127.0.0.1:0")
            .env("BELGIE_DATA_DIR", dir.path().join("data"))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the example runs");
        let mut said = BufReader::new(process.stdout.take().expect("its output")).lines();
        let link = link_of(&mut said).await;
        Some(Self { process, said, link, _dir: dir })
    }

    /// Where it is.
    fn url(&self) -> String {
        let url: url::Url = self.link.parse().expect("an address");
        url.origin().ascii_serialization()
    }

    /// A browser in which the first account was made.
    async fn set_up(&self) -> Browser {
        let mut browser = Browser::new(&self.url());
        let link = self.link.strip_prefix(&self.url()).expect("a link of its own");
        let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
        let made = browser.fill(link, "/auth/setup", &fields).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
        browser
    }

    /// What it prints next.
    async fn hears(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.said.next_line())
            .await
            .expect("it says more")
            .expect("text")
            .expect("a line")
    }

    /// Asks it to end, as a terminal or a supervisor does.
    async fn end(mut self) {
        let id = self.process.id().expect("it still runs").to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
        tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("it ends").expect("it ended");
    }
}

async fn link_of(said: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(PATIENCE, said.next_line()).await.expect("it starts").expect("text");
    let line = line.expect("it starts and says where it is");
    line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")).expect("an address").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auth_example_runs() {
    let Some(mut program) = Program::start("auth", "").await else { return };
    let mut browser = program.set_up().await;
    assert!(browser.get("/profile").await.body.contains(r#""email":"ada@example.org""#));
    assert!(program.hears().await.ends_with("/profile"));
    assert_eq!(program.hears().await, "Welcome, ada@example.org");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oauth_example_runs() {
    let idp = Idp::start().await;
    let Some(mut program) = Program::start("oauth", &with_provider(&idp)).await else { return };
    let mut browser = Browser::new(&program.url());
    let landed = through(&mut browser, &idp, "/auth/provider/acme/start?return_to=/welcome").await;
    assert_eq!(browser.get(&landed).await.body, r#"{"came_by":"acme","email":"ada@example.org"}"#);
    assert_eq!(program.hears().await, "ada@example.org signed in by acme");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_custom_pages_example_runs() {
    let Some(program) = Program::start("oauth_server_custom_pages", "").await else { return };
    let mut browser = program.set_up().await;
    assert!(Browser::new(&program.url()).get("/auth/signin").await.body.contains("Welcome to Acme"));
    let agent = Agent::register_at(&program.url(), "http://127.0.0.1:49152/callback").await;
    let page = browser.get(&agent.authorize_url(&agent.authorization(""))).await;
    assert!(page.body.contains("Let an agent work with Acme?"), "{}", page.body);
    let tokens = agent.connect(&mut browser, "").await;
    assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_pages_example_runs() {
    let Some(program) = Program::start("oauth_server_own_pages", "").await else { return };
    program.set_up().await;
    let agent = Agent::register_at(&program.url(), "http://127.0.0.1:49152/callback").await;
    let mut browser = Browser::new(&program.url());
    let welcome = browser.get(&agent.authorize_url(&agent.authorization("connections:read"))).await.location();
    let form = browser.get(&welcome).await.form("/auth/signin");
    let onward = browser.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await.location();
    let onward = browser.get(&onward).await.location();
    let terms = browser.get(&onward).await.location();
    assert!(terms.starts_with("/terms?interaction="), "{terms}");
    let form = browser.get(&terms).await.form("/terms/accept");
    let request = browser.raw().post(format!("{}/terms/accept", program.url()));
    let request = request.form(&form.fields).header("sec-fetch-site", "same-origin");
    let onward = browser.send(request).await.location();
    let onward = browser.get(&onward).await.location();
    let consent = browser.get(&onward).await.location();
    let page = browser.get(&consent).await;
    assert!(page.body.contains("Let this agent act for you?"), "{}", page.body);
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    let tokens = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
    assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_example_runs() {
    let Some(mut program) = Program::start("mcp", "").await else { return };
    let mut browser = program.set_up().await;
    let url = format!("{}/mcp", program.url());
    assert_eq!(program.hears().await, format!("Give your agent this address: {url}"));
    let agent = Agent::register_at(&program.url(), "http://127.0.0.1:49152/callback").await;
    let tokens = agent.connect(&mut browser, "").await;
    let greeting = agent.modern(&url, &tokens.access).call("greet", json!({})).await;
    assert_eq!(greeting.text(), "ada@example.org calls through Suite agent");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_notes_example_runs() {
    let Some(mut program) = Program::start("notes", "").await else { return };
    let mut browser = program.set_up().await;
    let url = format!("{}/mcp", program.url());
    assert_eq!(program.hears().await, format!("Give your agent this address: {url}"));
    let agent = Agent::register_at(&program.url(), "http://127.0.0.1:49152/callback").await;
    let tokens = agent.connect(&mut browser, "").await;
    for count in 1..=2 {
        let noted = agent.modern(&url, &tokens.access).call("remember", json!({ "text": "tea" })).await;
        assert_eq!(noted.text(), format!("ada@example.org now has {count} notes"));
    }
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embed_example_runs() {
    let Some(mut program) = Program::start("embed", "").await else { return };
    let mut browser = program.set_up().await;
    assert!(program.hears().await.ends_with(&format!("{}/shop", program.url())));
    let url = format!("{}/mcp", program.url());
    assert!(program.hears().await.ends_with(&url));
    for number in 1..=2 {
        assert_eq!(browser.get("/shop").await.body, format!("You are visitor number {number}"));
    }
    let agent = Agent::register_at(&program.url(), "http://127.0.0.1:49152/callback").await;
    let tokens = agent.connect(&mut browser, "").await;
    let sum = agent.modern(&url, &tokens.access).call("add", json!({ "a": 2, "b": 3 })).await;
    assert!(sum.text().contains('5'), "{}", sum.body);
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oauth_client_plugin_example_runs() {
    let idp = Idp::start().await;
    let Some(program) = Program::start("oauth_client_plugin", &with_provider(&idp)).await else { return };
    assert_eq!(program.link, format!("{}/buy/acme", program.url()), "one line for each provider");
    let mut browser = Browser::new(&program.url());
    let landed = through(&mut browser, &idp, "/buy/acme").await;
    let basket = browser.get(&landed).await.body;
    assert!(basket.contains(r#""gave_along":{"basket":["tea"]}"#), "the payload came along: {basket}");
    assert!(browser.get(&landed).await.body.contains(r#""gave_along":null"#), "once");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_organization_team_example_runs() {
    let Some(mut program) = Program::start("organization_team", "").await else { return };
    let mut browser = program.set_up().await;
    let url = program.url();
    assert_eq!(program.hears().await, format!("Then make a company at {url}/organizations/new"));
    let made = browser.fill("/organizations/new", "/organizations/new", &[("name", "Acme")]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let (status, team) = call(&mut browser, "/companies/acme/teams", json!({ "name": "Red" })).await;
    assert_eq!(status, StatusCode::OK, "{team}");
    let board = format!("/boards/{}", team["id"].as_str().expect("an id"));
    let agent = Agent::register_at(&url, "http://127.0.0.1:49152/callback").await;
    let page = browser.get(&agent.authorize_url(&agent.authorization("board:write"))).await;
    let organization = team["organization_id"].as_str().expect("an id");
    let answer =
        browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", organization)]).await;
    let tokens = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
    let note = json!({ "team": "red", "line": "Begin" });
    let said = agent.modern(&format!("{url}/mcp"), &tokens.access).call("pin_note", note).await;
    assert_eq!(said.text(), "Pinned to the board of Red", "{}", said.body);
    assert_eq!(read(&mut browser, &board).await, (StatusCode::OK, json!(["ada@example.org: Begin"])));
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stripe_example_runs() {
    let stripe = Stripe::start().await;
    let settings = format!("{}{}", stripe.table(), super::paid::PLANS);
    let Some(program) = Program::start("stripe", &settings).await else { return };
    let mut browser = program.set_up().await;
    let now = belgie_api::Clock::now(&belgie_api::clock::SystemClock);
    super::paid::journey(&stripe, &program.url(), &mut browser, now).await;
    let journal = browser.get("/journal").await.body;
    assert_eq!(journal, r#"["pro is paid","pro will end","pro has ended"]"#);
    program.end().await;
}
