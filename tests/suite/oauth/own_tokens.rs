//! Personal access tokens, made, listed and revoked by the person themselves.

use std::time::Duration;

use belgie_organization::{Actor, NewOrganization, Organizations};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Connected, Modern, Reply, TestGateway, unescape};

async fn made(browser: &mut Browser, body: Value) -> (String, String) {
    let (status, said) = call(browser, "/auth/tokens/create", body).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&said["token"]), text(&said["personal_token"]["id"]))
}

async fn whoami(gateway: &TestGateway, token: &str) -> Reply {
    let (client, url) = (Client::new(), gateway.mcp_url());
    Modern { client: &client, url: &url, token: Some(token) }.call("whoami", json!({})).await
}

fn wish(scope: &str) -> Value {
    json!({ "name": "Nightly", "scope": scope, "ttl_seconds": 3600 })
}

on_both_engines! {
    async fn a_person_makes_lists_and_revokes_their_own(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        let organizations = gateway.gateway.provided::<Organizations>().expect("organizations");
        let new = NewOrganization { name: "Acme".to_owned(), slug: Some("acme".to_owned()), ..NewOrganization::default() };
        let acme = organizations.create_for(ada.id, new).await.expect("an organization");
        let (token, id) = made(&mut of_ada, wish("connections:read")).await;
        let seen = whoami(&gateway, &token).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["user"]["id"], &seen["organization"]), (&json!(ada.id), &Value::Null));
        let mut bound = wish("connections:read org:read");
        bound["organization"] = json!(acme.id);
        let (for_acme, _) = made(&mut of_ada, bound).await;
        let seen = whoami(&gateway, &for_acme).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["organization"]["slug"], &seen["user"]["id"]), (&json!("acme"), &json!(ada.id)));
        let (_, listed) = read(&mut of_ada, "/auth/tokens").await;
        assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(2));
        assert!(!listed.to_string().contains("blg_pat_"), "{listed}");

        let mut of_eve = gateway.signed_in("eve@example.org").await;
        assert_eq!(read(&mut of_eve, "/auth/tokens").await.1["tokens"], json!([]));
        let (status, said) = call(&mut of_eve, "/auth/tokens/revoke", json!({ "id": id })).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::NOT_FOUND, Some("token.unknown")));
        assert_eq!(whoami(&gateway, &token).await.status, StatusCode::OK);
        let (status, said) = call(&mut of_ada, "/auth/tokens/revoke", json!({ "id": id })).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        assert_eq!(whoami(&gateway, &token).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(whoami(&gateway, &for_acme).await.status, StatusCode::OK);
        // A token for an organization ends with the stay in it, however short the absence.
        let bob = gateway.person("bob@example.org").await;
        organizations.add_member(&Actor::host(), acme.id, bob.id, &belgie_organization::read_roles(["owner"]).expect("a role")).await.expect("a member");
        organizations.remove_member(&Actor::host(), acme.id, ada.id).await.expect("removed");
        organizations.add_member(&Actor::host(), acme.id, ada.id, &belgie_organization::read_roles(["member"]).expect("a role")).await.expect("a member");
        assert_eq!(whoami(&gateway, &for_acme).await.status, StatusCode::UNAUTHORIZED);
        let acts = gateway.gateway.identity().acts(Some(ada.id), 50).await.expect("the record");
        for action in ["token.created", "token.revoked"] {
            assert!(acts.iter().any(|act| act.action == action && act.ip.is_some()), "{action} is on record");
        }
    }
}

on_both_engines! {
    async fn nobody_makes_one_beyond_themselves_or_by_anything_but_their_own_presence(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        let organizations = gateway.gateway.provided::<Organizations>().expect("organizations");
        let new = NewOrganization { name: "Rose".to_owned(), slug: Some("rose".to_owned()), ..NewOrganization::default() };
        let eve = gateway.person("eve@example.org").await;
        let rose = organizations.create_for(eve.id, new).await.expect("an organization");
        let with = |key: &str, value: Value| {
            let mut body = wish("connections:read");
            body[key] = value;
            body
        };
        for (body, code) in [
            (with("scope", json!("admin")), "token.scope_not_held"),
            (with("scope", json!("nosuch:scope")), "token.unknown_scope"),
            (with("scope", json!("")), "token.no_scope"),
            (with("organization", json!(rose.id)), "token.not_a_member"),
            (with("organization", json!("org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b")), "token.not_a_member"),
            (with("ttl_seconds", json!(0)), "token.invalid_lifetime"),
            (with("ttl_seconds", json!(366 * 24 * 3600)), "token.invalid_lifetime"),
            (with("user", json!(eve.id)), "invalid_request"),
        ] {
            let (status, said) = call(&mut of_ada, "/auth/tokens/create", body.clone()).await;
            assert!(status.is_client_error() && said["error"] == code, "{body}: {said}");
        }
        assert_eq!(read(&mut of_ada, "/auth/tokens").await.1["tokens"], json!([]));
        // A token makes no tokens.
        let agent = Connected::of(&gateway, &ada, "", None).await;
        let request = agent.agent.client.post(gateway.at("/auth/tokens/create")).bearer_auth(&agent.tokens.access);
        let answer = request.json(&wish("connections:read")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        gateway.clock.advance(Duration::from_secs(3600));
        let (status, said) = call(&mut of_ada, "/auth/tokens/create", wish("connections:read")).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::FORBIDDEN, Some("session.not_fresh")));
    }
}

on_both_engines! {
    async fn the_page_shows_a_new_one_once(gateway: TestGateway) {
        let mut of_ada = gateway.signed_in("ada@example.org").await;
        assert!(of_ada.get("/account").await.body.contains("href=\"/account/tokens\""));
        let form = of_ada.get("/account/tokens/new").await.form("/account/tokens/new");
        let wrong = of_ada.submit(&form, &[("name", "Nightly"), ("scope", "admin"), ("days", "30")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unescape(&wrong.body).contains("does not hold one of these scopes"), "{}", wrong.body);
        let made = of_ada.submit(&form, &[("name", "Nightly"), ("scope", "connections:read"), ("days", "30")]).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        let at = made.body.find("blg_pat_").expect("the token");
        let token: String = made.body[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
        assert_eq!(whoami(&gateway, &token).await.status, StatusCode::OK);
        let page = of_ada.get("/account/tokens").await;
        assert!(page.body.contains("Nightly") && !page.body.contains("blg_pat_"), "{}", page.body);
        let answer = of_ada.submit(&page.form("/account/tokens/revoke"), &[]).await;
        assert_eq!(answer.location(), "/account/tokens");
        assert_eq!(whoami(&gateway, &token).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(of_ada.post("/account/tokens/new", &[("name", "x")]).await.status, StatusCode::FORBIDDEN, "without a form token");
    }
}
