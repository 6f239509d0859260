//! The whole way of an agent, as the specification tells it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{assert_invalid_grant, assert_shut};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, LegacySession, Modern, Reply, TestGateway, Tokens};

async fn json_at(url: &str) -> Value {
    reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
}

on_both_engines! {
    async fn an_agent_finds_its_way_from_a_refusal_to_a_tool_and_back_out(gateway: TestGateway) {
        // A refusal names the metadata, the metadata names the server, the server names its endpoints.
        let mcp_url = gateway.mcp_url();
        let stranger = Modern { client: &reqwest::Client::new(), url: &mcp_url, token: None };
        let refusal = stranger.call("whoami", json!({})).await;
        assert_eq!(refusal.status, StatusCode::UNAUTHORIZED);
        let (_, rest) = refusal.challenge().split_once("resource_metadata=\"").expect("where the metadata is");
        let resource = json_at(rest.trim_end_matches('"')).await;
        assert_eq!(resource["resource"], mcp_url);
        let issuer = resource["authorization_servers"][0].as_str().expect("a server").to_owned();
        let server = json_at(&format!("{issuer}/.well-known/oauth-authorization-server")).await;
        assert_eq!(server["issuer"], issuer);
        for (member, path) in [("registration_endpoint", "/register"), ("token_endpoint", "/token")] {
            assert_eq!(server[member], gateway.at(path));
        }

        // The person is nobody yet: signs in first and comes back to the question.
        gateway.person("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let mut browser = gateway.browser();
        let sign_in = browser.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_eq!(sign_in.status, StatusCode::SEE_OTHER);
        let form = browser.get(&sign_in.location()).await.form("/auth/signin");
        let back = browser.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await.location();
        let question = browser.get(&back).await;
        let answer = browser.submit(&question.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.location().starts_with("http://127.0.0.1:49152/callback?"));
        assert_eq!(answer.sent_parameter("state").as_deref(), Some("state-of-the-suite"));
        assert_eq!(answer.sent_parameter("iss"), Some(issuer));

        let reply = agent.redeem(&answer.sent_parameter("code").expect("a code")).await;
        let tokens = Tokens::of(&reply);
        assert_eq!(reply.body["token_type"], "Bearer");
        assert_eq!(reply.body["expires_in"], 3600);
        assert_eq!(reply.body["scope"], "connections:read");
        assert_eq!((&reply.headers["cache-control"], &reply.headers["content-type"]), (
            &"no-store".parse().expect("a header"),
            &"application/json".parse().expect("a header"),
        ));

        assert_is_ada(&agent, &agent.whoami(&tokens.access).await);
        let session = LegacySession::open(&agent.client, &mcp_url, &tokens.access).await;
        assert_is_ada(&agent, &session.call("whoami", json!({})).await);

        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_is_ada(&agent, &agent.whoami(&renewed.access).await);

        assert_eq!(agent.revoke(&renewed.refresh).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&renewed.access).await);
        assert_shut(&session.call("whoami", json!({})).await);
        assert_invalid_grant(&agent.refresh(&renewed.refresh).await);
    }
}

#[track_caller]
fn assert_is_ada(agent: &Agent, reply: &Reply) {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let caller = &reply.body["result"]["structuredContent"];
    assert_eq!(caller["user"]["email"], "ada@example.org", "{}", reply.body);
    assert_eq!(caller["client"]["id"], agent.client_id);
    assert_eq!(caller["client"]["name"], "Suite agent");
    assert_eq!(caller["scopes"], json!(["connections:read"]));
    assert!(caller["session"].is_null() && caller["grant"].is_string());
}

on_both_engines! {
    async fn a_person_cuts_an_agent_off_and_nobody_else_can(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let form = ada.get("/account").await.form("/account/connections/revoke");
        let (_, id) = form.fields.iter().find(|(name, _)| name == "connection_id").expect("the connection").clone();

        let mut eve = gateway.signed_in("eve@example.org").await;
        Agent::register(&gateway).await.connect(&mut eve, "").await;
        let own = eve.get("/account").await.form("/account/connections/revoke");
        assert_eq!(eve.submit(&own, &[("connection_id", &id)]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);

        assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
        assert!(!ada.get("/account").await.body.contains(&id));
    }
}
