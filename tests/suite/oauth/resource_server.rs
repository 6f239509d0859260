//! Servers of other people that take our tokens, with the crate that is for them.

use std::time::{Duration, UNIX_EPOCH};

use axum::routing::get;
use axum::{Router, middleware};
use belgie_api::Clock as _;
use belgie_api::crypto::{base64url, sha256};
use belgie_resource_server::{
    Builder, InMemory, ResourceServer, ShownProof, Taken, Token, Use, UsedProofs, require_token,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::machines::Machine;
use crate::on_both_engines;
use crate::organization::done;
use crate::support::holder::altered;
use crate::support::{Agent, Holder, Setup, TestGateway, Tokens, changed};

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

impl Reports {
    /// Shows a token as one that is bound to a key, with these proofs.
    async fn shown(&self, method: reqwest::Method, token: &str, proofs: &[&str]) -> (StatusCode, String) {
        let request = reqwest::Client::new().request(method, format!("{}/reports?month=5", self.0));
        let request = request.header("authorization", format!("DPoP {token}"));
        let request = proofs.iter().fold(request, |request, proof| request.header("dpop", *proof));
        let reply = request.send().await.expect("an answer");
        let challenge = reply.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        (reply.status(), challenge.unwrap_or_default())
    }
}

/// What a machine asks for a token for the server.
fn asked(machine: &Machine) -> [(&'static str, String); 4] {
    [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", machine.agent.client_id.clone()),
        ("client_secret", machine.secret.clone()),
        ("resource", API.to_owned()),
    ]
}

/// What is tried on a server that takes tokens bound to keys.
async fn takes_bound_tokens(gateway: &TestGateway, machine: &Machine, reports: &Reports) {
    let (holder, here) = (Holder::new(gateway), "https://api.example.com/reports");
    let fields = asked(machine);
    let given = holder.post(&machine.agent, "/token", &fields).await;
    assert_eq!(given.body["token_type"], "DPoP", "{}", given.body);
    let token = given.body["access_token"].as_str().expect("a token");
    let proof = holder.proof("GET", here, Some(token));
    let get = async |proofs: &[&str]| reports.shown(reqwest::Method::GET, token, proofs).await;
    assert_eq!(get(&[&proof]).await, (StatusCode::OK, String::new()));
    // Not as a bearer token, and not twice; nor is anything else shown as one that is bound.
    reports.refuses(token).await;
    let (status, challenge) = get(&[&proof]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        challenge.starts_with("DPoP error=\"invalid_dpop_proof\", ")
            && challenge.ends_with(", algs=\"ES256 EdDSA Ed25519 RS256 PS256\""),
        "{challenge}"
    );
    let plain = machine.token(&[("resource", API)]).await;
    let (status, challenge) =
        reports.shown(reqwest::Method::GET, &plain, &[&holder.proof("GET", here, Some(&plain))]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge.starts_with("DPoP error=\"invalid_token\", "), "{challenge}");
    assert_eq!(reports.ask(Some(&plain)).await.0, StatusCode::OK);

    let now = gateway.clock.now().unix_seconds();
    let with = |changes: &Value| holder.proof_with("GET", here, Some(token), changes);
    let header = |changes: &Value| {
        holder.key.sign_parts(&altered(holder.header(), changes), &holder.claims("GET", here, Some(token)))
    };
    let mut private = holder.jwk();
    private["d"] = "AAAA".into();
    let unsigned = |alg: &str| {
        let parts = [altered(holder.header(), &json!({ "alg": alg })), holder.claims("GET", here, Some(token))];
        format!("{}.AA", parts.map(|part| base64url(part.to_string().as_bytes())).join("."))
    };
    for wrong in [
        with(&json!({ "htm": "POST" })),
        with(&json!({ "htu": "https://api.example.com/v1/reports" })),
        with(&json!({ "htu": "https://other.example.com/reports" })),
        with(&json!({ "htu": null })),
        with(&json!({ "ath": null })),
        with(&json!({ "ath": base64url(&sha256(plain.as_bytes())) })),
        with(&json!({ "iat": now - 302 })),
        with(&json!({ "iat": now + 310 })),
        with(&json!({ "jti": "" })),
        with(&json!({ "jti": null })),
        header(&json!({ "typ": "JWT" })),
        header(&json!({ "alg": "EdDSA" })),
        header(&json!({ "jwk": private })),
        header(&json!({ "jwk": Holder::new(gateway).jwk() })),
        header(&json!({ "jwk": null })),
        header(&json!({ "crit": ["x"], "x": 1 })),
        unsigned("none"),
        unsigned("HS256"),
        "junk".to_owned(),
        String::new(),
        "A".repeat(5000),
    ] {
        let (status, challenge) = get(&[&wrong]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\", "), "{challenge}");
    }
    let [one, two] = [(); 2].map(|()| holder.proof("GET", here, Some(token)));
    assert_eq!(get(&[&one, &two]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&[]).await.0, StatusCode::UNAUTHORIZED);
    let (status, challenge) = get(&[&Holder::new(gateway).proof("GET", here, Some(token))]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge.starts_with("DPoP error=\"invalid_token\", "), "{challenge}");
    let narrow = [&fields[..], &[("scope", "demo:step-up".to_owned())]].concat();
    let given = holder.post(&machine.agent, "/token", &narrow).await;
    let narrow = given.body["access_token"].as_str().expect("a token");
    let (status, challenge) =
        reports.shown(reqwest::Method::GET, narrow, &[&holder.proof("GET", here, Some(narrow))]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(challenge.starts_with("DPoP error=\"insufficient_scope\", scope=\"connections:read\""), "{challenge}");
    // One of the keys may be called by its full name (RFC 9864).
    let edwards = Holder::with(gateway, jsonwebtoken::Algorithm::EdDSA);
    let given = edwards.post(&machine.agent, "/token", &fields).await;
    let its = given.body["access_token"].as_str().expect("a token");
    for (alg, status) in [("Ed25519", StatusCode::OK), ("EdDSA", StatusCode::OK), ("Ed448", StatusCode::UNAUTHORIZED)] {
        let header = altered(edwards.header(), &json!({ "alg": alg }));
        let proof = edwards.key.sign_parts(&header, &edwards.claims("GET", here, Some(its)));
        assert_eq!(reports.shown(reqwest::Method::GET, its, &[&proof]).await.0, status, "{alg}");
    }
    // Query and fragment do not count, and another method is another request.
    let address = format!("{here}?month=5#x");
    assert_eq!(get(&[&with(&json!({ "htu": address, "iat": now - 290 }))]).await.0, StatusCode::OK);
    let posted = reports.shown(reqwest::Method::POST, token, &[&holder.proof("POST", here, Some(token))]).await;
    assert_eq!(posted.0, StatusCode::METHOD_NOT_ALLOWED, "it came through the door");
}

on_both_engines! {
    async fn a_server_elsewhere_takes_signed_tokens_from_whoever_holds_their_key(gateway: TestGateway, setup = signing()) {
        let machine = machine(&gateway).await;
        let reports = Reports::start(&gateway, |server| server.scope(SCOPE)).await;
        takes_bound_tokens(&gateway, &machine, &reports).await;
        let document = reqwest::get(format!("{}/.well-known/oauth-protected-resource/v1", reports.0)).await.expect("it");
        let document: Value = document.json().await.expect("JSON");
        assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]));
        let nobody = reqwest::get(format!("{}/reports", reports.0)).await.expect("an answer");
        assert_eq!(nobody.headers().get_all("www-authenticate").iter().count(), 2);
    }
}

