//! What is no proper message, and that both ways answer alike.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, StatusCode};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::support::{Bench, ada, call, caller, meta, modern, post, request, settings};
use crate::mcp::McpSettings;

/// A body that never arrives.
struct Stalled;

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn what_is_no_message_is_told_so_in_json_rpc() {
    let bench = Bench::new(settings());
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, -32700),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        ("3", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, -32600),
    ] {
        let answer = bench.ask(&ada(), post(&[], body)).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{body}");
        assert_eq!(answer.json()["jsonrpc"], "2.0");
    }
}

#[tokio::test]
async fn an_unknown_version_is_told_the_known_ones() {
    let bench = Bench::new(settings());
    let body = r#"{"jsonrpc":"2.0","id":"x","method":"tools/list"}"#;
    let answer = bench.ask(&ada(), post(&[("mcp-protocol-version", "2030-01-01")], body)).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, -32022));
    let error = answer.json();
    assert_eq!((&error["id"], &error["error"]["data"]["requested"]), (&json!("x"), &json!("2030-01-01")));
    let supported = error["error"]["data"]["supported"].as_array().expect("a list").clone();
    assert!(supported.contains(&json!("2026-07-28")) && supported.contains(&json!("2025-06-18")));
}

#[tokio::test]
async fn a_body_may_be_neither_too_long_nor_too_late() {
    let bench = Bench::new(McpSettings { body_timeout: Duration::from_millis(20), ..settings() });
    let answer = bench.ask(&ada(), post(&[], vec![b' '; 10_001])).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["jsonrpc"], "2.0");
    let answer = bench.ask(&ada(), post(&[], Body::new(Stalled))).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answer.json()["jsonrpc"], "2.0");
}

#[tokio::test]
async fn headers_that_lie_about_the_body_never_reach_a_decision() {
    for bench in Bench::both() {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "step_up", "_meta": meta() } });
        let version = ("mcp-protocol-version", "2026-07-28");
        for headers in [
            vec![version, ("mcp-method", "tools/call"), ("mcp-name", "echo")],
            vec![version, ("mcp-method", "tools/list"), ("mcp-name", "step_up")],
            vec![version, ("mcp-method", "tools/call")],
            vec![version, ("mcp-name", "step_up")],
            vec![version, ("mcp-method", "tools/call"), ("mcp-name", "step_up"), ("mcp-name", "echo")],
            vec![("mcp-method", "tools/call"), ("mcp-name", "step_up")],
            vec![("mcp-protocol-version", "2025-11-25"), ("mcp-method", "tools/call"), ("mcp-name", "step_up")],
            vec![version, ("mcp-method", "tools/call"), ("mcp-name", "=?base64?!?=")],
        ] {
            let answer = bench.ask(&ada(), post(&headers, body.to_string())).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, -32020), "{headers:?}");
            assert_eq!(answer.json()["id"], 7);
        }
        let encoded = [version, ("mcp-method", "tools/call"), ("mcp-name", "=?base64?c3RlcF91cA==?=")];
        assert_eq!(bench.ask(&ada(), post(&encoded, body.to_string())).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn both_ways_give_the_same_answers() {
    let [direct, long] = Bench::both();
    let mut with_odd_name = json!({ "name": 5, "arguments": {}, "_meta": meta() });
    let mut requests: Vec<Box<dyn Fn() -> axum::http::Request<Body>>> = vec![
        Box::new(|| modern("tools/list", None, json!({}))),
        Box::new(|| modern("tools/list", None, json!({ "cursor": "x" }))),
        Box::new(|| call("echo", json!({ "text": "a \"b\" \u{e4}\n" }))),
        Box::new(|| call("echo", json!({ "text": 5 }))),
        Box::new(|| call("echo", json!({}))),
        Box::new(|| call("echo", Value::Null)),
        Box::new(|| call("echo", json!([1]))),
        Box::new(|| call("add", json!({ "a": 2, "b": 3 }))),
        Box::new(|| call("add", json!({ "a": 1e308, "b": 1e308 }))),
        Box::new(|| call("slow", json!({ "seconds": 301 }))),
        Box::new(|| call("step_up", json!({}))),
        Box::new(|| call("two", json!({}))),
        Box::new(|| call("grown", json!({}))),
        Box::new(|| call("secret", json!({}))),
        Box::new(|| call("nosuch", json!({}))),
        Box::new(|| call("nosuch", json!([1]))),
        Box::new(|| call("secret", json!([1]))),
        Box::new(|| call("boom", json!({}))),
        Box::new(|| call("odd", json!({}))),
        Box::new(|| call("asker", json!({}))),
        Box::new(|| call("missing", json!({}))),
        Box::new(|| call("noted", json!({}))),
        Box::new(|| modern("tools/call", None, json!({ "arguments": {} }))),
        Box::new(|| modern("server/discover", None, json!({}))),
        Box::new(|| modern("no/such", None, json!({}))),
        Box::new(|| modern("ping", None, json!({}))),
        Box::new(|| {
            modern("tools/list", None, json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }))
        }),
        Box::new(|| request(Method::GET, &[("mcp-protocol-version", "2026-07-28")], "")),
        Box::new(|| request(Method::PUT, &[], "")),
    ];
    for accept in ["application/json", "text/event-stream, application/json;q=0.5", "*/*"] {
        requests.push(Box::new(move || {
            let mut request = call("echo", json!({ "text": "x" }));
            request.headers_mut().insert("accept", axum::http::HeaderValue::from_static(accept));
            request
        }));
    }
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("content-type", "text/plain")]
    {
        requests.push(Box::new(move || {
            let mut request = call("echo", json!({ "text": "x" }));
            request.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
            request
        }));
    }
    let odd = with_odd_name.take();
    requests.push(Box::new(move || modern("tools/call", Some("echo"), odd.clone())));
    for (index, make) in requests.iter().enumerate() {
        let one = direct.ask(&ada(), make()).await;
        let other = long.ask(&ada(), make()).await;
        assert_eq!(one, other, "request {index}");
    }
}

