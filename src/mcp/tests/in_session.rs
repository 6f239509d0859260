//! Calls in sessions of the older era that are answered without rmcp.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use futures::FutureExt;
use serde_json::{Value, json};

use super::support::{
    Answer, Bench, ada, call_in_session, caller, cancel_in_session, deleted, in_session, list_in_session, post,
    request, settings,
};
use crate::mcp::McpSettings;

fn direct() -> Bench {
    Bench::new(McpSettings { direct_path: true, ..settings() })
}

/// Every way to ask for a list or a call, good and bad.
fn params() -> Vec<(&'static str, Value)> {
    let call = |name: &str, arguments: Value| ("tools/call", json!({ "name": name, "arguments": arguments }));
    vec![
        ("tools/list", json!({})),
        ("tools/list", json!({ "_meta": { "own": 1 } })),
        ("tools/list", json!({ "_meta": 5 })),
        ("tools/list", json!({ "cursor": "x" })),
        ("tools/list", json!([])),
        call("echo", json!({ "text": "a \"b\" \u{e4}\n" })),
        call("echo", json!({ "text": 5 })),
        call("echo", json!({})),
        call("echo", Value::Null),
        call("echo", json!([1])),
        call("add", json!({ "a": 2, "b": 3 })),
        call("add", json!({ "a": 1e308, "b": 1e308 })),
        call("slow", json!({ "seconds": 301 })),
        call("step_up", json!({})),
        call("two", json!({})),
        call("grown", json!({})),
        call("secret", json!({})),
        call("nosuch", json!({})),
        call("nosuch", json!([1])),
        call("secret", json!([1])),
        call("boom", json!({})),
        call("talker", json!({})),
        call("odd", json!({})),
        call("asker", json!({})),
        call("missing", json!({})),
        call("noted", json!({})),
        ("tools/call", json!({ "arguments": {} })),
        ("tools/call", json!({ "name": 5 })),
        ("tools/call", json!({ "name": "echo", "arguments": { "text": "x" }, "task": { "ttl": 1 } })),
        ("tools/call", json!({ "name": "echo", "arguments": { "text": "x" }, "_meta": { "progressToken": 1 } })),
        ("tools/call", json!({ "name": "echo", "arguments": { "text": "x" }, "requestState": "x" })),
        (
            "tools/call",
            json!({
                "name": "echo",
                "arguments": { "text": "x" },
                "_meta": { "io.modelcontextprotocol/protocolVersion": "2025-11-25" },
            }),
        ),
        ("ping", json!({})),
        ("no/such", json!({})),
    ]
}

