//! Being told of changes in a wrapped server: it is not even asked for what it would tell those who may not use it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use belgie::rmcp::model::{ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter};
use belgie::rmcp::service::{RequestContext, SubscriptionContext};
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::access;
use belgie_api::tools::guard;
use belgie_organization::{Actor, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::scope;
use crate::on_both_engines;
use crate::organization::{join, known, organizations, owned_by};
use crate::support::{Connected, EventStream, PATIENCE, Setup, rpc};

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

/// A server that is about to say that the client is told from now on, and says it when the test wants.
#[derive(Clone)]
struct Slow {
    asked: Arc<Notify>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl ServerHandler for Slow {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_resources().enable_resources_subscribe().build())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.asked.notify_one();
        // It keeps its thread: between this and the answer the gateway is asked for nothing.
        block_in_place(|| self.go_on.lock().expect("the only one").recv_timeout(PATIENCE)).expect("the word to go on");
        Ok(())
    }
}

on_both_engines! {
    async fn a_subscription_that_begins_while_a_role_is_lost_ends_with_its_session(engine: Engine) {
        let (word, go_on) = channel();
        let slow = Slow { asked: Arc::default(), go_on: Arc::new(Mutex::new(go_on)) };
        let guarded = guard("slow", access(), slow.clone());
        let file = "[[access]]\ntools = ['notes://private/*']\nroles = ['admin']\n";
        let build = |builder: belgie::Builder| builder.guarded(guarded);
        let gateway = Setup::default().config(file).build(build).start(engine).await;
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        join(&gateway, acme, bob.id, "admin").await;
        let session = Connected::of(&gateway, &bob, "", Some(acme)).await.session().await;
        let mut stream = EventStream::open(session.get()).await;
        let request = session.post(&rpc("resources/subscribe", json!({ "uri": "notes://private/1" })));
        let subscribing = tokio::spawn(async move { request.send().await.expect("an answer").bytes().await });
        timeout(PATIENCE, slow.asked.notified()).await.expect("the server is asked");

        let member = read_roles(["member"]).expect("roles");
        organizations(&gateway).set_roles(&Actor::host(), acme, bob.id, &member).await.expect("set");
        // Either the end, or the news that the list has changed: the session has been looked at.
        let seen = stream.next().await;
        word.send(()).expect("it waits");
        let _cut_off_or_not = timeout(PATIENCE, subscribing).await.expect("in time");
        assert_eq!(session.send("ping", json!({})).await.status, StatusCode::NOT_FOUND, "{seen:?}");
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