on_both_engines! {
    async fn a_server_elsewhere_that_asks_hears_which_key_a_token_is_bound_to(gateway: TestGateway, setup = setup("")) {
        let machine = machine(&gateway).await;
        let asker = Machine::made(&gateway, &["--resource-server", API]).await;
        let (client, secret) = (asker.agent.client_id.clone(), asker.secret.clone());
        let reports = Reports::start(&gateway, |server| server.introspect(&client, secret).scope(SCOPE)).await;
        takes_bound_tokens(&gateway, &machine, &reports).await;
    }
}

/// What people's agents get is taken with proofs, and nothing else of theirs is.
async fn takes_bound_tokens_of_people(gateway: &TestGateway, reports: &Reports) {
    let (holder, here) = (Holder::new(gateway), "https://api.example.com/reports");
    let (mut ada, agent) = (gateway.signed_in("ada@example.org").await, Agent::register(gateway).await);
    let there = || Some(API.to_owned());
    let asked = changed(agent.authorization(SCOPE), "resource".to_owned(), there());
    let page = ada.get(&agent.authorize_url(&asked)).await;
    let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    let code = answer.sent_parameter("code").expect("a code");
    let given =
        Tokens::of(&holder.post(&agent, "/token", &changed(agent.redemption(&code), "resource", there())).await);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &given.refresh), ("client_id", &agent.client_id)];
    let renewed = holder.post(&agent, "/token", &fields.map(|(name, value)| (name, value.to_owned()))).await;
    let renewed = Tokens::of(&renewed);
    let show = async |holder: &Holder, token: &str| {
        let proof = holder.proof("GET", here, Some(token));
        let first = reports.shown(reqwest::Method::GET, token, &[&proof]).await;
        (first, reports.shown(reqwest::Method::GET, token, &[&proof]).await.0)
    };
    for token in [&given.access, &renewed.access] {
        assert_eq!(show(&holder, token).await, ((StatusCode::OK, String::new()), StatusCode::UNAUTHORIZED));
        reports.refuses(token).await;
    }
    let wish = json!({ "name": "Script", "scope": SCOPE, "ttl_seconds": 600 });
    let personal = done(&mut ada, "/auth/tokens/create", wish).await["token"].as_str().expect("a token").to_owned();
    let stranger = Holder::new(gateway);
    for (holder, token) in [(&holder, &renewed.refresh), (&holder, &personal), (&stranger, &renewed.access)] {
        let ((status, challenge), _) = show(holder, token).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
        assert!(challenge.starts_with("DPoP error=\"invalid_token\", "), "{challenge}");
    }
}

