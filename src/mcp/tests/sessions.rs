//! Sessions of the older era belong to somebody.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::support::{Answer, Bench, ada, caller, deleted, list_in_session, request};

fn plain(method: Method, id: &str) -> Request<axum::body::Body> {
    request(method, &[("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", id)], "")
}

#[tokio::test]
async fn a_session_is_there_for_its_owner_only() {
    for bench in Bench::both() {
        let id = bench.open(&ada()).await;
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::OK);

        let nowhere = "00000000-0000-4000-8000-000000000000";
        let (list, delete) = (list_in_session(nowhere), plain(Method::DELETE, nowhere));
        let (unknown_to_list, unknown_to_delete) = (bench.ask(&ada(), list).await, bench.ask(&ada(), delete).await);
        let (other_person, other_client) = (caller(2, "cli_one", ""), caller(1, "cli_two", ""));
        for stranger in [&other_person, &other_client] {
            for make in [list_in_session, |id: &str| plain(Method::GET, id), |id: &str| plain(Method::DELETE, id)] {
                let foreign: Answer = bench.ask(stranger, make(&id)).await;
                assert_eq!(foreign.status, StatusCode::NOT_FOUND);
                assert_eq!(foreign, bench.ask(&ada(), make(nowhere)).await);
            }
        }
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::OK, "a stranger closes nothing");

        assert_eq!(bench.ask(&ada(), plain(Method::DELETE, &id)).await.status, StatusCode::ACCEPTED);
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await, unknown_to_list);
        assert_eq!(bench.ask(&ada(), plain(Method::DELETE, &id)).await, unknown_to_delete);
    }
}

#[tokio::test]
async fn a_stateless_request_has_no_session_whatever_it_says() {
    for bench in Bench::both() {
        let id = bench.open(&ada()).await;
        let mut request = super::support::call("echo", json!({ "text": "x" }));
        request.headers_mut().insert("mcp-session-id", id.parse().expect("ASCII"));
        let answer = bench.ask(&caller(2, "cli_two", ""), request).await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "x"));
    }
}

#[tokio::test]
async fn one_session_too_many_closes_the_oldest() {
    for bench in Bench::both() {
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(bench.open(&ada()).await);
            bench.clock.advance(Duration::from_millis(1));
        }
        let others = bench.open(&caller(2, "cli_one", "")).await;
        let mut found = Vec::new();
        for id in &ids {
            found.push(bench.ask(&ada(), list_in_session(id)).await.status);
        }
        assert_eq!(found, [StatusCode::NOT_FOUND, StatusCode::OK, StatusCode::OK, StatusCode::OK]);
        assert_eq!(bench.ask(&caller(2, "cli_one", ""), list_in_session(&others)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_idle_session_ends() {
    for bench in Bench::both() {
        let id = bench.open(&ada()).await;
        bench.clock.advance(Duration::from_secs(500));
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::OK);
        bench.clock.advance(Duration::from_secs(500));
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::OK, "it was used meanwhile");
        bench.clock.advance(Duration::from_secs(601));
        assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_session_ends_with_the_account() {
    for bench in Bench::both() {
        let (mine, others) = (bench.open(&ada()).await, bench.open(&caller(2, "cli_one", "")).await);
        bench.bus.publish(&deleted(1));
        assert_eq!(bench.ask(&ada(), list_in_session(&mine)).await.status, StatusCode::NOT_FOUND);
        assert_eq!(bench.ask(&caller(2, "cli_one", ""), list_in_session(&others)).await.status, StatusCode::OK);
    }
}
