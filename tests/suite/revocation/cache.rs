//! What is remembered of tokens, and when it must not be believed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use belgie_api::clock::SystemClock;
use belgie_api::context::ClientContext;
use belgie_api::entropy::SystemEntropy;
use belgie_api::event::Bus;
use belgie_api::ports::TokenVerifier;
use belgie_api::{
    ClientId, Clock, Event, GrantId, Host, Manifest, Mount, PlainToken, Plugin, ScopeSet, Timestamp, TokenId,
    TokenKind, UserId, VerifiedToken, async_trait, on,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::Notify;

use crate::on_both_engines;
use crate::support::{Connected, Engine, EventStream, Modern, Reply, Setup, TestGateway, eventually, in_quiet};

/// Checks one token, and can be stopped between the look-up and the answer.
#[derive(Clone)]
struct Doorkeeper(Arc<Inside>);

struct Inside {
    token: PlainToken,
    id: TokenId,
    grant: GrantId,
    person: OnceLock<UserId>,
    resource: OnceLock<String>,
    is_revoked: AtomicBool,
    lookups: AtomicU32,
    stops_next: AtomicBool,
    has_stopped: Notify,
    goes_on: Notify,
    /// Told during every look-up.
    chatter: OnceLock<Arc<Bus>>,
}

impl Doorkeeper {
    fn new() -> Self {
        Self(Arc::new(Inside {
            token: TokenKind::Access.mint(&SystemEntropy),
            id: TokenId::new(&SystemClock, &SystemEntropy),
            grant: GrantId::new(&SystemClock, &SystemEntropy),
            person: OnceLock::new(),
            resource: OnceLock::new(),
            is_revoked: AtomicBool::new(false),
            lookups: AtomicU32::new(0),
            stops_next: AtomicBool::new(false),
            has_stopped: Notify::new(),
            goes_on: Notify::new(),
            chatter: OnceLock::new(),
        }))
    }

    async fn start(&self, engine: Engine) -> TestGateway {
        let own = self.clone();
        let gateway = Setup::default().build(|builder| builder.bare().plugin(own)).start(engine).await;
        let ada = gateway.person("ada@example.org").await;
        self.0.person.set(ada.id).expect("the first person");
        gateway
    }

    fn lookups(&self) -> u32 {
        self.0.lookups.load(Ordering::SeqCst)
    }

    fn modern<'a>(&'a self, client: &'a reqwest::Client, url: &'a str) -> Modern<'a> {
        Modern { client, url, token: Some(self.0.token.expose()) }
    }

    /// How often the token is looked up for this many calls, while nothing happens that would be a reason to look again.
    async fn lookups_for(&self, calls: usize, modern: &Modern<'_>, gateway: &TestGateway) -> u32 {
        let count = async || {
            let before = self.lookups();
            for _ in 0..calls {
                assert_eq!(echo(modern).await.status, StatusCode::OK);
            }
            self.lookups() - before
        };
        in_quiet(gateway, count).await
    }

    /// Sends a request and stops it between the look-up and the answer; meanwhile, news arrive.
    async fn with_news_meanwhile(
        &self,
        gateway: &TestGateway,
        request: reqwest::RequestBuilder,
        event: Event,
    ) -> reqwest::Response {
        self.0.stops_next.store(true, Ordering::SeqCst);
        let meanwhile = async {
            self.0.has_stopped.notified().await;
            self.0.is_revoked.store(event == Event::GrantRevoked { grant: self.0.grant }, Ordering::SeqCst);
            let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
            tx.emit(event);
            tx.commit(SystemClock.now()).await.expect("a commit");
            self.0.goes_on.notify_one();
        };
        let (response, ()) = tokio::join!(request.send(), meanwhile);
        response.expect("an answer")
    }
}

impl Plugin for Doorkeeper {
    fn manifest(&self) -> Manifest {
        Manifest { id: "doorkeeper", version: "1", needs: Vec::new(), scopes: Vec::new() }
    }

