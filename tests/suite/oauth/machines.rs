//! Clients with no person behind them (RFC 6749 section 4.4).

use std::time::Duration;

use belgie_api::crypto::base64url;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::{assert_page_alone, assert_refused, assert_shut};
use crate::on_both_engines;
use crate::organization::{at, done, known, owned_by};
use crate::support::{Agent, Reply, Setup, TestGateway};

/// A machine with its secret.
#[derive(Clone)]
pub struct Machine {
    pub agent: Agent,
    pub secret: String,
    pub made: Value,
}

impl Machine {
    /// Made by the operator at the command line.
    pub async fn made(gateway: &TestGateway, more: &[&str]) -> Self {
        let made = create(gateway, &[&["--name", "Nightly"], more].concat()).await.expect("a client");
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        let agent = Agent::known_as(gateway, &text("client_id"), "");
        Self { agent, secret: text("client_secret"), made }
    }

    /// Asks for a token, with more fields.
    pub async fn ask(&self, more: &[(&str, &str)]) -> Reply {
        self.post("/token", &[&[("grant_type", "client_credentials")], more].concat()).await
    }

    /// Asks for a token and gets it.
    pub async fn token(&self, more: &[(&str, &str)]) -> String {
        let reply = self.ask(more).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Posts fields with the secret beside them.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let own = [("client_id", self.agent.client_id.as_str()), ("client_secret", &self.secret)];
        let fields: Vec<_> = own.iter().chain(fields).map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.agent.post(path, &fields).await
    }
}

/// `belgie client create`
pub async fn create(gateway: &TestGateway, arguments: &[&str]) -> Result<Value, Value> {
    let (went_well, said) = gateway.configured_program(&[&["client", "create"], arguments].concat()).await;
    if went_well { Ok(said) } else { Err(said) }
}

