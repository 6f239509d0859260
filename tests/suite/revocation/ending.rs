//! A gateway that was told to end lets calls in hand finish, and still hears when their right is over.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::on_both_engines;
use crate::support::{Connected, EventStream, PATIENCE, Reply, Setup, TestGateway, rpc};

/// Nothing is cut before its right is over.
fn patient() -> Setup {
    Setup::default().with_probe().server("shutdown_grace_seconds = 30")
}

/// Calls that run: one in a session and one by itself that stream, and one that is waited for.
struct Calls {
    streams: Vec<EventStream>,
    waiting: JoinHandle<Reply>,
}

impl Calls {
    /// Three calls that run in a gateway that has begun to end.
    async fn in_the_end(gateway: &TestGateway, connected: &Connected) -> Self {
        let session = connected.session().await;
        let news = EventStream::open(session.get()).await;
        let call = json!({ "name": "hang", "arguments": {} });
        let told = json!({ "name": "hang", "arguments": {}, "_meta": { "progressToken": "p" } });
        let streams = vec![
            EventStream::open(session.post(&rpc("tools/call", call.clone()))).await,
            EventStream::open(connected.modern().request("tools/call", told)).await,
        ];
        let request = connected.modern().request("tools/call", call);
        let waiting = tokio::spawn(async move { Reply::read(request.send().await.expect("an answer")).await });
        gateway.probe.begun(3).await;
        gateway.gateway.stopper().cancel();
        news.rest().await;
        gateway.probe.ended(0).await;
        Self { streams, waiting }
    }

    /// All of them end, none with a result.
    async fn end(self, gateway: &TestGateway) {
        for stream in self.streams {
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("result").is_none()), "{rest:?}");
        }
        let reply = timeout(PATIENCE, self.waiting).await.expect("in time").expect("no panic");
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
        gateway.probe.ended(3).await;
        gateway.gateway.shutdown().await;
    }
}

on_both_engines! {
    async fn calls_in_hand_end_with_the_account_that_another_process_deletes(gateway: TestGateway, setup = patient()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let node = gateway.second_node().await;
        let calls = Calls::in_the_end(&gateway, &ada).await;
        assert!(node.identity().delete(ada.person.id).await.expect("an answer"));
        calls.end(&gateway).await;
    }
}

on_both_engines! {
    async fn calls_in_hand_end_when_their_token_expires(gateway: TestGateway, setup = patient()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let calls = Calls::in_the_end(&gateway, &ada).await;
        gateway.clock.advance(Duration::from_secs(3601));
        calls.end(&gateway).await;
    }
}
