//! Sessions of the older era belong to one person and one agent of hers.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Exact, visit};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, LegacySession, Setup, TestGateway, rpc};

/// Everything that can be sent in a session.
fn attempts(session: &LegacySession) -> Vec<(&'static str, RequestBuilder)> {
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    vec![
        ("a request", session.post(&rpc("tools/list", json!({})))),
        ("a notification", session.post(&cancel)),
        ("an answer", session.post(&json!({ "jsonrpc": "2.0", "id": 0, "result": {} }))),
        ("the stream", session.get()),
        ("the rest of a stream", session.get().header("last-event-id", "0/0")),
        ("the end", session.delete()),
    ]
}

async fn answers(session: &LegacySession) -> Vec<(&'static str, Exact)> {
    let mut answers = Vec::new();
    for (what, request) in attempts(session) {
        answers.push((what, Exact::of(request).await));
    }
    answers
}

on_both_engines! {
    async fn a_foreign_session_is_as_unknown_as_one_that_never_was(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        let stream = EventStream::open(session.get()).await;
        let mallory = Connected::new(&gateway, "mallory@example.org").await;
        let sibling = ada.through_another_agent(&gateway).await;
        // Another person with the very same agent.
        let mut borrower = Connected::new(&gateway, "eve@example.org").await;
        borrower.agent = ada.agent.clone();
        borrower.tokens = borrower.agent.connect(&mut borrower.browser, "").await;

        for stranger in [&mallory, &sibling, &borrower] {
            let token = stranger.tokens.access.clone();
            let at = |id: &str| LegacySession {
                client: stranger.agent.client.clone(),
                url: session.url.clone(),
                token: token.clone(),
                id: id.to_owned(),
            };
            let unknown = answers(&at("00000000-0000-4000-8000-000000000000")).await;
            assert!(unknown.iter().all(|(_, answer)| answer.status == 404), "{unknown:?}");
            assert_eq!(answers(&at(&session.id)).await, unknown);
        }
        assert_eq!(session.call("echo", json!({ "text": "mine" })).await.text(), "mine");

        assert_eq!(session.delete().send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        assert_eq!(stream.rest().await, Vec::<Value>::new());
        for (what, answer) in answers(&session).await {
            assert_eq!(answer.status, 404, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_of_the_newer_era_is_no_way_around_the_owner() {
    let (gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    let mallory = Connected::new(&gateway, "mallory@example.org").await;
    let (client, url) = (&mallory.agent.client, &mallory.mcp_url);
    for version in ["2026-07-28", "2099-01-01", "", "2025-11-25 ", "9", "2025-11-25, 2026-07-28"] {
        for request in [client.get(url), client.delete(url), client.post(url).json(&rpc("tools/list", json!({})))] {
            let request = request
                .bearer_auth(&mallory.tokens.access)
                .header("accept", "application/json, text/event-stream")
                .header("mcp-session-id", &session.id)
                .header("mcp-protocol-version", version);
            let status = request.send().await.expect("an answer").status();
            assert!(status.is_client_error(), "{version}: {status}");
        }
    }
    assert_eq!(session.call("echo", json!({ "text": "mine" })).await.text(), "mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_too_many_closes_the_oldest_of_the_same_person() {
    let (gateway, ada) = visit(Setup::default().config("[mcp]\nmax_sessions_per_user = 2")).await;
    let bob = Connected::new(&gateway, "bob@example.org").await;
    let theirs = bob.session().await;
    let first = ada.session().await;
    let stream = EventStream::open(first.get()).await;
    let other_agent = ada.through_another_agent(&gateway).await;
    let second = other_agent.session().await;
    let third = ada.session().await;
    assert_eq!(stream.rest().await, Vec::<Value>::new());
    assert_eq!(first.send("ping", json!({})).await.status, StatusCode::NOT_FOUND);
    for session in [&second, &third, &theirs] {
        assert_eq!(session.send("ping", json!({})).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_session_there_is_no_stream_and_nothing_to_end() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let mut session = ada.session().await;
    session.id = String::new();
    for request in [session.get(), session.delete(), session.post(&rpc("tools/list", json!({})))] {
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::BAD_REQUEST);
    }
    for request in [ada.agent.client.get(&ada.mcp_url), ada.agent.client.delete(&ada.mcp_url)] {
        let request = request.bearer_auth(&ada.tokens.access).header("accept", "text/event-stream");
        let answer = request.header("mcp-protocol-version", "2026-07-28").send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateless_request_has_no_session_whatever_it_says() {
    let (gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    let mallory = Connected::new(&gateway, "mallory@example.org").await;
    let request = mallory.modern().request("tools/call", json!({ "name": "whoami", "arguments": {} }));
    let reply = request.header("mcp-session-id", &session.id).send().await.expect("an answer");
    let body: Value = reply.json().await.expect("JSON");
    assert_eq!(body["result"]["structuredContent"]["user"]["email"], "mallory@example.org");
}
