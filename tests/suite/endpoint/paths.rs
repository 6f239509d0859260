//! The short way answers byte for byte as the long one does; in a session, where one comes as JSON and the other in an
//! event stream, message for message.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Exact, visit};
use crate::support::{Connected, LegacySession, Reply, Setup, rpc};

type Request = (&'static str, Box<dyn Fn(&Connected) -> RequestBuilder>);

fn request(method: &'static str, params: Value) -> impl Fn(&Connected) -> RequestBuilder {
    move |ada| ada.modern().request(method, params.clone())
}

fn call(name: &'static str, arguments: Value) -> impl Fn(&Connected) -> RequestBuilder {
    request("tools/call", json!({ "name": name, "arguments": arguments }))
}

/// A good call with one header more, or in another's place.
fn with(name: &'static str, value: &'static str) -> impl Fn(&Connected) -> RequestBuilder {
    move |ada| {
        let built = call("echo", json!({ "text": "x" }))(ada).build().expect("a request");
        let (mut head, body) = (built.headers().clone(), built.body().and_then(|body| body.as_bytes()).unwrap_or(b""));
        head.insert(name, value.parse().expect("a header value"));
        ada.agent.client.post(&ada.mcp_url).headers(head).body(body.to_owned())
    }
}

/// A body as it is, with the headers of a good call.
fn raw(body: &'static str) -> impl Fn(&Connected) -> RequestBuilder {
    move |ada| call("echo", json!({ "text": "x" }))(ada).body(body)
}

fn good() -> Vec<Request> {
    vec![
        ("a list", Box::new(request("tools/list", json!({})))),
        ("a text", Box::new(call("echo", json!({ "text": "a \"b\" \\ \u{e4}\u{1f980}\n\u{0}" })))),
        ("a number", Box::new(call("add", json!({ "a": 2, "b": 3 })))),
        ("a fraction", Box::new(call("add", json!({ "a": 0.1, "b": 0.2 })))),
        ("a refusal", Box::new(call("add", json!({ "a": 1e308, "b": 1e308 })))),
        ("a refusal of the tool", Box::new(call("slow", json!({ "seconds": 301 })))),
        ("no wait", Box::new(call("slow", json!({ "seconds": 0 })))),
        ("too narrow a token", Box::new(call("step_up", json!({})))),
        (
            "what is in _meta besides",
            Box::new(request(
                "tools/call",
                json!({
                    "name": "echo",
                    "arguments": { "text": "x" },
                    "_meta": { "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "own": [1, null] },
                }),
            )),
        ),
        (
            "an id that is a text",
            Box::new(|ada| {
                let mut body = rpc("tools/list", json!({}));
                body["params"]["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
                body["id"] = json!("\u{e4} \"1\"");
                ada.modern().request("tools/list", json!({})).json(&body)
            }),
        ),
    ]
}

fn bad() -> Vec<Request> {
    vec![
        ("an unknown tool", Box::new(call("no_such_tool", json!({})))),
        ("arguments of another type", Box::new(call("echo", json!({ "text": 5 })))),
        ("no arguments", Box::new(call("echo", json!({})))),
        ("null as arguments", Box::new(call("echo", json!(null)))),
        ("a list of arguments", Box::new(call("echo", json!(["x"])))),
        ("more arguments", Box::new(call("echo", json!({ "text": "x", "more": 1 })))),
        ("no name", Box::new(request("tools/call", json!({ "arguments": {} })))),
        ("a number as name", Box::new(request("tools/call", json!({ "name": 5 })))),
        ("an unknown page", Box::new(request("tools/list", json!({ "cursor": "x" })))),
        ("a page that is a number", Box::new(request("tools/list", json!({ "cursor": 5 })))),
        ("an unknown method", Box::new(request("no/such", json!({})))),
        (
            "a state nobody gave",
            Box::new(request(
                "tools/call",
                json!({
                    "name": "echo", "arguments": { "text": "x" }, "requestState": "forged",
                }),
            )),
        ),
        (
            "answers nobody asked for",
            Box::new(request(
                "tools/call",
                json!({
                    "name": "echo", "arguments": { "text": "x" }, "inputResponses": { "a": { "action": "accept" } },
                }),
            )),
        ),
        ("another name in the header", Box::new(with("mcp-name", "add"))),
        ("another method in the header", Box::new(with("mcp-method", "tools/list"))),
        ("an older version in the header", Box::new(with("mcp-protocol-version", "2025-11-25"))),
        ("an unknown version in the header", Box::new(with("mcp-protocol-version", "2099-01-01"))),
        ("an encoded name", Box::new(with("mcp-name", "=?base64?ZWNobw==?="))),
        ("JSON alone", Box::new(with("accept", "application/json"))),
        ("anything", Box::new(with("accept", "*/*"))),
        ("streams before JSON", Box::new(with("accept", "text/event-stream, application/json;q=0.1"))),
        ("another type of content", Box::new(with("content-type", "text/plain"))),
        ("a charset", Box::new(with("content-type", "application/json; charset=utf-8"))),
        ("a session", Box::new(with("mcp-session-id", "00000000-0000-4000-8000-000000000000"))),
        ("no JSON", Box::new(raw("{"))),
        ("a batch", Box::new(raw("[]"))),
        ("no params", Box::new(raw(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#))),
        ("params in a list", Box::new(raw(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo"]}"#))),
        ("a notification", Box::new(raw(r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#))),
        ("an answer", Box::new(raw(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))),
        (
            "an id beyond all numbers",
            Box::new(raw(
                r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"tools/call","params":{"name":"echo"}}"#,
            )),
        ),
        (
            "an id that is a fraction",
            Box::new(raw(r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"echo"}}"#)),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_give_the_same_answers() {
    let setup = |direct| Setup::default().config(&format!("[mcp]\ndirect_path = {direct}"));
    let (short, ada_there) = visit(setup(true)).await;
    let (long, ada_here) = visit(setup(false)).await;
    let mut wrong = Vec::new();
    for (what, make) in good().into_iter().chain(bad()) {
        let one = Exact::of(make(&ada_there)).await.replace(&short.url, &long.url);
        let other = Exact::of(make(&ada_here)).await;
        if one != other {
            wrong.push(format!("{what}: {one:#?} is not {other:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_good_is_answered_with_a_result_on_both_ways() {
    for direct in [true, false] {
        let (_gateway, ada) = visit(Setup::default().config(&format!("[mcp]\ndirect_path = {direct}"))).await;
        for (what, make) in good() {
            let answer = Exact::of(make(&ada)).await;
            let is_refused = what == "too narrow a token";
            assert_eq!(answer.status, if is_refused { 403 } else { 200 }, "{what}: {}", answer.body);
            assert_eq!(answer.body.contains("\"result\""), !is_refused, "{what}: {}", answer.body);
        }
    }
}

/// What can be asked in a session, and whether the short way answers it.
fn in_sessions() -> Vec<(&'static str, Value, bool)> {
    let call = |name: &str, arguments: Value, is_short| {
        ("tools/call", json!({ "name": name, "arguments": arguments }), is_short)
    };
    let with = |key: &str, value: Value| {
        let mut params = json!({ "name": "echo", "arguments": { "text": "x" } });
        params[key] = value;
        ("tools/call", params, key == "_meta")
    };
    vec![
        ("tools/list", json!({}), true),
        ("tools/list", json!({ "cursor": "x" }), false),
        call("echo", json!({ "text": "a \"b\" \\ \u{e4}\u{1f980}\n\u{0}" }), true),
        call("echo", json!({ "text": 5 }), true),
        call("echo", json!({}), true),
        call("echo", json!(["x"]), false),
        call("add", json!({ "a": 0.1, "b": 0.2 }), true),
        call("add", json!({ "a": 1e308, "b": 1e308 }), true),
        call("slow", json!({ "seconds": 0 }), false),
        call("step_up", json!({}), true),
        call("no_such_tool", json!({}), true),
        with("_meta", json!({ "own": [1, null] })),
        with("task", json!({ "ttl": 60_000 })),
        with("requestState", json!("forged")),
        ("ping", json!({}), false),
        ("no/such", json!({}), false),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_give_the_same_answers_in_a_session() {
    let setup = |direct| Setup::default().config(&format!("[mcp]\ndirect_path = {direct}"));
    let (short, ada_there) = visit(setup(true)).await;
    let (long, ada_here) = visit(setup(false)).await;
    let (there, here) = (ada_there.session().await, ada_here.session().await);
    let ask = async |session: &LegacySession, method, params: &Value| session.send(method, params.clone()).await;
    for (method, params, is_short) in in_sessions() {
        let (one, other): (Reply, Reply) = (ask(&there, method, &params).await, ask(&here, method, &params).await);
        assert_eq!(one.status, other.status, "{method} {params}");
        assert_eq!(one.challenge().replace(&short.url, &long.url), other.challenge());
        assert_eq!(one.body, other.body, "{method} {params}");
        let is_stream = one.headers["content-type"] == "text/event-stream";
        assert_eq!(!is_stream, is_short || one.status != 200, "{method} {params}: {one:?}");
    }
}
