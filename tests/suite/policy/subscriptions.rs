//! Being told of changes in a wrapped server: it is not even asked for what it would tell those who may not use it.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use belgie::rmcp::model::{
    ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use belgie::rmcp::service::{RequestContext, SubscriptionContext};
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::tools::guard;
use belgie_api::{Event, OrgId, UserId, access};
use belgie_organization::{Actor, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::timeout;

use super::{scope, tell};
use crate::on_both_engines;
use crate::organization::{join, known, organizations, owned_by};
use crate::support::{Connected, Engine, EventStream, LegacySession, PATIENCE, Setup, TestGateway, rpc};

/// A server that tells whatever it is asked for, and counts how often it was asked and how often it told.
#[derive(Clone, Default)]
struct Herald {
    asked: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
}

impl ServerHandler for Herald {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_resources().enable_resources_subscribe();
        ServerConfig::new(capabilities.enable_prompts().enable_prompts_list_changed().build())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.told.fetch_add(1, Ordering::SeqCst);
        context.cancelled().await;
        Ok(())
    }
}

async fn acknowledged(agent: &Connected, notifications: Value) -> Value {
    let request = agent.modern().request("subscriptions/listen", json!({ "notifications": notifications }));
    let mut stream = EventStream::open(request).await;
    stream.next().await.expect("an acknowledgement")["params"]["notifications"].clone()
}

on_both_engines! {
    async fn a_server_is_asked_only_for_whoever_may_use_it(engine: Engine) {
        let herald = Herald::default();
        let guarded = guard("herald", access().scope("herald:hear"), herald.clone());
        let file = "[[access]]\ntools = ['notes://private/*']\nroles = ['owner']\n";
        let build = |builder: belgie::Builder| builder.guarded(guarded).scope(scope("herald:hear"));
        let gateway = Setup::default().config(file).build(build).start(engine).await;
        let at_start = herald.asked.load(Ordering::SeqCst);
        let everything = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["notes://open"] });
        let private = json!({ "toolsListChanged": true, "resourceSubscriptions": ["notes://open", "notes://private/1"] });
        let ours = json!({ "toolsListChanged": true });
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::with_scope(&gateway, "bob@example.org", "herald:hear").await;
        assert_eq!(acknowledged(&ada, everything.clone()).await, ours);
        assert_eq!(herald.told.load(Ordering::SeqCst), 0, "nor does it hear of them");
        assert_eq!(acknowledged(&bob, private).await, ours);
        assert_eq!(acknowledged(&bob, ours.clone()).await, ours);
        assert_eq!(herald.asked.load(Ordering::SeqCst), at_start, "nobody has asked it for them");
        assert_eq!(acknowledged(&bob, everything.clone()).await, everything);
        assert!(herald.asked.load(Ordering::SeqCst) > at_start);
    }
}

on_both_engines! {
    async fn an_open_subscription_takes_no_room_of_the_record_from_others(engine: Engine) {
        let guarded = guard("herald", access(), Herald::default());
        let build = |builder: belgie::Builder| builder.guarded(guarded);
        let gateway = Setup::default().config("[audit]\nqueue_entries = 1\n").build(build).start(engine).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let filter = json!({ "notifications": { "resourceSubscriptions": ["notes://a", "notes://b", "notes://a"] } });
        let mut stream = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some(), "it is acknowledged");
        for _ in 0..2 {
            let called = ada.modern().call("whoami", json!({})).await;
            assert_eq!(called.body["result"]["isError"], json!(false), "{:?}", called.body);
        }
    }
}

/// What the slow server is slow at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Saying that the client is told from now on.
    Subscribe,
    /// Saying that it is told no more.
    Unsubscribe,
    /// The first, and it never comes to it.
    ForEver,
    /// The first, until the client has cancelled.
    Cancel,
    /// Nothing: it breaks when it has begun to tell.
    Break,
}