    fn mount(&self, host: &Host, mount: &mut Mount) -> belgie_api::Result<()> {
        self.0.resource.set(host.urls().absolute("/mcp")).expect("mounted once");
        mount.verifier(Arc::new(self.clone()));
        Ok(())
    }
}

#[async_trait]
impl TokenVerifier for Doorkeeper {
    fn kinds(&self) -> &[TokenKind] {
        &[TokenKind::Access]
    }

    async fn verify(&self, token: &PlainToken, now: Timestamp) -> belgie_api::Result<Option<VerifiedToken>> {
        let Inside { id, grant, person, resource, .. } = self.0.as_ref();
        self.0.lookups.fetch_add(1, Ordering::SeqCst);
        let is_good = *token == self.0.token && !self.0.is_revoked.load(Ordering::SeqCst);
        if let Some(bus) = self.0.chatter.get() {
            bus.publish(&Event::GrantRevoked { grant: GrantId::new(&SystemClock, &SystemEntropy) });
        }
        if self.0.stops_next.swap(false, Ordering::SeqCst) {
            self.0.has_stopped.notify_one();
            self.0.goes_on.notified().await;
        }
        Ok(is_good.then(|| VerifiedToken {
            holder: belgie_api::Holder::Person(*person.get().expect("a person")),
            client: ClientContext { id: ClientId::from_wire("cli_door"), name: "Door".to_owned() },
            actors: Vec::new(),
            grant: Some(*grant),
            token: *id,
            scopes: ScopeSet::new(),
            audience: resource.get().cloned().into_iter().collect(),
            binding: belgie_api::GrantBinding::default(),
            expires_at: now.plus(std::time::Duration::from_secs(3600)),
            key: None,
        }))
    }
}

/// Sets when every grant was revoked, where no process hears of it.
async fn revoke_in_silence(gateway: &TestGateway, at: Option<Timestamp>) {
    const REVOKE: &str = "UPDATE oauth_server_grants SET revoked_at = $1";
    let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
    on!(&mut tx, c => sqlx::query(REVOKE).bind(at).execute(c).await.map(drop)).expect("an update");
    tx.commit(SystemClock.now()).await.expect("a commit");
}

/// Revokes every grant in silence; gives what a call is answered that was let in before, while the line is whole.
async fn status_after_silence(gateway: &TestGateway, ada: &Connected) -> StatusCode {
    let revoke_and_call = async || {
        revoke_in_silence(gateway, None).await;
        ada.is_let_in().await;
        revoke_in_silence(gateway, Some(SystemClock.now())).await;
        ada.call().await.status
    };
    in_quiet(gateway, revoke_and_call).await
}

