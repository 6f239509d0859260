//! What runs or streams ends with the right to it.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

use super::support::{Answer, Bench, ada, call, caller, deleted, in_session, modern, request};

#[tokio::test]
async fn a_revoked_caller_loses_the_running_call() {
    for bench in Bench::both() {
        let (caller, others) = (ada(), caller(2, "cli_one", ""));
        let revoke = async {
            bench.hanging.notified().await;
            bench.bus.publish(&deleted(2));
            bench.bus.publish(&deleted(1));
        };
        let (answer, ()) = tokio::join!(bench.call(&caller, "hang", json!({})), revoke);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.challenge().starts_with(r#"Bearer error="invalid_token""#), "{}", answer.challenge());
        assert_eq!(answer.json()["id"], 7);
        bench.given_up.notified().await;
        assert_eq!(bench.call(&others, "echo", json!({ "text": "x" })).await.text(), "x");
    }
}

#[tokio::test]
async fn an_expired_caller_loses_the_running_call() {
    for bench in Bench::both() {
        let caller = ada();
        let expire = async {
            bench.hanging.notified().await;
            bench.clock.advance(Duration::from_secs(3601));
        };
        let (answer, ()) = tokio::join!(bench.call(&caller, "hang", json!({})), expire);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        bench.given_up.notified().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    for bench in Bench::both() {
        let caller = ada();
        tokio::select! {
            _ = bench.send(&caller, call("hang", json!({}))) => panic!("the tool never ends"),
            () = bench.hanging.notified() => {}
        }
        bench.given_up.notified().await;
    }
}

#[tokio::test]
async fn a_call_in_a_session_is_cancelled_when_the_client_says_so() {
    let bench = Bench::new(super::support::settings());
    let (caller, id) = (ada(), bench.open(&ada()).await);
    let hang = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": { "name": "hang" } });
    let running = bench.send(&caller, in_session(&id, &hang)).await;
    bench.hanging.notified().await;
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 } });
    assert_eq!(bench.ask(&caller, in_session(&id, &cancel)).await.status, StatusCode::ACCEPTED);
    bench.given_up.notified().await;
    drop(running);
}

#[tokio::test]
async fn open_streams_end_with_the_right_to_them() {
    let bench = Bench::new(super::support::settings());
    let (caller, id) = (ada(), bench.open(&ada()).await);
    let hang = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": { "name": "hang" } });
    let running = bench.send(&caller, in_session(&id, &hang)).await;
    let listening = request(Method::GET, &[("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", &id)], "");
    let listening = bench.send(&caller, listening).await;
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let mut subscribed = bench.send(&caller, modern("subscriptions/listen", None, filter)).await;
    let first = subscribed.body_mut().frame().await.expect("a frame").expect("no error").into_data().expect("data");
    assert!(String::from_utf8_lossy(&first).contains("notifications/subscriptions/acknowledged"));
    bench.hanging.notified().await;

    bench.bus.publish(&deleted(1));
    for stream in [running, listening, subscribed] {
        assert_eq!(stream.status(), StatusCode::OK);
        Answer::of(stream).await;
    }
    bench.given_up.notified().await;
}