/// A server that is about to answer, and answers when the test wants.
#[derive(Clone)]
struct Slow {
    at: Wait,
    asked: Arc<Notify>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl Slow {
    fn new(at: Wait) -> (Self, Sender<()>) {
        let (word, go_on) = channel();
        (Self { at, asked: Arc::default(), go_on: Arc::new(Mutex::new(go_on)) }, word)
    }

    fn wait(&self) {
        self.asked.notify_one();
        // It keeps its thread: between this and the answer the gateway is asked for nothing.
        block_in_place(|| self.go_on.lock().expect("the only one").recv_timeout(PATIENCE)).expect("the word to go on");
    }
}

impl ServerHandler for Slow {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_resources().enable_resources_subscribe().build())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        match self.at {
            Wait::Subscribe => self.wait(),
            Wait::Unsubscribe => {}
            Wait::ForEver => {
                self.asked.notify_one();
                pending::<()>().await;
            }
            Wait::Cancel => {
                self.asked.notify_one();
                context.ct.cancelled().await;
                self.asked.notify_one();
                return Err(ErrorData::invalid_request("It was cancelled.", None));
            }
            Wait::Break => panic!("it tells from now on, and does not come to say so"),
        }
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if self.at == Wait::Unsubscribe {
            self.wait();
        }
        Ok(())
    }
}

const PRIVATE: &str = "notes://private/1";

/// Bob, an administrator of acme, in a session of the older era beside a slow server.
struct Told {
    gateway: TestGateway,
    slow: Slow,
    word: Sender<()>,
    acme: OrgId,
    bob: UserId,
    session: LegacySession,
    /// What it is told.
    stream: EventStream,
}

impl Told {
    async fn new(engine: Engine, at: Wait) -> Self {
        let (slow, word) = Slow::new(at);
        let guarded = guard("slow", access(), slow.clone());
        let file = "[[access]]\ntools = ['notes://private/*']\nroles = ['admin']\n";
        let build = |builder: belgie::Builder| builder.guarded(guarded);
        let gateway = Setup::default().config(file).build(build).start(engine).await;
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        join(&gateway, acme, bob.id, "admin").await;
        let session = Connected::of(&gateway, &bob, "", Some(acme)).await.session().await;
        let stream = EventStream::open(session.get()).await;
        Self { gateway, slow, word, acme, bob: bob.id, session, stream }
    }

    /// Asks, and waits until the server has the request before it.
    async fn begin(&self, method: &str) -> JoinHandle<()> {
        let mut message = rpc(method, json!({ "uri": PRIVATE }));
        // Others are asked while it waits.
        message["id"] = json!(2);
        let request = self.session.post(&message);
        // It may be cut off.
        let asking = tokio::spawn(async move { drop(request.send().await.expect("an answer").bytes().await) });
        timeout(PATIENCE, self.slow.asked.notified()).await.expect("the server is asked");
        asking
    }

    /// Asks, and has the answer.
    async fn ask(&self, method: &str) {
        let reply = self.session.send(method, json!({ "uri": PRIVATE })).await;
        assert!(reply.body["result"].is_object(), "{method}: {}", reply.body);
    }

    /// Lets the server go on, and waits for the answer.
    async fn finish(&self, asking: JoinHandle<()>) {
        self.word.send(()).expect("it waits");
        timeout(PATIENCE, asking).await.expect("in time").expect("an answer");
    }

    /// Waits until what it is told ends.
    async fn ends(&mut self) {
        let end = async { while self.stream.next().await.is_some() {} };
        timeout(PATIENCE, end).await.expect("it ends");
    }

    /// Takes the role away, and sees what has become of the session.
    async fn lose_the_role(&mut self) -> StatusCode {
        let member = read_roles(["member"]).expect("roles");
        organizations(&self.gateway).set_roles(&Actor::host(), self.acme, self.bob, &member).await.expect("set");
        // Either the end, or the news that the list has changed: the session has been looked at.
        self.stream.next().await;
        self.session.send("ping", json!({})).await.status
    }
}

