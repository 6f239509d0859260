//! What is no proper message is refused with the code that the specification names, and runs nothing.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::visit;
use crate::support::{Connected, Reply, Setup, rpc};

const META: &str = "io.modelcontextprotocol/protocolVersion";

/// A POST with exactly these headers besides the usual ones.
fn post(ada: &Connected, headers: &[(&str, &str)]) -> RequestBuilder {
    let request = ada.agent.client.post(&ada.mcp_url).bearer_auth(&ada.tokens.access);
    let request = request.header("accept", "application/json, text/event-stream");
    let request = request.header("content-type", "application/json");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn meta(version: &str) -> Value {
    json!({ META: version, "io.modelcontextprotocol/clientCapabilities": {} })
}

fn call(name: &str) -> Value {
    rpc("tools/call", json!({ "name": name, "arguments": { "text": "x" }, "_meta": meta("2026-07-28") }))
}

async fn refused(request: RequestBuilder, status: u16, code: i64, what: &str) -> Reply {
    let reply = Reply::read(request.send().await.expect("an answer")).await;
    assert_eq!((reply.status.as_u16(), reply.error_code()), (status, code), "{what}: {:?}", reply.body);
    assert_eq!(reply.body["jsonrpc"], "2.0", "{what}");
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_disagree_with_the_body_are_refused() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/call");
    for (what, headers) in [
        ("another name", vec![version, method, ("mcp-name", "add")]),
        ("no name", vec![version, method]),
        ("an empty name", vec![version, method, ("mcp-name", "")]),
        ("two names", vec![version, method, ("mcp-name", "echo"), ("mcp-name", "add")]),
        ("a name in another case", vec![version, method, ("mcp-name", "Echo")]),
        ("another name, encoded", vec![version, method, ("mcp-name", "=?base64?YWRk?=")]),
        ("a name encoded badly", vec![version, method, ("mcp-name", "=?base64?%%?=")]),
        ("a name encoded without its end", vec![version, method, ("mcp-name", "=?base64?ZWNobw==")]),
        ("another method", vec![version, ("mcp-method", "tools/list"), ("mcp-name", "echo")]),
        ("no method", vec![version, ("mcp-name", "echo")]),
        ("a method in another case", vec![version, ("mcp-method", "Tools/Call"), ("mcp-name", "echo")]),
        ("another version", vec![("mcp-protocol-version", "2025-11-25"), method, ("mcp-name", "echo")]),
        ("no version", vec![method, ("mcp-name", "echo")]),
    ] {
        let reply = refused(post(&ada, &headers).json(&call("echo")), 400, -32020, what).await;
        assert_eq!(reply.body["id"], 1, "{what}");
    }
    for name in ["echo", "=?base64?ZWNobw==?="] {
        let reply = post(&ada, &[version, method, ("mcp-name", name)]).json(&call("echo")).send().await;
        let reply = Reply::read(reply.expect("an answer")).await;
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "x"), "{name}: {:?}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_version_is_told_the_known_ones() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let future = "2099-01-01";
    let headers = [("mcp-protocol-version", future), ("mcp-method", "tools/list")];
    let body = rpc("tools/list", json!({ "_meta": meta(future) }));
    let reply = refused(post(&ada, &headers).json(&body), 400, -32022, "in both places").await;
    let data = &reply.body["error"]["data"];
    assert_eq!(data["requested"], future);
    assert!(data["supported"].as_array().expect("a list").contains(&json!("2026-07-28")), "{data}");
    let without = rpc("tools/list", json!({}));
    refused(post(&ada, &headers[..1]).json(&without), 400, -32022, "in the header").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_told_so_in_json_rpc() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}", -32700),
        ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", -32700),
        ("[]", -32600),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}]", -32600),
        (&nested, -32600),
        ("null", -32600),
        ("{\"id\":1,\"method\":\"tools/list\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"tools/list\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"method\":\"tools/call\"}", -32600),
    ] {
        let what: String = body.chars().take(80).collect();
        for headers in [
            vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")],
            vec![("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", session.id.as_str())],
            Vec::new(),
        ] {
            refused(post(&ada, &headers).body(body.to_owned()), 400, code, &what).await;
        }
    }
    let latin = post(&ada, &[]).body(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xe9\",\"method\":\"ping\"}".to_vec());
    refused(latin, 400, -32700, "not UTF-8").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_says_too_little_of_its_client_is_refused() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    for (what, params) in [
        ("no _meta", json!({})),
        ("an empty _meta", json!({ "_meta": {} })),
        ("no version", json!({ "_meta": { "io.modelcontextprotocol/clientCapabilities": {} } })),
        ("no capabilities", json!({ "_meta": { META: "2026-07-28" } })),
    ] {
        refused(post(&ada, &headers).json(&rpc("tools/list", params)), 400, -32602, what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_be_as_long_as_the_operator_allows_and_no_longer() {
    let (_gateway, ada) = visit(Setup::default().server("max_body_bytes = 10000")).await;
    let session = ada.session().await;
    let echo = |length| json!({ "name": "echo", "arguments": { "text": "x".repeat(length) } });
    assert_eq!(ada.modern().send("tools/call", echo(9_000)).await.text().len(), 9_000);
    let pieces = [(); 3].map(|()| Ok::<_, std::io::Error>(vec![b' '; 4_000]));
    for request in [
        ada.modern().request("tools/call", echo(10_000)),
        session.post(&rpc("tools/call", echo(10_000))),
        // Without a length beforehand.
        post(&ada, &[]).body(reqwest::Body::wrap_stream(futures::stream::iter(pieces))),
    ] {
        let reply = Reply::read(request.send().await.expect("an answer")).await;
        assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(reply.body["jsonrpc"], "2.0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_does_not_exist_is_not_found() {
    let (_gateway, ada) = visit(Setup::default()).await;
    for method in ["no/such", "ping", "logging/setLevel", "prompts/list", "initialized"] {
        let reply = ada.modern().send(method, json!({ "level": "info" })).await;
        assert_eq!((reply.status.as_u16(), reply.error_code()), (404, -32601), "{method}: {:?}", reply.body);
    }
    let session = ada.session().await;
    assert_eq!(session.send("no/such", json!({})).await.error_code(), -32601);
    assert_eq!(session.send("ping", json!({})).await.body["result"], json!({}));
}
