//! Servers of other people that take our tokens, with the crate that is for them.

use std::time::{Duration, UNIX_EPOCH};

use axum::routing::get;
use axum::{Router, middleware};
use belgie_api::Clock as _;
use belgie_resource_server::{Builder, ResourceServer, Token, require_token};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::machines::Machine;
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const API: &str = "https://api.example.com/v1";
const OTHER: &str = "https://other.example.com";
const SCOPE: &str = "connections:read";

fn setup(more: &str) -> Setup {
    Setup::default().config(&format!("[plugins.oauth-server]\nresources = [\"{API}\", \"{OTHER}\"]\n{more}"))
}

fn signing() -> Setup {
    setup("access_token_format = \"jwt\"")
}

/// A resource server on a port of its own, with the gateway's clock.
struct Reports(String);

impl Reports {
    async fn start(gateway: &TestGateway, build: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = std::sync::Arc::clone(&gateway.clock);
        let now =
            move || UNIX_EPOCH + Duration::from_secs(u64::try_from(clock.now().unix_seconds()).expect("after 1970"));
        let server = build(ResourceServer::of(&gateway.url, API).clock(now)).build().expect("a resource server");
        let reports = get(|token: Token| async move { format!("of {}", token.subject) });
        let application = Router::new()
            .route("/reports", reports)
            .layer(middleware::from_fn_with_state(server.clone(), require_token))
            .merge(server.metadata_route());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, application).await });
        Self(url)
    }

    async fn ask(&self, token: Option<&str>) -> (StatusCode, String, String) {
        let request = reqwest::Client::new().get(format!("{}/reports", self.0));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let reply = request.send().await.expect("an answer");
        let challenge = reply.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        (reply.status(), challenge.unwrap_or_default(), reply.text().await.expect("a body"))
    }

    async fn refuses(&self, token: &str) {
        let (status, challenge, body) = self.ask(Some(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}: {body}");
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    }
}

async fn machine(gateway: &TestGateway) -> Machine {
    Machine::made(gateway, &["--machine", "--scope", "connections:read demo:step-up"]).await
}

on_both_engines! {
    async fn a_server_elsewhere_checks_signed_tokens_with_the_published_keys(gateway: TestGateway, setup = signing()) {
        let machine = machine(&gateway).await;
        let reports = Reports::start(&gateway, |server| server.scope(SCOPE)).await;
        let good = machine.token(&[("resource", API)]).await;
        let subject = machine.made["service"].as_str().expect("a service");
        assert_eq!(reports.ask(Some(&good)).await, (StatusCode::OK, String::new(), format!("of {subject}")));

        let (status, challenge, _) = reports.ask(None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let place = "https://api.example.com/.well-known/oauth-protected-resource/v1";
        assert_eq!(challenge, format!("Bearer scope=\"{SCOPE}\", resource_metadata=\"{place}\""));
        let document = reqwest::get(format!("{}/.well-known/oauth-protected-resource/v1", reports.0)).await.expect("it");
        let document: Value = document.json().await.expect("json");
        assert_eq!(document["authorization_servers"], json!([gateway.url]));
        assert_eq!((&document["resource"], &document["scopes_supported"]), (&json!(API), &json!([SCOPE])));

        // Another audience, another signature, none, another kind of token.
        reports.refuses(&machine.token(&[("resource", OTHER)]).await).await;
        reports.refuses(&machine.token(&[]).await).await;
        let (start, _) = good.rsplit_once('.').expect("a signed token");
        for forged in [format!("{start}.AAAA"), format!("{start}."), "blg_at_junk".to_owned(), "x.y.z".to_owned()] {
            reports.refuses(&forged).await;
        }
        let narrow = machine.token(&[("resource", API), ("scope", "demo:step-up")]).await;
        let (status, challenge, _) = reports.ask(Some(&narrow)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"connections:read\""), "{challenge}");

        gateway.clock.advance(Duration::from_secs(3600));
        reports.refuses(&good).await;
    }
}

on_both_engines! {
    async fn a_server_elsewhere_goes_on_when_the_keys_are_rotated(gateway: TestGateway, setup = signing()) {
        let machine = machine(&gateway).await;
        let reports = Reports::start(&gateway, |server| server).await;
        let earlier = machine.token(&[("resource", API)]).await;
        assert_eq!(reports.ask(Some(&earlier)).await.0, StatusCode::OK);
        let (went_well, said) = gateway.configured_program(&["key", "rotate", "--now"]).await;
        assert!(went_well, "{said}");
        let later = machine.token(&[("resource", API)]).await;
        let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid;
        assert_ne!(kid(&earlier), kid(&later));
        for token in [&earlier, &later] {
            assert_eq!(reports.ask(Some(token)).await.0, StatusCode::OK);
        }
    }
}

on_both_engines! {
    async fn a_server_elsewhere_that_asks_hears_at_once_that_a_token_is_revoked(gateway: TestGateway, setup = setup("")) {
        let machine = machine(&gateway).await;
        let asker = Machine::made(&gateway, &["--resource-server", API]).await;
        let (client, secret) = (asker.agent.client_id.clone(), asker.secret.clone());
        let reports = Reports::start(&gateway, |server| server.introspect(&client, secret).scope(SCOPE)).await;
        let token = machine.token(&[("resource", API)]).await;
        assert_eq!(reports.ask(Some(&token)).await.0, StatusCode::OK);
        reports.refuses(&machine.token(&[("resource", OTHER)]).await).await;
        reports.refuses("blg_at_junk").await;
        assert_eq!(machine.post("/revoke", &[("token", &token)]).await.status, StatusCode::OK);
        reports.refuses(&token).await;

        // What cannot be made certain opens nothing.
        let stranger = Reports::start(&gateway, |server| server.introspect(&client, "wrong")).await;
        let (status, challenge, body) = stranger.ask(Some(&token)).await;
        assert_eq!((status, challenge.as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
        assert!(!body.contains("401") && body.contains("temporarily_unavailable"), "{body}");
    }
}