on_both_engines! {
    async fn a_server_elsewhere_takes_signed_tokens_of_people_from_whoever_holds_their_key(gateway: TestGateway, setup = signing()) {
        takes_bound_tokens_of_people(&gateway, &Reports::start(&gateway, |server| server.scope(SCOPE)).await).await;
    }
}

on_both_engines! {
    async fn a_server_elsewhere_that_asks_takes_tokens_of_people_from_whoever_holds_their_key(gateway: TestGateway, setup = setup("")) {
        let asker = Machine::made(&gateway, &["--resource-server", API]).await;
        let (client, secret) = (asker.agent.client_id.clone(), asker.secret.clone());
        let reports = Reports::start(&gateway, |server| server.introspect(&client, secret).scope(SCOPE)).await;
        takes_bound_tokens_of_people(&gateway, &reports).await;
    }
}

/// Used proofs that two processes see.
#[derive(Clone)]
struct Shared(std::sync::Arc<InMemory>);

impl UsedProofs for Shared {
    fn take(&self, proof: ShownProof<'_>, now: u64) -> Taken<'_> {
        self.0.take(proof, now)
    }
}

/// A place that does not answer.
struct Broken;

impl UsedProofs for Broken {
    fn take(&self, _: ShownProof<'_>, _: u64) -> Taken<'_> {
        Box::pin(std::future::ready(Err("it is gone".to_owned())))
    }
}

/// A place where a key has had its share.
struct Full(String);

impl UsedProofs for Full {
    fn take(&self, proof: ShownProof<'_>, _: u64) -> Taken<'_> {
        let taken = if proof.key == self.0 { Use::TooMany } else { Use::First };
        Box::pin(std::future::ready(Ok(taken)))
    }
}

on_both_engines! {
    async fn a_server_elsewhere_refuses_the_key_that_floods_it_and_no_other(gateway: TestGateway, setup = signing()) {
        let machine = machine(&gateway).await;
        let (flooding, calm) = (Holder::new(&gateway), Holder::new(&gateway));
        let full = Full(flooding.thumbprint());
        let reports = Reports::start(&gateway, |server| server.used_proofs(full)).await;
        let here = "https://api.example.com/reports";
        for (holder, status) in [(flooding, StatusCode::TOO_MANY_REQUESTS), (calm, StatusCode::OK)] {
            let given = holder.post(&machine.agent, "/token", &asked(&machine)).await;
            let token = given.body["access_token"].as_str().expect("a token");
            let proof = holder.proof("GET", here, Some(token));
            assert_eq!(reports.shown(reqwest::Method::GET, token, &[&proof]).await, (status, String::new()));
        }
    }
}

on_both_engines! {
    async fn servers_behind_one_address_take_a_proof_once_together(gateway: TestGateway, setup = signing()) {
        let machine = machine(&gateway).await;
        let shared = Shared(std::sync::Arc::default());
        let address = "https://public.example/behind";
        let server = async || {
            let shared = shared.clone();
            Reports::start(&gateway, |server| server.used_proofs(shared).public_address(address)).await
        };
        let (one, two) = (server().await, server().await);
        let broken = Reports::start(&gateway, |server| server.used_proofs(Broken).public_address(address)).await;
        let holder = Holder::new(&gateway);
        let given = holder.post(&machine.agent, "/token", &asked(&machine)).await;
        let token = given.body["access_token"].as_str().expect("a token");
        let proof = holder.proof("GET", &format!("{address}/reports"), Some(token));
        let refused = broken.shown(reqwest::Method::GET, token, &[&proof]).await;
        assert_eq!(refused, (StatusCode::SERVICE_UNAVAILABLE, String::new()), "what is not certain opens nothing");
        assert_eq!(one.shown(reqwest::Method::GET, token, &[&proof]).await.0, StatusCode::OK);
        assert_eq!(two.shown(reqwest::Method::GET, token, &[&proof]).await.0, StatusCode::UNAUTHORIZED);
    }
}