on_both_engines! {
    async fn a_subscription_that_begins_while_a_role_is_lost_ends_with_its_session(engine: Engine) {
        let mut told = Told::new(engine, Wait::Subscribe).await;
        let subscribing = told.begin("resources/subscribe").await;
        told.lose_the_role().await;
        told.finish(subscribing).await;
        assert_eq!(told.session.send("ping", json!({})).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn an_end_of_what_was_told_is_no_end_of_what_is_asked_for_just_now(engine: Engine) {
        let mut told = Told::new(engine, Wait::Subscribe).await;
        let subscribing = told.begin("resources/subscribe").await;
        told.ask("resources/unsubscribe").await;
        told.finish(subscribing).await;
        assert_eq!(told.lose_the_role().await, StatusCode::NOT_FOUND, "it is told, and may not be any more");
    }
}

on_both_engines! {
    async fn a_subscription_that_begins_while_an_earlier_one_is_ended_stands(engine: Engine) {
        let mut told = Told::new(engine, Wait::Unsubscribe).await;
        told.ask("resources/subscribe").await;
        let ending = told.begin("resources/unsubscribe").await;
        told.ask("resources/subscribe").await;
        told.finish(ending).await;
        assert_eq!(told.lose_the_role().await, StatusCode::NOT_FOUND, "it is told, and may not be any more");
    }
}

on_both_engines! {
    async fn whoever_is_told_no_more_goes_on_without_the_role(engine: Engine) {
        let mut told = Told::new(engine, Wait::Unsubscribe).await;
        told.ask("resources/subscribe").await;
        told.ask("resources/subscribe").await;
        let ending = told.begin("resources/unsubscribe").await;
        told.finish(ending).await;
        assert_eq!(told.lose_the_role().await, StatusCode::OK);
    }
}

on_both_engines! {
    async fn whoever_is_cut_off_while_they_subscribe_may_be_told_all_the_same(engine: Engine) {
        let mut told = Told::new(engine, Wait::ForEver).await;
        let subscribing = told.begin("resources/subscribe").await;
        // What runs for somebody ends when their account changes; the session goes on.
        tell(&told.gateway, Event::UserChanged { user: told.bob }).await;
        timeout(PATIENCE, subscribing).await.expect("in time").expect("an answer");
        told.ends().await;
        assert_eq!(told.session.send("ping", json!({})).await.status, StatusCode::OK);
        told.stream = EventStream::open(told.session.get()).await;
        told.lose_the_role().await;
        told.ends().await;
        assert_eq!(told.session.send("ping", json!({})).await.status, StatusCode::NOT_FOUND, "nobody knows that it is not told");
    }
}

on_both_engines! {
    async fn whoever_cancels_while_they_subscribe_may_be_told_all_the_same(engine: Engine) {
        let mut told = Told::new(engine, Wait::Cancel).await;
        let subscribing = told.begin("resources/subscribe").await;
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
        told.session.post(&cancel).send().await.expect("an answer");
        timeout(PATIENCE, told.slow.asked.notified()).await.expect("the server has heard of it");
        assert_eq!(told.lose_the_role().await, StatusCode::NOT_FOUND, "nobody knows that it is not told");
        // Nobody answers what was cancelled.
        subscribing.abort();
    }
}

on_both_engines! {
    async fn whoever_met_a_server_that_broke_while_they_subscribed_may_be_told_all_the_same(engine: Engine) {
        let mut told = Told::new(engine, Wait::Break).await;
        let reply = told.session.send("resources/subscribe", json!({ "uri": PRIVATE })).await;
        assert_eq!(reply.error_code(), -32603, "{}", reply.body);
        assert_eq!(told.lose_the_role().await, StatusCode::NOT_FOUND, "nobody knows that it is not told");
    }
}

on_both_engines! {
    async fn a_subscription_that_is_refused_leaves_nothing_that_could_end_the_session(engine: Engine) {
        let guarded = guard("herald", access(), Herald::default());
        let file = "[[access]]\ntools = ['notes://private/*']\nroles = ['admin']\n";
        let build = |builder: belgie::Builder| builder.guarded(guarded);
        let gateway = Setup::default().config(file).build(build).start(engine).await;
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        join(&gateway, acme, bob.id, "admin").await;
        let session = Connected::of(&gateway, &bob, "", Some(acme)).await.session().await;
        let mut stream = EventStream::open(session.get()).await;
        // The herald knows no such method.
        let reply = session.send("resources/subscribe", json!({ "uri": "notes://private/1" })).await;
        assert!(reply.body["error"].is_object(), "{}", reply.body);
        let member = read_roles(["member"]).expect("roles");
        organizations(&gateway).set_roles(&Actor::host(), acme, bob.id, &member).await.expect("set");
        assert_eq!(stream.next().await.expect("it goes on")["method"], "notifications/tools/list_changed");
        assert_eq!(session.send("ping", json!({})).await.status, StatusCode::OK);
        // What a member may not do is refused, and nothing is left of that either.
        let reply = session.send("resources/subscribe", json!({ "uri": "notes://private/1" })).await;
        assert!(reply.body["error"].is_object(), "{}", reply.body);
        let both = read_roles(["member", "billing"]).expect("roles");
        organizations(&gateway).create_role(&Actor::host(), acme, &"billing".parse().expect("a role"), Vec::new()).await.expect("a role");
        organizations(&gateway).set_roles(&Actor::host(), acme, bob.id, &both).await.expect("set");
        assert_eq!(stream.next().await.expect("it goes on")["method"], "notifications/tools/list_changed");
    }
}
