//! What an application adds to what clients are told.

use belgie::oauth_server::{About, Claims, OAuthServer};
use belgie_api::{Result, async_trait};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::machines::Machine;
use super::openid::{ALL, id_token, openid, told};
use super::{checked, part};
use crate::on_both_engines;
use crate::support::{Agent, Reply, Setup, TestGateway, Tokens};

/// Says for whom it was asked, and tries to say what is not its to say.
struct Tiers;

fn said(place: &str, about: About<'_>) -> Map<String, Value> {
    let about = json!({
        "place": place, "is_person": about.user.is_some(), "client": about.client, "scopes": about.scopes.to_string(),
    });
    let members = json!({
        "https://acme.example/tier": about, "sub": "usr_mallory", "scope": "admin", "aud": "https://evil.example",
        "access_token": "mine", "id_token": "mine", "email": "mallory@example.org", "email_verified": true,
        "iss": "https://evil.example", "exp": 0, "updated_at": -1,
    });
    members.as_object().expect("members").clone()
}

#[async_trait]
impl Claims for Tiers {
    async fn of_access_token(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("access", about))
    }

    async fn of_id_token(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("id", about))
    }

    async fn of_userinfo(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("userinfo", about))
    }

    async fn of_answer(&self, about: About<'_>) -> Result<Map<String, Value>> {
        Ok(said("answer", about))
    }
}

fn tiered() -> Setup {
    openid()
        .config("access_token_format = \"jwt\"")
        .build(|builder| builder.plugin(OAuthServer::default().with_claims(Tiers)))
}

#[track_caller]
fn assert_added(members: &Value, place: &str, is_person: bool) {
    let added = &members["https://acme.example/tier"];
    assert_eq!((&added["place"], &added["is_person"]), (&json!(place), &json!(is_person)), "{members}");
}

on_both_engines! {
    async fn an_application_adds_claims_and_changes_none_of_ours(gateway: TestGateway, setup = tiered()) {
        let ada = gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let first = told(&agent, &mut browser, ALL, &[]).await;
        let renewed = agent.refresh(&Tokens::of(&first).refresh).await;
        let again = agent.refresh(&Tokens::of(&first).refresh).await;
        assert_eq!(again.body, {
            let mut same = renewed.body.clone();
            same["expires_in"] = again.body["expires_in"].clone();
            same
        });
        for reply in [&first, &renewed] {
            assert_added(&reply.body, "answer", true);
            assert_eq!(reply.body["scope"], "email openid profile", "{}", reply.body);
            let access = Tokens::of(reply).access;
            let claims = checked(&gateway, &access).await;
            assert_added(&claims, "access", true);
            assert_eq!((&claims["sub"], &claims["iss"]), (&json!(ada.id), &json!(gateway.url)), "{claims}");
            assert_eq!(claims["https://acme.example/tier"]["client"], json!(agent.client_id));
            let id = checked(&gateway, id_token(reply)).await;
            assert_added(&id, "id", true);
            assert_eq!((&id["sub"], &id["email"], &id["email_verified"]), (&json!(ada.id), &json!("ada@example.org"), &json!(false)));
            assert!(id["updated_at"].as_i64().is_some_and(|at| at > 0) && id["aud"] == json!(agent.client_id), "{id}");
            let request = reqwest::Client::new().get(gateway.at("/userinfo")).bearer_auth(&access);
            let info = Reply::read(request.send().await.expect("an answer")).await.body;
            assert_added(&info, "userinfo", true);
            assert_eq!((&info["sub"], &info["email"]), (&json!(ada.id), &json!("ada@example.org")), "{info}");
            assert_eq!(agent.whoami(&access).await.status, StatusCode::OK);
        }
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let reply = machine.ask(&[]).await;
        assert_added(&reply.body, "answer", false);
        assert_added(&part(reply.body["access_token"].as_str().expect("a token"), 1), "access", false);
        assert_eq!(reply.body["scope"], "connections:read");
    }
}
