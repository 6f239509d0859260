//! Whatever the endpoint refuses it refuses in JSON-RPC: a client that speaks both eras takes a bare text for the word of a
//! server that knows the older one only (MCP 2026-07-28, transports, compatibility).

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::visit;
use crate::support::{Connected, EventStream, LegacySession, Reply, Setup, rpc};

/// The short way and the long one.
const WAYS: [&str; 2] = ["[mcp]\ndirect_path = true", "[mcp]\ndirect_path = false"];

/// Sends a request with another value of a header in the place of its own, or with none.
async fn send(ada: &Connected, request: RequestBuilder, (name, value): (&str, &str)) -> Reply {
    let mut request = request.build().expect("a request");
    request.headers_mut().remove(name);
    if !value.is_empty() {
        let name = reqwest::header::HeaderName::try_from(name).expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    Reply::read(ada.agent.client.execute(request).await.expect("an answer")).await
}

#[track_caller]
fn assert_in_json_rpc(reply: &Reply, status: StatusCode, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.headers[CONTENT_TYPE], "application/json", "{what}");
    assert_eq!(reply.body["jsonrpc"], "2.0", "{what}: {}", reply.body);
    assert!(reply.error_code() < 0, "{what}: {}", reply.body);
    assert!(reply.body["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "{what}: {}", reply.body);
}

/// The stateless era's requests without a message, and a list.
fn modern(ada: &Connected, method: Method) -> RequestBuilder {
    if method == Method::POST {
        return ada.modern().request("tools/list", json!({}));
    }
    let request = ada.agent.client.request(method, &ada.mcp_url).bearer_auth(&ada.tokens.access);
    request.header(ACCEPT, "application/json, text/event-stream").header("mcp-protocol-version", "2026-07-28")
}

/// The same of a session.
fn legacy(ada: &Connected, session: &LegacySession, method: Method) -> RequestBuilder {
    match method {
        Method::POST => session.post(&rpc("tools/list", json!({}))),
        Method::GET => session.get(),
        Method::DELETE => session.delete(),
        other => modern(ada, other).header("mcp-session-id", &session.id),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_so_in_json_rpc() {
    for way in WAYS {
        let (_gateway, ada) = visit(Setup::default().config(way)).await;
        let unknown = ada.modern().send("no/such", json!({})).await;
        assert_in_json_rpc(&unknown, StatusCode::NOT_FOUND, "a method");
        assert_eq!(unknown.body["id"], 1);
        let session = ada.session().await;
        let ended = ("mcp-session-id", "00000000-0000-4000-8000-000000000000");
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let reply = send(&ada, legacy(&ada, &session, method.clone()), ended).await;
            assert_in_json_rpc(&reply, StatusCode::NOT_FOUND, method.as_str());
            assert_eq!(reply.body.get("id").is_some(), method == Method::POST, "{}", reply.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_of_http_that_is_not_for_it_is_refused_in_json_rpc() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    for method in [Method::GET, Method::DELETE, Method::PUT, Method::PATCH] {
        let reply = Reply::read(modern(&ada, method.clone()).send().await.expect("an answer")).await;
        assert_in_json_rpc(&reply, StatusCode::METHOD_NOT_ALLOWED, method.as_str());
        // RFC 9110 section 15.5.6.
        assert!(reply.headers["allow"].to_str().is_ok_and(|allowed| allowed.contains("POST")), "{method}");
    }
    for method in [Method::PUT, Method::PATCH] {
        let version = ("mcp-protocol-version", "2025-11-25");
        let reply = send(&ada, legacy(&ada, &session, method.clone()), version).await;
        assert_in_json_rpc(&reply, StatusCode::METHOD_NOT_ALLOWED, method.as_str());
        assert!(reply.headers["allow"].to_str().is_ok_and(|allowed| allowed.contains("POST")), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_no_answer_of_ours_is_told_so_in_json_rpc() {
    for way in WAYS {
        let (_gateway, ada) = visit(Setup::default().config(way)).await;
        let session = ada.session().await;
        for accept in
            ["application/json", "text/event-stream", "text/html", "image/*", "*/*;q=0", "*/*, text/event-stream;q=0"]
        {
            for (era, request) in
                [("modern", modern(&ada, Method::POST)), ("legacy", legacy(&ada, &session, Method::POST))]
            {
                let reply = send(&ada, request, ("accept", accept)).await;
                assert_in_json_rpc(&reply, StatusCode::NOT_ACCEPTABLE, &format!("{era}: {accept}"));
                assert_eq!(reply.body["id"], 1, "{era}: {accept}");
            }
        }
        let stream = send(&ada, legacy(&ada, &session, Method::GET), ("accept", "application/json")).await;
        assert_in_json_rpc(&stream, StatusCode::NOT_ACCEPTABLE, "a stream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_another_kind_is_refused_in_json_rpc() {
    for way in WAYS {
        let (_gateway, ada) = visit(Setup::default().config(way)).await;
        let session = ada.session().await;
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x", ""] {
            for (era, request) in
                [("modern", modern(&ada, Method::POST)), ("legacy", legacy(&ada, &session, Method::POST))]
            {
                let reply = send(&ada, request, ("content-type", kind)).await;
                assert_in_json_rpc(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("{era}: {kind}"));
                assert_eq!(reply.body["id"], 1, "{era}: {kind}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_everything_is_answered_like_who_names_both_kinds() {
    for way in WAYS {
        let (_gateway, ada) = visit(Setup::default().config(way)).await;
        let any = ("accept", "*/*");
        let listed = ada.modern().send("tools/list", json!({})).await;
        let same = send(&ada, modern(&ada, Method::POST), any).await;
        assert_eq!((same.status, &same.body), (StatusCode::OK, &listed.body));
        assert_eq!(same.headers[CONTENT_TYPE], "application/json");
        for accept in [
            "*/*;q=0.8",
            "text/html, */* ; q=0.1",
            "application/*, text/*;q=0.5",
            "*/*;q=0, application/json, text/event-stream",
        ] {
            let same = send(&ada, modern(&ada, Method::POST), ("accept", accept)).await;
            assert_eq!((same.status, &same.body), (StatusCode::OK, &listed.body), "{accept}");
        }

        // A session from its first message on, and its stream.
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "suite", "version": "1" },
        });
        let mut session = LegacySession {
            client: ada.agent.client.clone(),
            url: ada.mcp_url.clone(),
            token: ada.tokens.access.clone(),
            id: String::new(),
        };
        let opened = send(&ada, session.post(&rpc("initialize", params)), any).await;
        assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
        session.id = opened.headers["mcp-session-id"].to_str().expect("a plain id").to_owned();
        let done: Value = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(send(&ada, session.post(&done), any).await.status, StatusCode::ACCEPTED);
        let listed = session.send("tools/list", json!({})).await;
        let same = send(&ada, legacy(&ada, &session, Method::POST), any).await;
        assert_eq!((same.status, &same.body), (StatusCode::OK, &listed.body));
        let mut request = legacy(&ada, &session, Method::GET).build().expect("a request");
        request.headers_mut().insert(ACCEPT, reqwest::header::HeaderValue::from_static("*/*;q=0.8"));
        EventStream::open(RequestBuilder::from_parts(ada.agent.client.clone(), request)).await;
    }
}
