//! Being told of changes in a wrapped server: it is not even asked for what it would tell those who may not use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use belgie::rmcp::model::{ServerCapabilities, ServerConfig, SubscriptionFilter};
use belgie::rmcp::service::SubscriptionContext;
use belgie::rmcp::{ErrorData, ServerHandler};
use belgie_api::access;
use belgie_api::tools::guard;
use serde_json::{Value, json};

use super::scope;
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Setup};

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