on_both_engines! {
    async fn a_client_without_a_person_is_itself_and_does_what_it_was_given(gateway: TestGateway) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read demo:step-up"]).await;
        let reply = machine.ask(&[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!((&reply.body["expires_in"], &reply.body["scope"]), (&json!(3600), &json!("connections:read demo:step-up")));
        assert!(reply.body.get("refresh_token").is_none() && reply.headers["cache-control"] == "no-store");
        let token = reply.body["access_token"].as_str().expect("a token");
        for _ in 0..2 {
            let seen = machine.agent.whoami(token).await.body["result"]["structuredContent"].clone();
            assert_eq!((&seen["service"]["name"], &seen["user"]["email"]), (&json!("Nightly"), &json!("")), "{seen}");
            assert_eq!(seen["service"]["id"], machine.made["service"]);
            assert_eq!(seen["client"]["id"], json!(machine.agent.client_id));
            assert_eq!((&seen["organization"], &seen["grant"]), (&Value::Null, &Value::Null));
        }
        let url = gateway.mcp_url();
        assert_eq!(machine.agent.modern(&url, token).call("step_up", json!({})).await.status, StatusCode::OK);
        let own = machine.agent.modern(&url, token).call("list_my_connections", json!({})).await;
        assert_eq!(own.status, StatusCode::OK, "{}", own.body);

        let narrow = machine.token(&[("scope", "connections:read")]).await;
        let refused = machine.agent.modern(&url, &narrow).call("step_up", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        for more in ["admin", "connections:read admin", "org:read", "unheard:of"] {
            assert_refused(&machine.ask(&[("scope", more)]).await, StatusCode::BAD_REQUEST, "invalid_scope");
        }
        let elsewhere = machine.ask(&[("resource", "https://elsewhere.example/mcp")]).await;
        assert_refused(&elsewhere, StatusCode::BAD_REQUEST, "invalid_target");
        let of_others = machine.ask(&[("resource", &gateway.at("/o/acme/mcp"))]).await;
        assert_refused(&of_others, StatusCode::BAD_REQUEST, "invalid_target");
        gateway.clock.advance(Duration::from_secs(3600));
        assert_shut(&machine.agent.whoami(token).await);
    }
}

on_both_engines! {
    async fn a_machine_proves_who_it_is_in_either_way_and_no_guess_gets_in(gateway: TestGateway) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let id = machine.agent.client_id.clone();
        let basic = |secret: &str| {
            let text = base64url(format!("{id}:{secret}").as_bytes());
            // Basic wants padding and the other alphabet; neither occurs in these texts but for the end.
            format!("Basic {}{}", text.replace('-', "+").replace('_', "/"), "=".repeat((4 - text.len() % 4) % 4))
        };
        let ask = async |secret: &str| {
            let form = [("grant_type", "client_credentials")];
            let request = machine.agent.client.post(gateway.at("/token")).header(AUTHORIZATION, basic(secret)).form(&form);
            Reply::read(request.send().await.expect("an answer")).await
        };
        assert_eq!(ask(&machine.secret).await.status, StatusCode::OK);
        let refused = ask("blg_cs_guess").await;
        assert_refused(&refused, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"oauth\"");
        let alone = [("grant_type", "client_credentials".to_owned()), ("client_id", id.clone())];
        assert_refused(&machine.agent.post("/token", &alone).await, StatusCode::UNAUTHORIZED, "invalid_client");
        // It has nowhere to send people to.
        let mut ada = gateway.signed_in("ada@example.org").await;
        let page = ada.get(&machine.agent.authorize_url(&machine.agent.authorization(""))).await;
        assert_page_alone(&page, "address that does not belong to the agent");
    }
}

on_both_engines! {
    async fn only_machines_of_the_operator_act_without_a_person(gateway: TestGateway) {
        let document = json!({
            "redirect_uris": ["https://agent.example/callback"],
            "grant_types": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_method": "client_secret_post",
            "scope": "connections:read",
        });
        let (agent, registered) = Agent::register_document(&gateway, &document).await;
        assert_eq!(registered["grant_types"], json!(["authorization_code"]));
        let secret = registered["client_secret"].as_str().expect("a secret").to_owned();
        let stranger = Machine { agent, secret, made: registered };
        assert_refused(&stranger.ask(&[]).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        let web = ["--confidential", "--redirect-uri", "https://web.example/callback", "--scope", "connections:read"];
        let web = Machine::made(&gateway, &web).await;
        assert_refused(&web.ask(&[]).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        let public = Agent::register(&gateway).await;
        let fields = [("grant_type", "client_credentials".to_owned()), ("client_id", public.client_id.clone())];
        assert_refused(&public.post("/token", &fields).await, StatusCode::BAD_REQUEST, "unauthorized_client");
        for wrong in [
            &["--name", "M", "--machine"][..],
            &["--name", "M", "--machine", "--scope", "admin"],
            &["--name", "M", "--machine", "--scope", "unheard:of"],
            &["--name", "M", "--machine", "--scope", "connections:read", "--redirect-uri", "https://m.example/cb"],
            &["--name", "M", "--machine", "--scope", "connections:read", "--org", "acme", "--service", "svc_none"],
        ] {
            create(&gateway, wrong).await.expect_err("no such machine");
        }
    }
}

on_both_engines! {
    async fn a_machine_that_acts_as_a_service_is_what_the_service_is_and_ends_with_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let wish = json!({ "name": "Nightly", "role": "admin", "scope": "org:read", "ttl_seconds": 36_000 });
        let service = done(&mut of_ada, &at("acme", "/services/create"), wish).await["service"]["id"].clone();
        let id = service.as_str().expect("an id");
        create(&gateway, &["--name", "M", "--machine", "--scope", "org:read", "--org", "rose", "--service", id])
            .await
            .expect_err("the service is another organization's");
        let machine = ["--machine", "--scope", "org:read", "--org", "acme", "--service", id];
        let machine = Machine::made(&gateway, &machine).await;
        let reply = machine.ask(&[]).await;
        assert_eq!(reply.body["organization"], json!(acme.id), "{}", reply.body);
        let token = reply.body["access_token"].as_str().expect("a token").to_owned();
        let seen = machine.agent.whoami(&token).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["organization"]["id"], &seen["organization"]["roles"]), (&json!(acme.id), &json!(["admin"])), "{seen}");
        assert_eq!(seen["service"]["id"], service);
        let url = gateway.mcp_url();
        let members = machine.agent.modern(&url, &token).call("list_members", json!({})).await;
        assert_eq!(members.body["result"]["structuredContent"]["members"][0]["email"], "ada@example.org");

        let there = machine.token(&[("resource", &gateway.at("/o/acme/mcp"))]).await;
        let own = machine.agent.modern(&gateway.at("/o/acme/mcp"), &there).call("whoami", json!({})).await.status;
        assert_eq!(own, StatusCode::OK);
        assert_shut(&machine.agent.whoami(&there).await);
        let other = machine.ask(&[("resource", &gateway.at("/o/rose/mcp"))]).await;
        assert_refused(&other, StatusCode::BAD_REQUEST, "invalid_target");

        done(&mut of_ada, &at("acme", "/services/revoke"), json!({ "service": id })).await;
        assert_shut(&machine.agent.whoami(&token).await);
        assert_refused(&machine.ask(&[]).await, StatusCode::BAD_REQUEST, "unauthorized_client");
    }
}

on_both_engines! {
    async fn a_machines_token_ends_when_it_is_given_back_and_with_its_client(gateway: TestGateway) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let (first, second) = (machine.token(&[]).await, machine.token(&[]).await);
        let stranger = Agent::register(&gateway).await;
        assert_refused(&stranger.revoke(&first).await, StatusCode::BAD_REQUEST, "invalid_grant");
        assert_eq!(machine.agent.whoami(&first).await.status, StatusCode::OK);
        for _ in 0..2 {
            assert_eq!(machine.post("/revoke", &[("token", first.as_str())]).await.status, StatusCode::OK);
            assert_shut(&machine.agent.whoami(&first).await);
        }
        assert_eq!(machine.agent.whoami(&second).await.status, StatusCode::OK);
        let (went_well, said) = gateway.configured_program(&["client", "revoke", &machine.agent.client_id]).await;
        assert!(went_well, "{said}");
        assert_shut(&machine.agent.whoami(&second).await);
        assert_refused(&machine.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
    }
}

on_both_engines! {
    async fn machines_have_a_lifetime_of_their_own(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nclient_credentials_ttl_seconds = 90")
    ) {
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let reply = machine.ask(&[]).await;
        assert_eq!(reply.body["expires_in"], 90);
        let token = reply.body["access_token"].as_str().expect("a token");
        gateway.clock.advance(Duration::from_secs(80));
        assert_eq!(machine.agent.whoami(token).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(10));
        assert_shut(&machine.agent.whoami(token).await);
    }
}
