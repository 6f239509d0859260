//! Clients that know people by names of their own (OpenID Connect Core 1.0 section 8.1).

use belgie_api::on;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::Machine;
use super::openid::{ALL, id_token, openid, request, told};
use super::{checked, part};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Reply, Setup, TestGateway, Tokens};

fn signed() -> Setup {
    openid().config("access_token_format = \"jwt\"").with_public_address()
}

pub async fn pairwise(gateway: &TestGateway, redirect_uri: &str) -> Agent {
    let document = json!({
        "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none", "subject_type": "pairwise",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let (agent, said) = Agent::register_document(gateway, &document).await;
    assert_eq!(said["subject_type"], "pairwise");
    agent
}

async fn userinfo(gateway: &TestGateway, token: &str) -> Value {
    let request = reqwest::Client::new().get(gateway.at("/userinfo")).bearer_auth(token);
    Reply::read(request.send().await.expect("an answer")).await.body
}

/// What a client knows the person by, wherever it looks.
async fn known_as(gateway: &TestGateway, agent: &Agent, browser: &mut Browser) -> String {
    let server = Machine::made(gateway, &["--resource-server", &gateway.mcp_url()]).await;
    let reply = told(agent, browser, ALL, &[]).await;
    let id = checked(gateway, id_token(&reply)).await["sub"].as_str().expect("a name").to_owned();
    let access = Tokens::of(&reply).access;
    let introspected = server.post("/introspect", &[("token", access.as_str())]).await.body;
    for (place, sub) in [
        ("userinfo", &userinfo(gateway, &access).await["sub"]),
        ("introspection", &introspected["sub"]),
        ("access token", &part(&access, 1)["sub"]),
    ] {
        assert_eq!(*sub, json!(id), "{place}");
    }
    // It is the same person here, and after a refresh.
    let here = agent.whoami(&access).await;
    assert_eq!(here.status, StatusCode::OK, "{}", here.body);
    let renewed = agent.refresh(&Tokens::of(&reply).refresh).await;
    assert_eq!(part(id_token(&renewed), 1)["sub"], json!(id));
    assert_eq!(part(&Tokens::of(&renewed).access, 1)["sub"], json!(id));
    id
}

on_both_engines! {
    async fn two_clients_cannot_tell_that_they_know_the_same_person(gateway: TestGateway, setup = signed()) {
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        let mut of_bob = gateway.signed_in("bob@example.org").await;
        let first = pairwise(&gateway, "https://one.example/a").await;
        let same_host = pairwise(&gateway, "https://one.example/b").await;
        let other = pairwise(&gateway, "https://two.example/a").await;
        let public = Agent::register_with(&gateway, "https://one.example/c").await;
        let known = known_as(&gateway, &first, &mut of_ada).await;
        assert!(known.len() == 43 && !known.contains("usr_"), "{known}");
        assert_eq!(known_as(&gateway, &first, &mut of_ada).await, known, "the next time, too");
        assert_eq!(known_as(&gateway, &same_host, &mut of_ada).await, known, "one host is one sector");
        assert_ne!(known_as(&gateway, &other, &mut of_ada).await, known);
        assert_ne!(known_as(&gateway, &first, &mut of_bob).await, known);
        assert_eq!(known_as(&gateway, &public, &mut of_ada).await, ada.id.to_string());
    }
}

on_both_engines! {
    async fn a_name_outlives_the_secret_it_was_made_with(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = pairwise(&gateway, "https://one.example/a").await;
        told(&agent, &mut ada, ALL, &[]).await;
        // As if it had been made with an earlier one: with the present one it would be another name.
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        let sql = "UPDATE oauth_server_subjects SET subject = 'made-long-ago'";
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect("one row");
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(part(id_token(&told(&agent, &mut ada, ALL, &[]).await), 1)["sub"], "made-long-ago");
    }
}

on_both_engines! {
    async fn a_hint_with_a_name_of_the_client_means_its_person(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = pairwise(&gateway, "https://one.example/a").await;
        let hint = id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned();
        let more = [("id_token_hint", hint.as_str()), ("prompt", "none")];
        assert!(ada.get(&request(&agent, ALL, &more)).await.sent_parameter("code").is_some());
        let mut bob = gateway.signed_in("bob@example.org").await;
        let asked = bob.get(&request(&agent, ALL, &[("id_token_hint", &hint)])).await;
        assert!(asked.location().starts_with("/auth/signin?"), "{}", asked.location());
        let page = ada.get(&gateway.at(&format!("/logout?id_token_hint={hint}"))).await;
        assert!(page.body.contains("You are signed out"), "{}", page.body);
    }
}

on_both_engines! {
    async fn only_a_client_with_a_place_on_the_web_has_names_of_its_own(gateway: TestGateway, setup = openid()) {
        for wrong in [
            json!({ "redirect_uris": ["http://127.0.0.1/cb"], "subject_type": "pairwise" }),
            json!({ "redirect_uris": ["https://localhost/cb"], "subject_type": "pairwise" }),
            json!({ "redirect_uris": ["https://127.0.0.1:8443/cb"], "subject_type": "pairwise" }),
            json!({ "redirect_uris": ["https://one.example/a", "https://two.example/a"], "subject_type": "pairwise" }),
            json!({ "redirect_uris": ["https://one.example/a"], "subject_type": "secret" }),
            json!({
                "redirect_uris": ["https://one.example/a"], "subject_type": "pairwise",
                "sector_identifier_uri": "https://127.0.0.1/sector.json",
            }),
        ] {
            let answer = reqwest::Client::new().post(gateway.at("/register")).json(&wrong).send().await;
            let reply = Reply::read(answer.expect("an answer")).await;
            assert_eq!((reply.status, &reply.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")), "{wrong}");
        }
        // At the command line, too, whoever it is to belong to.
        gateway.person("ada@example.org").await;
        for owner in [&["--device"][..], &["--device", "--owner", "ada@example.org"]] {
            let line = ["--name", "Television", "--redirect-uri", "https://one.example/a", "--pairwise"];
            let said = super::machines::create(&gateway, &[&line, owner].concat()).await.expect_err("no names on devices");
            assert_eq!(said["error"], "invalid_client_metadata", "{said}");
        }
        let line = ["--name", "Wiki", "--redirect-uri", "https://one.example/a", "--pairwise"];
        assert_eq!(super::machines::create(&gateway, &line).await.expect("a client")["subject_type"], "pairwise");
    }
}