async fn echo(modern: &Modern<'_>) -> Reply {
    modern.call("echo", json!({ "text": "x" })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_looked_up_once() {
    let door = Doorkeeper::new();
    let gateway = door.start(Engine::Sqlite).await;
    let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
    let modern = door.modern(&client, &url);
    assert_eq!(echo(&modern).await.status, StatusCode::OK);
    assert!(door.lookups() > 0, "it was let in unseen");
    assert!(door.lookups_for(5, &modern, &gateway).await <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_revoked_while_it_was_looked_up_is_not_let_in_then_or_later() {
    let door = Doorkeeper::new();
    let gateway = door.start(Engine::Sqlite).await;
    let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
    let modern = door.modern(&client, &url);
    let call = modern.request("tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }));
    let event = Event::GrantRevoked { grant: door.0.grant };
    let late = door.with_news_meanwhile(&gateway, call, event).await;
    assert_eq!(echo(&modern).await.status, StatusCode::UNAUTHORIZED, "what was looked up is remembered");
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_token_was_revoked_while_it_was_looked_up_does_not_begin() {
    let door = Doorkeeper::new();
    let gateway = door.start(Engine::Sqlite).await;
    let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let listen = door.modern(&client, &url).request("subscriptions/listen", filter);
    let event = Event::GrantRevoked { grant: door.0.grant };
    assert_eq!(door.with_news_meanwhile(&gateway, listen, event).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_somebody_else_refuse_nobody() {
    let door = Doorkeeper::new();
    let gateway = door.start(Engine::Sqlite).await;
    let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
    let modern = door.modern(&client, &url);
    let call = modern.request("tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }));
    let event = Event::GrantRevoked { grant: GrantId::new(&SystemClock, &SystemEntropy) };
    assert_eq!(door.with_news_meanwhile(&gateway, call, event).await.status(), StatusCode::OK);
    assert_eq!(door.lookups(), 1, "news of somebody else are no reason to look again");
    assert_eq!(door.lookups_for(2, &modern, &gateway).await, 0, "nor to forget");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_others_without_end_keep_nobody_out() {
    let door = Doorkeeper::new();
    let gateway = door.start(Engine::Sqlite).await;
    assert!(door.0.chatter.set(Arc::clone(gateway.gateway.host().db().bus())).is_ok());
    let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
    let answer = echo(&door.modern(&client, &url)).await;
    assert_eq!((answer.status, door.lookups()), (StatusCode::OK, 1));
}

on_both_engines! {
    async fn what_nobody_hears_of_is_believed_for_as_long_as_it_is_remembered(gateway: TestGateway) {
        // The proof that the tests beside this one meet a full cache.
        let ada = Connected::new(&gateway, "ada@example.org").await;
        assert_eq!(status_after_silence(&gateway, &ada).await, StatusCode::OK);
        let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
        tx.emit(Event::NewsMissed);
        tx.commit(SystemClock.now()).await.expect("a commit");
        ada.is_refused().await;
    }
}

/// Cuts the lines over which nodes hear the news; when this returns, this node has noticed. A silent line is tested
/// with a query of its own.
async fn cut_the_line(gateway: &TestGateway) {
    const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND (query LIKE 'LISTEN %' OR query = 'SELECT 1')";
    let belgie_api::db::Pools::Postgres(pool) = gateway.pools() else { panic!("a test of Postgres") };
    // The line may be back before anybody looks.
    let has_missed = Arc::new(AtomicBool::new(false));
    let missed = Arc::clone(&has_missed);
    gateway.gateway.host().db().bus().subscribe(Arc::new(move |event: &Event| {
        missed.fetch_or(*event == Event::NewsMissed, Ordering::SeqCst);
    }));
    let cut: i64 = sqlx::query_scalar(CUT).fetch_one(pool).await.expect("an answer");
    assert!(cut > 0, "nobody listens");
    let is_deaf = || !gateway.gateway.identity().hears_news() || has_missed.load(Ordering::SeqCst);
    eventually("the gateway notices that its line is cut", is_deaf).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_news_believes_nothing_it_remembers() {
    let Some(engine) = Engine::postgres().await else { return };
    let gateway = Setup::default().start(engine).await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    assert_eq!(status_after_silence(&gateway, &ada).await, StatusCode::OK);
    cut_the_line(&gateway).await;
    ada.is_refused().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_node_revokes_while_the_line_is_cut_is_seen_at_once() {
    let Some(engine) = Engine::postgres().await else { return };
    let gateway = Setup::default().start(engine).await;
    let node = gateway.second_node().await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    let bob = Connected::new(&gateway, "bob@example.org").await;
    let session = ada.session().await;
    let stream = EventStream::open(session.get()).await;
    ada.is_let_in().await;
    cut_the_line(&gateway).await;
    assert!(node.identity().delete(ada.person.id).await.expect("an answer"));
    ada.is_refused().await;
    let hears_news = || gateway.gateway.identity().hears_news();
    eventually("the line is back", hears_news).await;
    stream.rest().await;
    bob.is_let_in().await;
}
