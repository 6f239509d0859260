//! What changes while somebody is at it, between reading and writing: on Postgres, where it can be seen waiting.

use belgie_api::on;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::exchange::{exchange, exchanging, server};
use super::own_clients::{HTTPS, by_people, made, operator, wish};
use crate::on_postgres;
use crate::organization::{at, done, join, known, owned_by};
use crate::provider::{call, read};
use crate::support::{Agent, Connected, TestGateway, waits_for_lock};

const NARROW: &str = "UPDATE oauth_server_grants SET scopes = '[\"connections:read\"]'";
const STRIP: &str = "UPDATE core_users SET scopes = '[]'";
const END: &str = "UPDATE oauth_server_grants SET revoked_at = created_at, revoke_reason = 'person'";
const HOLD_ORGANIZATION: &str = "UPDATE organization_organizations SET updated_at = updated_at";
const DEMOTE: &str = "UPDATE organization_member_roles SET role = 'member' WHERE role = 'admin'";
const LOCK_OUT: &str = "UPDATE core_users SET banned_at = created_at WHERE email = 'ada@example.org'";

on_postgres! {
    async fn a_token_for_a_token_is_no_more_than_what_is_left_when_it_is_written(gateway: TestGateway, setup = exchanging()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let front = server(&gateway, &gateway.mcp_url()).await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read demo:step-up").await;
        let host = gateway.gateway.host();
        for (asked, expected) in [(None, "connections:read"), (Some("demo:step-up"), "invalid_scope")] {
            let mut tx = host.db().begin().await.expect("a transaction");
            on!(&mut tx, c => sqlx::query(NARROW).execute(c).await.map(drop)).expect("it does less");
            let (front, subject) = (front.clone(), tokens.access.clone());
            let scope = asked.map(|scope: &str| ("scope", scope));
            let asking = tokio::spawn(async move { exchange(&front, &subject, scope.as_slice()).await });
            waits_for_lock(&gateway, 1, &asking).await;
            tx.commit(host.now()).await.expect("a commit");
            let reply = asking.await.expect("an answer");
            let said = if asked.is_some() { &reply.body["error"] } else { &reply.body["scope"] };
            assert_eq!(said, expected, "{}", reply.body);
        }
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(END).execute(c).await.map(drop)).expect("it ends");
        let (server, subject) = (front.clone(), tokens.access.clone());
        let asking = tokio::spawn(async move { exchange(&server, &subject, &[]).await });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        let reply = asking.await.expect("an answer");
        assert_eq!((reply.status, &reply.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    }
}

on_postgres! {
    async fn a_token_for_a_token_has_nothing_that_the_account_is_losing(gateway: TestGateway, setup = exchanging()) {
        let front = server(&gateway, &gateway.mcp_url()).await;
        let person = gateway.person_with("root@example.org", "admin").await;
        let agent = Connected::of(&gateway, &person, "admin connections:read", None).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(STRIP).execute(c).await.map(drop)).expect("it goes");
        let subject = agent.tokens.access.clone();
        let asking = tokio::spawn(async move { exchange(&front, &subject, &[]).await });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(asking.await.expect("an answer").body["scope"], "connections:read");
    }
}

on_postgres! {
    async fn no_application_is_made_for_an_organization_that_goes(gateway: TestGateway, setup = by_people()) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let mut root = operator(&gateway).await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        let mut wish = wish("Acme notes");
        wish["organization"] = json!(acme.id);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(HOLD_ORGANIZATION).execute(c).await.map(drop)).expect("it is held");
        let deleting = tokio::spawn(async move { done(&mut of_ada, &at("acme", "/delete"), json!({})).await });
        waits_for_lock(&gateway, 1, &deleting).await;
        let making = tokio::spawn(async move { call(&mut of_bob, "/auth/clients/create", wish).await });
        waits_for_lock(&gateway, 2, &making).await;
        tx.commit(host.now()).await.expect("a commit");
        deleting.await.expect("an answer");
        making.await.expect("an answer");
        let left = read(&mut root, "/auth/clients?all=true").await.1;
        assert_eq!(left["clients"], json!([]), "nothing of it is left");
    }
}

on_postgres! {
    async fn whoever_loses_the_right_at_that_moment_manages_nothing_more(gateway: TestGateway, setup = by_people()) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let mut new = wish("Acme notes");
        new["organization"] = json!(acme.id);
        let (id, _) = made(&mut of_ada, new.clone()).await;
        let acts: [(&str, Value, &str); 4] = [
            ("/auth/clients/create", new, "client.not_yours"),
            ("/auth/clients/update", json!({ "client_id": id, "redirect_uris": [HTTPS, "https://evil.example/cb"] }), "client.unknown"),
            ("/auth/clients/rotate-secret", json!({ "client_id": id }), "client.unknown"),
            ("/auth/clients/delete", json!({ "client_id": id }), "client.unknown"),
        ];
        let host = gateway.gateway.host();
        for (path, body, code) in acts {
            join(&gateway, acme.id, bob.id, "admin").await;
            let mut tx = host.db().begin().await.expect("a transaction");
            on!(&mut tx, c => sqlx::query(HOLD_ORGANIZATION).execute(c).await.map(drop)).expect("it is held");
            on!(&mut tx, c => sqlx::query(DEMOTE).execute(c).await.map(drop)).expect("it is lost");
            let mut browser = of_bob.clone();
            let asking = tokio::spawn(async move { call(&mut browser, path, body).await });
            waits_for_lock(&gateway, 1, &asking).await;
            tx.commit(host.now()).await.expect("a commit");
            let (status, said) = asking.await.expect("an answer");
            assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!(code)), "{path}");
            done(&mut of_bob, &at("acme", "/leave"), json!({})).await;
        }
        let left = read(&mut of_ada, &format!("/auth/clients?organization={}", acme.id)).await.1;
        assert_eq!((&left["clients"][0]["redirect_uris"], &left["clients"][1]), (&json!([HTTPS]), &Value::Null));
    }
}

on_postgres! {
    async fn an_agent_makes_nothing_for_a_person_who_goes(gateway: TestGateway, setup = by_people()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let agent = Connected::of(&gateway, &ada, "clients:write", None).await;
        agent.is_let_in().await;
        let mut root = operator(&gateway).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(LOCK_OUT).execute(c).await.map(drop)).expect("they go");
        let asking = tokio::spawn(async move {
            agent.modern().call("create_client", json!({ "name": "Nightly", "redirect_uris": [HTTPS] })).await
        });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        let reply = asking.await.expect("an answer");
        assert_eq!(reply.body["result"]["structuredContent"]["error"], "client.not_yours", "{}", reply.body);
        assert_eq!(read(&mut root, "/auth/clients?all=true").await.1["clients"][0]["client_name"], "Suite agent");
    }
}
