//! Where requests may come from, and what nobody learns without a token.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Exact, visit};
use crate::on_both_engines;
use crate::support::{Engine, Modern, Setup, TestGateway, rpc};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_token_from_a_foreign_place_is_refused() {
    let (gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    let list = rpc("tools/list", json!({}));
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example"),
        ("host", "127.0.0.1@evil.example"),
        ("host", ""),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", &format!("{}.evil.example", gateway.url)),
        ("origin", &gateway.url.replace("http:", "https:")),
        ("origin", "http://127.0.0.1"),
    ] {
        for request in
            [ada.modern().request("tools/list", json!({})), session.post(&list), session.get(), session.delete()]
        {
            let status = request.header(name, value).send().await.expect("an answer").status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }
    assert_eq!(session.send("tools/list", json!({})).await.status, StatusCode::OK, "nothing was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_or_two_origins_are_no_way_around() {
    let (gateway, ada) = visit(Setup::default()).await;
    let request = || ada.modern().request("tools/list", json!({}));
    let origins = [gateway.url.as_str(), "http://evil.example"];
    for (first, second) in [(origins[0], origins[1]), (origins[1], origins[0])] {
        let answer = request().header("origin", first).header("origin", second).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{first}, {second}");
    }
    let hosts = [gateway.url.trim_start_matches("http://"), "evil.example"];
    for (first, second) in [(hosts[0], hosts[1]), (hosts[1], hosts[0]), (hosts[0], hosts[0])] {
        // RFC 9112 section 3.2: more than one is a bad request.
        let answer = request().header("host", first).header("host", second).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{first}, {second}");
    }
    let ours = request().header("origin", &gateway.url).send().await.expect("an answer");
    assert_eq!(ours.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_at_localhost_is_led_to_the_address_and_nothing_else_is() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let (client, port) = (gateway.browser().raw().clone(), gateway.url.rsplit(':').next().expect("a port"));
    let path = "/auth/signin?return_to=%2Faccount";
    let ask = async |method: Method, host: &str| {
        client.request(method, gateway.at(path)).header("host", host).send().await.expect("an answer")
    };
    for host in [format!("localhost:{port}"), format!("LocalHost:{port}"), "localhost".to_owned()] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(method, &host).await;
            assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT, "{host}");
            assert_eq!(answer.headers()["location"], gateway.at(path), "{host}");
        }
        // What changes something is sent to the right address or not at all: a form would lose its cookies on the way.
        let answer = ask(Method::POST, &host).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{host}");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body.to_string().contains(&gateway.url), "{body}");
    }
    for host in ["localhost.", "localhost.evil.example", "app.localhost", "localhost@evil.example", "[::1]"] {
        assert_eq!(ask(Method::GET, host).await.status(), StatusCode::FORBIDDEN, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_led_from_localhost_to_a_host_on_the_web() {
    let gateway = Setup::default().top("base_url = \"https://gate.example\"").start(Engine::Sqlite).await;
    let ask = async |host: &str| {
        let request = gateway.browser().raw().get(gateway.at("/auth/signin")).header("host", host);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(ask("gate.example").await, StatusCode::OK);
    assert_eq!(ask("localhost").await, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_the_operator_has_named_are_welcome() {
    let setup = Setup::default()
        .config("[mcp]\nallowed_hosts = [\"gate.internal\"]\nallowed_origins = [\"https://app.example\"]");
    let (gateway, ada) = visit(setup).await;
    let request = ada.modern().request("tools/list", json!({}));
    let answer = request.header("host", "gate.internal").header("origin", "https://app.example").send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");

    let preflight =
        ada.agent.client.request(Method::OPTIONS, gateway.mcp_url()).header("origin", "https://app.example");
    let preflight = preflight
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,mcp-method");
    let answer = preflight.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key("access-control-allow-credentials"), "no cookies from elsewhere");
}

on_both_engines! {
    async fn without_a_token_nothing_is_said_about_the_request(gateway: TestGateway) {
        let (client, url) = (reqwest::Client::new(), gateway.mcp_url());
        let modern = Modern { client: &client, url: &url, token: None };
        let post = || client.post(&url).header("accept", "application/json, text/event-stream");
        let session = "00000000-0000-4000-8000-000000000000";
        let plain = Exact::of(client.post(&url).json(&rpc("tools/list", json!({})))).await;
        assert_eq!(plain.status, 401);
        for (what, request) in [
            ("discovery", modern.request("server/discover", json!({}))),
            ("a list", modern.request("tools/list", json!({}))),
            ("a call", modern.request("tools/call", json!({ "name": "no_such_tool" }))),
            ("headers that lie", modern.request("tools/list", json!({})).header("mcp-method", "tools/call")),
            ("an unknown version", post().header("mcp-protocol-version", "2099-01-01").body("{}")),
            ("no JSON", post().body("{")),
            ("a batch", post().body("[]")),
            ("another type", post().header("content-type", "text/plain").body("x")),
            ("a session", post().header("mcp-session-id", session).json(&rpc("ping", json!({})))),
            ("a stream", client.get(&url).header("mcp-session-id", session)),
            ("a stream of the newer era", client.get(&url).header("mcp-protocol-version", "2026-07-28")),
            ("an end", client.delete(&url).header("mcp-session-id", session)),
            ("another method", client.put(&url)),
        ] {
            assert_eq!(Exact::of(request).await, plain, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_the_address_is_refused_even_beside_a_good_one() {
    let (gateway, ada) = visit(Setup::default()).await;
    let in_query = format!("{}?access_token={}", gateway.mcp_url(), ada.tokens.access);
    for token in [None, Some(ada.tokens.access.as_str())] {
        let modern = Modern { client: &ada.agent.client, url: &in_query, token };
        assert_eq!(modern.send("tools/list", json!({})).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_well_formed_bearer_token_is_one() {
    let (gateway, ada) = visit(Setup::default()).await;
    let good = format!("Bearer {}", ada.tokens.access);
    let (client, url) = (&ada.agent.client, gateway.mcp_url());
    let modern = Modern { client, url: &url, token: None };
    let list = || modern.request("tools/list", json!({}));
    let refused = [
        list().header("authorization", "Basic YTpi"),
        list().header("authorization", &good).header("authorization", "Bearer x"),
        list().header("authorization", "Bearer x").header("authorization", &good),
        list().header("authorization", format!("{good}, {good}")),
        list().header("authorization", format!("{good}x")),
        list().header("authorization", format!("Bearer {}", ada.tokens.refresh)),
        list().header("authorization", good.replace("blg_at_", "blg_pat_")),
        list().header("authorization", ada.tokens.access.clone()),
        list().header("authorization", "Bearer"),
        list().header("x-authorization", &good),
    ];
    for request in refused {
        let request = request.build().expect("a request");
        let sent = format!("{:?}", request.headers().get_all("authorization"));
        assert_eq!(client.execute(request).await.expect("an answer").status(), StatusCode::UNAUTHORIZED, "{sent}");
    }
    // RFC 9110 section 11.1: the name of a scheme has no case.
    let answer = list().header("authorization", good.replace("Bearer", "bearer")).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}
