//! Clients the operator vouches for: people are let in without a question, where that is safe.

use reqwest::StatusCode;
use serde_json::json;

use super::narrowed::narrow;
use super::own_clients::{HTTPS, by_people, made, operator, wish};
use crate::on_both_engines;
use crate::organization::{done, known, owned_by};
use crate::provider::read;
use crate::support::{Agent, Browser, Page, TestGateway, Tokens};

async fn page(agent: &Agent, browser: &mut Browser, more: &[(&str, &str)]) -> Page {
    let mut asked = agent.authorization("connections:read");
    for (name, value) in more {
        asked.retain(|(known, _)| known != name);
        asked.push(((*name).to_owned(), (*value).to_owned()));
    }
    browser.get(&agent.authorize_url(&asked)).await
}

#[track_caller]
fn assert_asks(page: &Page) {
    assert_eq!(page.status, StatusCode::OK, "{} {:?}", page.body, page.headers.get("location"));
    assert!(page.body.contains("Let this agent act for you?"), "{}", page.body);
}

on_both_engines! {
    async fn a_trusted_client_is_let_in_without_a_question_and_only_where_that_is_safe(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let mut both = wish("Our own");
        both["redirect_uris"] = json!([HTTPS, "http://127.0.0.1/callback"]);
        let (id, secret) = made(&mut root, both).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        assert_asks(&page(&agent, &mut of_ada, &[]).await);
        done(&mut root, "/auth/clients/trust", json!({ "client_id": id, "trusted": true })).await;
        let answer = page(&agent, &mut of_ada, &[]).await;
        let code = answer.sent_parameter("code").expect("a code");
        let tokens = Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        assert!(page(&agent, &mut of_ada, &[("prompt", "none")]).await.sent_parameter("code").is_some());

        let local = Agent::known_as(&gateway, &id, "http://127.0.0.1:7000/callback");
        assert_asks(&page(&local, &mut of_ada, &[]).await);
        assert_asks(&page(&agent, &mut of_ada, &[("prompt", "consent")]).await);
        assert_asks(&page(&agent, &mut root, &[("scope", "admin connections:read")]).await);
        // Who has to choose for whom it acts is asked; where the address says it, nobody has to.
        let acme = owned_by(&gateway, ada.id, "acme").await;
        assert_asks(&page(&agent, &mut of_ada, &[]).await);
        let there = page(&agent, &mut of_ada, &[("resource", &gateway.at("/o/acme/mcp"))]).await;
        assert!(there.sent_parameter("code").is_some(), "{}", there.body);
        let acts = gateway.gateway.identity().acts(Some(ada.id), 50).await.expect("the record");
        assert!(acts.iter().any(|act| act.action == "consent.trusted" && act.organization_id == Some(acme.id)));

        // A stranger is nobody, whoever vouches for the client.
        let stranger = page(&agent, &mut gateway.browser(), &[]).await;
        assert!(stranger.location().starts_with("/auth/signin"), "{}", stranger.location());
        let (went_well, said) = gateway.configured_program(&["client", "distrust", &id]).await;
        assert!(went_well, "{said}");
        assert_asks(&page(&agent, &mut of_ada, &[("resource", &gateway.at("/o/acme/mcp"))]).await);
        let only_local = json!({ "client_name": "Local", "redirect_uris": ["http://localhost/cb"], "confidential": true });
        let (local, _) = made(&mut root, only_local).await;
        let (went_well, said) = gateway.configured_program(&["client", "trust", &local]).await;
        assert!(!went_well && said["error"] == "client.cannot_be_trusted", "{said}");
    }
}

on_both_engines! {
    async fn trust_ends_when_its_owner_changes_what_people_see(gateway: TestGateway, setup = by_people()) {
        let (mut ada, mut root) = (gateway.signed_in("ada@example.org").await, operator(&gateway).await);
        let (id, _) = made(&mut ada, wish("Release notes")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        let trusted = json!({ "client_id": id, "trusted": true });
        for change in [
            json!({ "client_id": id, "client_name": "Belgie Support" }),
            json!({ "client_id": id, "redirect_uris": [HTTPS, "https://elsewhere.example/cb"] }),
        ] {
            done(&mut root, "/auth/clients/trust", trusted.clone()).await;
            assert!(page(&agent, &mut ada, &[]).await.sent_parameter("code").is_some());
            // The operator's own change leaves it, and what nobody sees, too.
            done(&mut root, "/auth/clients/update", json!({ "client_id": id, "client_name": "Ours" })).await;
            done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "scope": "connections:read" })).await;
            assert!(page(&agent, &mut ada, &[]).await.sent_parameter("code").is_some());
            let said = done(&mut ada, "/auth/clients/update", change).await;
            assert_eq!(said["client"]["trusted"], false);
            assert_asks(&page(&agent, &mut ada, &[]).await);
        }
    }
}

on_both_engines! {
    async fn operators_vouch_on_a_page(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (id, _) = made(&mut root, wish("Our own")).await;
        let path = format!("/account/clients/{id}/trust");
        for (words, is_trusted) in [("Trust this application?", true), ("Trust it no more?", false)] {
            let page = root.get(&path).await;
            assert!(page.body.contains(words), "{}", page.body);
            assert_eq!(root.submit(&page.form(&path), &[]).await.status, StatusCode::SEE_OTHER);
            let (_, said) = read(&mut root, "/auth/clients").await;
            assert_eq!(said["clients"][0]["trusted"], json!(is_trusted));
        }
    }
}

on_both_engines! {
    async fn who_took_something_from_a_trusted_client_is_asked_about_it(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (id, secret) = made(&mut root, wish("Our own")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        done(&mut root, "/auth/clients/trust", json!({ "client_id": id, "trusted": true })).await;
        let both = [("scope", "connections:read demo:step-up")];
        let code = page(&agent, &mut of_ada, &both).await.sent_parameter("code").expect("a code");
        let tokens = Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
        narrow(&mut of_ada, &["demo:step-up"]).await;
        assert_asks(&page(&agent, &mut of_ada, &both).await);
        let less = page(&agent, &mut of_ada, &[]).await;
        assert!(less.sent_parameter("code").is_some(), "what is left needs no question: {}", less.body);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        let form = of_ada.get("/account").await.form("/account/connections/revoke");
        of_ada.submit(&form, &[]).await;
        assert_asks(&page(&agent, &mut of_ada, &[]).await);
    }
}