#[tokio::test]
async fn a_plain_list_says_for_whom_and_how_long() {
    for bench in Bench::both() {
        let result = bench.ask(&ada(), modern("tools/list", None, json!({}))).await.json()["result"].take();
        assert_eq!((&result["cacheScope"], &result["ttlMs"]), (&json!("private"), &json!(60_000)));
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "belgie");
        let names: Vec<&str> =
            result["tools"].as_array().expect("a list").iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(
            names,
            [
                "echo", "add", "slow", "step_up", "boom", "hang", "talker", "odd", "asker", "missing", "noted", "two",
                "grown",
            ]
        );
    }
}

#[tokio::test]
async fn the_demo_tools_do_as_they_say() {
    for bench in Bench::both() {
        assert_eq!(bench.call(&ada(), "echo", json!({ "text": "as it is" })).await.text(), "as it is");
        let sum = bench.call(&ada(), "add", json!({ "a": 2, "b": 3 })).await;
        assert_eq!((sum.text().as_str(), &sum.json()["result"]["structuredContent"]), ("5", &json!({ "sum": 5 })));
        assert_eq!(bench.call(&ada(), "slow", json!({ "seconds": 0 })).await.text(), "done after 0 s");
        let climbed = bench.call(&caller(1, "cli_one", "demo:step-up"), "step_up", json!({})).await;
        assert_eq!(climbed.text(), "user1@example.com has stepped up");
    }
}

#[tokio::test]
async fn progress_is_told_to_those_who_ask() {
    let bench = Bench::new(McpSettings { direct_path: true, ..settings() });
    let mut params = json!({ "name": "slow", "arguments": { "seconds": 1 }, "_meta": meta() });
    params["_meta"]["progressToken"] = json!("mine");
    let answer = bench.ask(&ada(), modern("tools/call", Some("slow"), params)).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(text.matches("notifications/progress").count(), 3, "{text}");
    assert!(text.contains(r#""progressToken":"mine""#) && text.contains("done after 1 s"), "{text}");
}

#[tokio::test]
async fn a_panic_is_an_error_and_not_the_end() {
    for bench in Bench::both() {
        let answer = bench.call(&ada(), "boom", json!({})).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::OK, -32603));
        assert!(!String::from_utf8_lossy(&answer.body).contains("on purpose"));
        assert_eq!(bench.call(&ada(), "echo", json!({ "text": "still here" })).await.text(), "still here");
    }
}