fn message(id: &Value, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn in_version(session: &str, version: Option<&str>, message: &Value) -> Request<Body> {
    let version = version.map(|version| ("mcp-protocol-version", version));
    let headers: Vec<_> = version.into_iter().chain([("mcp-session-id", session)]).collect();
    post(&headers, message.to_string())
}

#[tokio::test]
async fn both_ways_give_the_same_answers_in_every_older_version() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "2030-01-01"] {
        let [short, long] = Bench::both();
        let (mine, others) = (short.open_in(&ada(), version).await, long.open_in(&ada(), version).await);
        let said = Some(version).filter(|version| *version < "2026-07-28");
        for (number, (method, params)) in params().into_iter().enumerate() {
            for id in [json!(number), json!(format!("\u{e4}{number}"))] {
                let message = message(&id, method, &params);
                let one = short.ask(&ada(), in_version(&mine, said, &message)).await;
                let other = long.ask(&ada(), in_version(&others, said, &message)).await;
                assert_eq!(one.status, other.status, "{version}: {message}");
                assert!(one.message().is_some() || !one.status.is_success(), "{version}: {message}: {one:?}");
                assert_eq!(one.message(), other.message(), "{version}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn both_ways_give_the_same_answers_to_odd_headers() {
    let [short, long] = Bench::both();
    let (mine, others) = (short.open(&ada()).await, long.open(&ada()).await);
    let message = message(&json!(1), "tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
    for (name, value) in [
        ("accept", "application/json"),
        ("accept", "*/*"),
        ("accept", "text/event-stream, application/json;q=0.5"),
        ("content-type", "text/plain"),
        ("content-type", "application/json; charset=utf-8"),
        ("host", "evil.example"),
        ("origin", "https://evil.example"),
        ("mcp-protocol-version", "2025-03-26"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-protocol-version", "2030-01-01"),
        ("mcp-method", "tools/list"),
        ("mcp-name", "add"),
    ] {
        let ask = |session: &str| {
            let mut request = in_session(session, &message);
            request.headers_mut().insert(name, HeaderValue::from_static(value));
            request
        };
        let (one, other) = (short.ask(&ada(), ask(&mine)).await, long.ask(&ada(), ask(&others)).await);
        assert_eq!((one.status, one.message()), (other.status, other.message()), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_plain_call_is_answered_with_json_and_any_other_with_a_stream() {
    let bench = direct();
    let id = bench.open(&ada()).await;
    assert!(bench.ask(&ada(), list_in_session(&id)).await.is_json());
    for (name, is_plain) in [("echo", true), ("nosuch", true), ("talker", false), ("slow", false)] {
        let answer = bench.ask(&ada(), call_in_session(&id, 1, name, json!({ "text": "x", "seconds": 0 }))).await;
        assert_eq!(answer.is_json(), is_plain, "{name}: {answer:?}");
    }
    let before = Bench::new(settings());
    let id = before.open(&ada()).await;
    assert!(!before.ask(&ada(), call_in_session(&id, 1, "echo", json!({ "text": "x" }))).await.is_json());
}

#[tokio::test]
async fn a_plain_call_is_cancelled_when_its_client_says_so() {
    let bench = direct();
    let (id, other) = (bench.open(&ada()).await, bench.open(&ada()).await);
    let cancel = async {
        bench.hanging.notified().await;
        // The same number in another session is another call, and another number is, too.
        for cancel in [cancel_in_session(&other, 5), cancel_in_session(&id, 6)] {
            assert_eq!(bench.ask(&ada(), cancel).await.status, StatusCode::ACCEPTED);
            assert_eq!(bench.given_up.notified().now_or_never(), None);
        }
        assert_eq!(bench.ask(&ada(), cancel_in_session(&id, 5)).await.status, StatusCode::ACCEPTED);
    };
    let caller = ada();
    let (answer, ()) = tokio::join!(bench.ask(&caller, call_in_session(&id, 5, "hang", json!({}))), cancel);
    bench.given_up.notified().await;
    assert_eq!((answer.status, answer.message()), (StatusCode::OK, None), "{answer:?}");
    let again = bench.ask(&caller, call_in_session(&id, 5, "echo", json!({ "text": "x" }))).await;
    assert!(again.is_json() && again.text() == "x");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cancel_its_call() {
    let bench = direct();
    let (caller, id) = (ada(), bench.open(&ada()).await);
    tokio::select! {
        _ = bench.send(&caller, call_in_session(&id, 5, "hang", json!({}))) => panic!("the tool never ends"),
        () = bench.hanging.notified() => {}
    }
    assert_eq!(bench.given_up.notified().now_or_never(), None);
    assert_eq!(bench.ask(&caller, cancel_in_session(&id, 5)).await.status, StatusCode::ACCEPTED);
    bench.given_up.notified().await;
}

#[tokio::test]
async fn a_number_that_is_taken_goes_the_long_way() {
    let bench = direct();
    let (caller, id) = (ada(), bench.open(&ada()).await);
    let again = async {
        bench.hanging.notified().await;
        let echo = || call_in_session(&id, 5, "echo", json!({ "text": "x" }));
        assert!(!bench.ask(&caller, echo()).await.is_json());
        assert_eq!(bench.ask(&caller, cancel_in_session(&id, 5)).await.status, StatusCode::ACCEPTED);
        bench.given_up.notified().await;
        assert!(bench.ask(&caller, echo()).await.is_json());
    };
    let (answer, ()) = tokio::join!(bench.ask(&caller, call_in_session(&id, 5, "hang", json!({}))), again);
    assert_eq!(answer.message(), None);
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_plain_calls() {
    for ends in ["delete", "surplus", "account"] {
        let bench = direct();
        let (caller, id) = (ada(), bench.open(&ada()).await);
        let end = async {
            bench.hanging.notified().await;
            bench.clock.advance(Duration::from_millis(1));
            match ends {
                "delete" => {
                    let headers = [("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", id.as_str())];
                    bench.ask(&caller, request(Method::DELETE, &headers, "")).await;
                }
                "surplus" => {
                    for _ in 0..3 {
                        bench.open(&caller).await;
                    }
                }
                _ => bench.bus.publish(&deleted(1)),
            }
        };
        let (answer, ()) = tokio::join!(bench.ask(&caller, call_in_session(&id, 5, "hang", json!({}))), end);
        bench.given_up.notified().await;
        let expected = if ends == "account" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(answer.status, expected, "{ends}");
        assert_eq!(bench.ask(&caller, list_in_session(&id)).await.status, StatusCode::NOT_FOUND, "{ends}");
    }
}

#[tokio::test]
async fn a_session_lives_on_plain_calls_and_rmcp_hears_of_it_now_and_then() {
    let bench = direct();
    let id = bench.open(&ada()).await;
    let mut ways = Vec::new();
    for _ in 0..9 {
        bench.clock.advance(Duration::from_secs(140));
        let answer: Answer = bench.ask(&ada(), list_in_session(&id)).await;
        assert_eq!(answer.status, StatusCode::OK);
        ways.push(answer.is_json());
    }
    assert_eq!(ways, [true, true, false, true, true, false, true, true, false]);
    bench.clock.advance(Duration::from_secs(601));
    assert_eq!(bench.ask(&ada(), list_in_session(&id)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_running_plain_call_keeps_its_session() {
    let bench = direct();
    let (caller, id) = (ada(), bench.open(&ada()).await);
    let wait = async {
        bench.hanging.notified().await;
        bench.clock.advance(Duration::from_secs(700));
        assert_eq!(bench.ask(&caller, list_in_session(&id)).await.status, StatusCode::OK);
        assert_eq!(bench.ask(&caller, cancel_in_session(&id, 5)).await.status, StatusCode::ACCEPTED);
    };
    tokio::join!(bench.ask(&caller, call_in_session(&id, 5, "hang", json!({}))), wait);
}

#[tokio::test]
async fn a_stranger_neither_calls_nor_cancels_in_a_session() {
    let bench = direct();
    let (caller, id) = (ada(), bench.open(&ada()).await);
    let intrude = async {
        bench.hanging.notified().await;
        for stranger in [self::caller(2, "cli_one", ""), self::caller(1, "cli_two", "")] {
            assert_eq!(bench.ask(&stranger, cancel_in_session(&id, 5)).await.status, StatusCode::NOT_FOUND);
            let call = call_in_session(&id, 6, "echo", json!({ "text": "x" }));
            assert_eq!(bench.ask(&stranger, call).await.status, StatusCode::NOT_FOUND);
        }
        assert_eq!(bench.given_up.notified().now_or_never(), None);
        assert_eq!(bench.ask(&caller, cancel_in_session(&id, 5)).await.status, StatusCode::ACCEPTED);
    };
    tokio::join!(bench.ask(&caller, call_in_session(&id, 5, "hang", json!({}))), intrude);
}
