//! What resource servers learn of tokens (RFC 7662).

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::Machine;
use super::{assert_refused, assert_shut, checked};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Reply, Setup, TestGateway, Tokens, changed, unescape};

const API: &str = "https://api.example.com/v1";
const OTHER: &str = "https://other.example.com";

fn two_resources() -> Setup {
    Setup::default().config(&format!("[plugins.oauth-server]\nresources = [\"{API}\", \"{OTHER}/\"]"))
}

async fn server(gateway: &TestGateway, resource: &str) -> Machine {
    Machine::made(gateway, &["--resource-server", resource]).await
}

/// A person lets an agent use a resource that is none of the gateway's.
async fn connect(agent: &Agent, browser: &mut Browser, resource: &str) -> Tokens {
    let asked = changed(agent.authorization("connections:read"), "resource".to_owned(), Some(resource.to_owned()));
    let page = browser.get(&agent.authorize_url(&asked)).await;
    assert!(unescape(&page.body).contains(resource), "the person reads where: {}", page.body);
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    let code = answer.sent_parameter("code").expect("a code");
    Tokens::of(&agent.redeem_with(&code, "resource", Some(resource)).await)
}

async fn introspect(server: &Machine, token: &str) -> Value {
    let reply = server.post("/introspect", &[("token", token)]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.headers["cache-control"], "no-store");
    reply.body
}

#[track_caller]
fn assert_inactive(answer: &Value) {
    assert_eq!(*answer, json!({ "active": false }));
}

fn signing_for_two() -> Setup {
    let resources = format!("resources = [\"{API}\", \"{OTHER}/\"]");
    Setup::default().config(&format!("[plugins.oauth-server]\naccess_token_format = \"jwt\"\n{resources}"))
}

on_both_engines! {
    async fn a_signed_token_can_be_asked_about_too(gateway: TestGateway, setup = signing_for_two()) {
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let (api, other) = (server(&gateway, API).await, server(&gateway, OTHER).await);
        let agent = Agent::register(&gateway).await;
        let tokens = connect(&agent, &mut of_ada, API).await;
        let claims = checked(&gateway, &tokens.access).await;
        assert_eq!((&claims["aud"], &claims["sub"]), (&json!(API), &json!(ada.id)));
        let told = introspect(&api, &tokens.access).await;
        assert_eq!((&told["active"], &told["sub"], &told["aud"]), (&json!(true), &json!(ada.id), &json!([API])), "{told}");
        assert_eq!(told["jti"], claims["jti"]);
        assert_inactive(&introspect(&other, &tokens.access).await);
        let (start, _) = tokens.access.rsplit_once('.').expect("a signed token");
        assert_inactive(&introspect(&api, &format!("{start}.AAAA")).await);
        assert_eq!(agent.revoke(&tokens.access).await.status, StatusCode::OK);
        assert_inactive(&introspect(&api, &tokens.access).await);
    }
}

on_both_engines! {
    async fn a_resource_server_learns_what_a_token_for_it_is(gateway: TestGateway, setup = two_resources()) {
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let (api, other) = (server(&gateway, API).await, server(&gateway, OTHER).await);
        let agent = Agent::register(&gateway).await;
        let tokens = connect(&agent, &mut of_ada, API).await;
        let told = introspect(&api, &tokens.access).await;
        assert_eq!((&told["active"], &told["sub"], &told["aud"]), (&json!(true), &json!(ada.id), &json!([API])), "{told}");
        assert_eq!((&told["scope"], &told["client_id"]), (&json!("connections:read"), &json!(agent.client_id)));
        assert_eq!((&told["iss"], &told["token_type"]), (&json!(gateway.url), &json!("Bearer")));
        assert!(told["exp"].as_i64().is_some_and(|end| end > 1_700_000_000) && told["jti"].is_string());
        // It is no token of ours, and nothing to anybody else.
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_inactive(&introspect(&other, &tokens.access).await);
        let ours = agent.connect(&mut of_ada, "").await;
        for nothing in [ours.access.as_str(), &tokens.refresh, &ours.refresh, "blg_at_junk", "x", &api.secret] {
            assert_inactive(&introspect(&api, nothing).await);
        }
        assert_eq!(agent.revoke(&tokens.access).await.status, StatusCode::OK);
        assert_inactive(&introspect(&api, &tokens.access).await);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_eq!(introspect(&api, &renewed.access).await["active"], true);
        gateway.clock.advance(Duration::from_secs(3600));
        assert_inactive(&introspect(&api, &renewed.access).await);
        let renewed = Tokens::of(&agent.refresh(&renewed.refresh).await);
        assert_eq!(introspect(&api, &renewed.access).await["active"], true);
        let (went_well, said) = gateway.configured_program(&["user", "ban", "--email", "ada@example.org"]).await;
        assert!(went_well, "{said}");
        assert_inactive(&introspect(&api, &renewed.access).await);
    }
}

on_both_engines! {
    async fn a_resource_server_learns_of_machines(gateway: TestGateway, setup = two_resources()) {
        let api = server(&gateway, API).await;
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let told = introspect(&api, &machine.token(&[("resource", API)]).await).await;
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &machine.made["service"]), "{told}");
        assert_eq!(told["client_id"], json!(machine.agent.client_id));
        assert_inactive(&introspect(&api, &machine.token(&[]).await).await);
        assert_inactive(&introspect(&api, &machine.token(&[("resource", OTHER)]).await).await);
    }
}

on_both_engines! {
    async fn nobody_asks_about_tokens_without_a_secret_and_a_resource(gateway: TestGateway, setup = two_resources()) {
        let api = server(&gateway, API).await;
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let token = machine.token(&[("resource", API)]).await;
        let ask = [("token", token.as_str())];
        assert_refused(&machine.post("/introspect", &ask).await, StatusCode::FORBIDDEN, "unauthorized_client");
        let guess = Machine { secret: "blg_cs_guess".to_owned(), ..server(&gateway, API).await };
        assert_refused(&guess.post("/introspect", &ask).await, StatusCode::UNAUTHORIZED, "invalid_client");
        let public = Agent::register(&gateway).await;
        for client in [&public.client_id, &api.agent.client_id] {
            let fields = [("token", token.clone()), ("client_id", client.clone())];
            let refused: Reply = public.post("/introspect", &fields).await;
            assert_refused(&refused, StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let nobody = public.post("/introspect", &[("token", token.clone())]).await;
        assert_refused(&nobody, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_refused(&api.post("/introspect", &[]).await, StatusCode::BAD_REQUEST, "invalid_request");
        let elsewhere = super::machines::create(&gateway, &["--name", "R", "--resource-server", "https://evil.example"]).await;
        assert_eq!(elsewhere.expect_err("no such resource")["error"], "client.unknown_resource");
    }
}
