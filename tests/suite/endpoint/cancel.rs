//! A call that nobody waits for any more is given up, and the tool notices.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::visit;
use crate::support::{EventStream, LegacySession, Reply, Setup, rpc};

fn hang(meta: Value) -> Value {
    json!({ "name": "hang", "arguments": {}, "_meta": meta })
}

/// The short way and the long one.
fn both_ways() -> [Setup; 2] {
    ["true", "false"].map(|direct| Setup::default().with_probe().config(&format!("[mcp]\ndirect_path = {direct}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_stream_of_a_stateless_call_stops_the_tool() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let request = ada.modern().request("tools/call", hang(json!({ "progressToken": 7 })));
        let mut stream = EventStream::open(request).await;
        let progress = stream.next().await.expect("a message");
        assert_eq!(progress["params"]["progressToken"], 7, "{progress}");
        gateway.probe.begun(1).await;
        drop(stream);
        gateway.probe.ended(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_connection_of_a_stateless_call_stops_the_tool() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let request = ada.modern().request("tools/call", hang(json!({})));
        let waiting = tokio::spawn(request.send());
        gateway.probe.begun(1).await;
        waiting.abort();
        gateway.probe.ended(1).await;
        ada.is_let_in().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_a_session_is_stopped_by_saying_so() {
    let (gateway, ada) = visit(Setup::default().with_probe()).await;
    let (session, other) = (ada.session().await, ada.session().await);
    let running = EventStream::open(session.post(&rpc("tools/call", hang(json!({}))))).await;
    gateway.probe.begun(1).await;
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    // The same number in another session is another call.
    assert_eq!(other.post(&cancel).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    assert_eq!(other.send("ping", json!({})).await.status, StatusCode::OK);
    assert_eq!(session.post(&cancel).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    gateway.probe.ended(1).await;
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_stops_what_runs_in_it() {
    let (gateway, ada) = visit(Setup::default().with_probe()).await;
    let session = ada.session().await;
    let running = EventStream::open(session.post(&rpc("tools/call", hang(json!({}))))).await;
    gateway.probe.begun(1).await;
    assert_eq!(session.delete().send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    gateway.probe.ended(1).await;
    running.rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_end_of_the_gateway_what_waits_for_news_is_over_and_what_runs_may_finish() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let session = ada.session().await;
        let news = EventStream::open(session.get()).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let subscription = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        let streamed = ada.modern().request("tools/call", hang(json!({ "progressToken": 7 })));
        let streamed = EventStream::open(streamed).await;
        let in_session = EventStream::open(session.post(&rpc("tools/call", hang(json!({}))))).await;
        let plain = tokio::spawn(ada.modern().request("tools/call", hang(json!({}))).send());
        gateway.probe.begun(3).await;
        gateway.gateway.stopper().cancel();
        news.rest().await;
        let last = subscription.rest().await.pop().expect("a message");
        assert!(last["result"].is_object(), "the subscription ends with a result: {last}");
        gateway.probe.ended(0).await;
        gateway.probe.finish();
        for stream in [streamed, in_session] {
            let last = stream.rest().await.pop().expect("a message");
            assert_eq!(last["result"]["content"][0]["text"], "done", "{last}");
        }
        let reply = Reply::read(plain.await.expect("no panic").expect("an answer")).await;
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "done"));
        gateway.probe.ended(3).await;
        gateway.gateway.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_cut_when_the_grace_of_the_gateway_is_over() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let session = ada.session().await;
        let running = EventStream::open(session.post(&rpc("tools/call", hang(json!({}))))).await;
        let plain = tokio::spawn(ada.modern().request("tools/call", hang(json!({}))).send());
        gateway.probe.begun(2).await;
        gateway.gateway.stopper().cancel();
        gateway.gateway.cut();
        running.rest().await;
        gateway.probe.ended(2).await;
        if let Ok(answer) = plain.await.expect("no panic") {
            assert_ne!(Reply::read(answer).await.text(), "done");
        }
        gateway.gateway.shutdown().await;
    }
}

fn brood(session: &LegacySession) -> RequestBuilder {
    session.post(&rpc("tools/call", json!({ "name": "brood", "arguments": {} })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_call_in_a_session_is_stopped_by_saying_so() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let (session, other) = (ada.session().await, ada.session().await);
        let running = tokio::spawn(brood(&session).send());
        gateway.probe.begun(1).await;
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
        assert_eq!(other.post(&cancel).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        assert_eq!(session.post(&cancel).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        gateway.probe.ended(1).await;
        let reply = Reply::read(running.await.expect("no panic").expect("an answer")).await;
        assert_eq!((reply.status, reply.body), (StatusCode::OK, Value::Null), "nobody wants the answer any more");
        // An id is used once in a session (MCP 2025-11-25, basic, requests).
        let mut next = rpc("tools/call", json!({ "name": "echo", "arguments": { "text": "still here" } }));
        next["id"] = json!(2);
        let reply = Reply::read(session.post(&next).send().await.expect("an answer")).await;
        assert_eq!(reply.text(), "still here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_connection_of_a_call_in_a_session_does_not_stop_it() {
    for setup in both_ways() {
        let (gateway, ada) = visit(setup).await;
        let session = ada.session().await;
        let waiting = tokio::spawn(brood(&session).send());
        gateway.probe.begun(1).await;
        waiting.abort();
        drop(waiting.await);
        // The gateway has seen the end of the connection once it has answered on another.
        assert_eq!(session.call("echo", json!({ "text": "x" })).await.text(), "x");
        gateway.probe.ended(0).await;
        assert_eq!(session.delete().send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        gateway.probe.ended(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_gateway_stops_a_plain_call_that_nobody_waits_for() {
    let (gateway, ada) = visit(Setup::default().with_probe()).await;
    let session = ada.session().await;
    let waiting = tokio::spawn(brood(&session).send());
    gateway.probe.begun(1).await;
    waiting.abort();
    gateway.gateway.stopper().cancel();
    gateway.probe.ended(1).await;
}
