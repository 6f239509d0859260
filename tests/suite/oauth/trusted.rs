//! Clients the operator vouches for: people are let in without a question, where that is safe.

use belgie_api::on;
use jsonwebtoken::Algorithm;
use reqwest::StatusCode;
use serde_json::json;

use super::narrowed::narrow;
use super::own_clients::{HTTPS, by_people, made, operator, wish};
use crate::organization::{done, known, owned_by};
use crate::provider::{call, read};
use crate::support::idp::SigningKey;
use crate::support::{Agent, Browser, Page, TestGateway, Tokens, unescape, waits_for_lock};
use crate::{on_both_engines, on_postgres};

/// An operator vouches for a client with these addresses.
pub async fn trust(root: &mut Browser, id: &str, uris: &[&str]) {
    done(root, "/auth/clients/trust", json!({ "client_id": id, "trusted": true, "redirect_uris": uris })).await;
}

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
        trust(&mut root, &id, &[HTTPS, "http://127.0.0.1/callback"]).await;
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
        for own in ["http://localhost/cb", "https://localhost/cb", "https://127.0.0.1:8443/cb"] {
            let only_local = json!({ "client_name": "Local", "redirect_uris": [own], "confidential": true });
            let (local, _) = made(&mut root, only_local).await;
            let (went_well, said) = gateway.configured_program(&["client", "trust", &local]).await;
            assert!(!went_well && said["error"] == "client.cannot_be_trusted", "{own} {said}");
        }
    }
}

on_both_engines! {
    async fn trust_ends_when_its_owner_changes_what_people_see(gateway: TestGateway, setup = by_people()) {
        let (mut ada, mut root) = (gateway.signed_in("ada@example.org").await, operator(&gateway).await);
        let (id, _) = made(&mut ada, wish("Release notes")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        for change in [
            json!({ "client_id": id, "client_name": "Belgie Support" }),
            json!({ "client_id": id, "redirect_uris": [HTTPS, "https://elsewhere.example/cb"] }),
        ] {
            let (_, said) = read(&mut root, "/auth/clients?all=true").await;
            let uris: Vec<&str> = said["clients"][0]["redirect_uris"].as_array().expect("a list").iter().filter_map(|uri| uri.as_str()).collect();
            trust(&mut root, &id, &uris).await;
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
    async fn trust_ends_when_its_owner_changes_who_it_is_and_nobody_else_is_asked_again(
        gateway: TestGateway,
        setup = by_people().config("openid_connect = true")
    ) {
        let (mut ada, mut eve, mut root) =
            (gateway.signed_in("ada@example.org").await, gateway.signed_in("eve@example.org").await, operator(&gateway).await);
        let keys = |name: &str| json!({ "keys": [SigningKey::new(name, Algorithm::ES256).jwk()] });
        let wish = json!({ "client_name": "Release notes", "redirect_uris": [HTTPS], "jwks": keys("one") });
        let (status, said) = call(&mut ada, "/auth/clients/create", wish).await;
        assert_eq!(status, StatusCode::CREATED, "{said}");
        let id = said["client"]["client_id"].as_str().expect("an id").to_owned();
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        // Eve has allowed it by hand.
        let asked = page(&agent, &mut eve, &[]).await;
        eve.submit(&asked.form("/authorize"), &[("decision", "allow")]).await;
        for change in [
            json!({ "client_id": id, "jwks": keys("two") }),
            json!({ "client_id": id, "post_logout_redirect_uris": ["https://agent.example/bye"] }),
            json!({ "client_id": id, "backchannel_logout_uri": "https://agent.example/told" }),
        ] {
            trust(&mut root, &id, &[HTTPS]).await;
            assert!(page(&agent, &mut ada, &[]).await.sent_parameter("code").is_some());
            let said = done(&mut ada, "/auth/clients/update", change).await;
            assert_eq!(said["client"]["trusted"], false, "{said}");
            assert_asks(&page(&agent, &mut ada, &[]).await);
            assert!(page(&agent, &mut eve, &[]).await.sent_parameter("code").is_some(), "what she was shown is as it was");
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
            assert!(!is_trusted || unescape(&page.body).contains(&format!("<code class=\"address\">{HTTPS}</code>")), "{}", page.body);
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
        trust(&mut root, &id, &[HTTPS]).await;
        let both = [("scope", "connections:read demo:step-up")];
        let code = page(&agent, &mut of_ada, &both).await.sent_parameter("code").expect("a code");
        let tokens = Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
        narrow(&mut of_ada, &["demo:step-up"]).await;
        assert_asks(&page(&agent, &mut of_ada, &both).await);
        let less = page(&agent, &mut of_ada, &[]).await;
        assert_asks(&less);
        let answer = of_ada.submit(&less.form("/authorize"), &[("decision", "allow")]).await;
        let code = answer.sent_parameter("code").expect("a code");
        Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
        let less = page(&agent, &mut of_ada, &[]).await;
        assert!(less.sent_parameter("code").is_some(), "what she let it do by hand needs no question: {}", less.body);
        assert_asks(&page(&agent, &mut of_ada, &both).await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        let form = of_ada.get("/account").await.form("/account/connections/revoke");
        of_ada.submit(&form, &[]).await;
        assert_asks(&page(&agent, &mut of_ada, &[]).await);
    }
}

on_both_engines! {
    async fn operators_vouch_for_what_they_were_shown(gateway: TestGateway, setup = by_people()) {
        const NEXT: &str = "https://elsewhere.example/cb";
        let (mut ada, mut root) = (gateway.signed_in("ada@example.org").await, operator(&gateway).await);
        let (id, _) = made(&mut ada, wish("Release notes")).await;
        let path = format!("/account/clients/{id}/trust");
        let shown = root.get(&path).await.form(&path);
        done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "redirect_uris": [HTTPS, NEXT] })).await;
        let answer = root.submit(&shown, &[]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        let said = unescape(&answer.body);
        assert!(said.contains("has changed since you looked") && said.contains(&format!(">{NEXT}</code>")), "{said}");
        let trusted = async |browser: &mut Browser| read(browser, "/auth/clients?all=true").await.1["clients"][0]["trusted"].clone();
        assert_eq!(trusted(&mut root).await, json!(false));
        // The JSON is held to what it says was shown.
        for (uris, expected) in [(json!([]), false), (json!([HTTPS]), false), (json!([NEXT, HTTPS]), false), (json!([HTTPS, NEXT]), true)] {
            let wish = json!({ "client_id": id, "trusted": true, "redirect_uris": uris });
            let (status, said) = call(&mut root, "/auth/clients/trust", wish).await;
            assert_eq!(status == StatusCode::OK, expected, "{said}");
            assert!(expected || said["error"] == "client.addresses_changed", "{said}");
        }
        // What is shown anew is what is vouched for now.
        done(&mut root, "/auth/clients/trust", json!({ "client_id": id, "trusted": false })).await;
        assert_eq!(root.submit(&answer.form(&path), &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(trusted(&mut root).await, json!(true));
    }
}

on_postgres! {
    async fn addresses_that_change_at_that_moment_are_not_vouched_for(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (id, _) = made(&mut root, wish("Our own")).await;
        let path = format!("/account/clients/{id}/trust");
        let shown = root.get(&path).await.form(&path);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(MOVE).execute(c).await.map(drop)).expect("they change");
        let mut other = root.clone();
        let trusting = tokio::spawn(async move { other.submit(&shown, &[]).await });
        waits_for_lock(&gateway, 1, &trusting).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(trusting.await.expect("an answer").status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(read(&mut root, "/auth/clients").await.1["clients"][0]["trusted"], json!(false));
    }
}

const MOVE: &str = "UPDATE oauth_server_clients SET redirect_uris = '[\"https://evil.example/cb\"]'";

on_both_engines! {
    async fn a_no_goes_before_the_word_of_the_operator_until_the_person_connects_by_hand(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (mut ada, mut eve) = (gateway.signed_in("ada@example.org").await, gateway.signed_in("eve@example.org").await);
        let (id, _) = made(&mut root, wish("Our own")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        // Said before it is trusted, or while it is: a no is a no.
        let asked = page(&agent, &mut ada, &[]).await;
        let answer = ada.submit(&asked.form("/authorize"), &[("decision", "deny")]).await;
        assert_eq!(answer.sent_parameter("error").as_deref(), Some("access_denied"));
        trust(&mut root, &id, &[HTTPS]).await;
        assert_asks(&page(&agent, &mut ada, &[]).await);
        let silent = page(&agent, &mut ada, &[("prompt", "none")]).await;
        let way = silent.headers.get("location").map(|way| way.to_str().expect("a text").to_owned()).unwrap_or_default();
        assert!(!way.contains("code="), "{way}");
        assert!(page(&agent, &mut eve, &[]).await.sent_parameter("code").is_some(), "it is nobody else's no");
        let asked = page(&agent, &mut ada, &[]).await;
        let answer = ada.submit(&asked.form("/authorize"), &[("decision", "allow")]).await;
        assert!(answer.sent_parameter("code").is_some());
        assert!(page(&agent, &mut ada, &[]).await.sent_parameter("code").is_some(), "they let it in by hand");
        let asked = page(&agent, &mut ada, &[("prompt", "consent")]).await;
        ada.submit(&asked.form("/authorize"), &[("decision", "deny")]).await;
        assert_asks(&page(&agent, &mut ada, &[]).await);
    }
}

on_postgres! {
    async fn a_no_at_that_moment_comes_before_the_code(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (id, _) = made(&mut root, wish("Our own")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        trust(&mut root, &id, &[HTTPS]).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(HOLD).execute(c).await.map(drop)).expect("it is held");
        on!(&mut tx, c => sqlx::query(DENY).bind(ada.id).bind(&id).bind(host.now()).execute(c).await.map(drop))
            .expect("a no");
        let mut other = of_ada.clone();
        let address = agent.authorize_url(&agent.authorization("connections:read"));
        let asking = tokio::spawn(async move { other.get(&address).await });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_asks(&asking.await.expect("an answer"));
        assert_asks(&page(&agent, &mut of_ada, &[]).await);
    }
}

const HOLD: &str = "UPDATE core_users SET updated_at = updated_at";
const CUT: &str = "UPDATE oauth_server_grants SET revoked_at = created_at, revoke_reason = 'organization'";
const DENY: &str = "INSERT INTO oauth_server_denials (user_id, client_id, denied_at) VALUES ($1, $2, $3)";

on_postgres! {
    async fn whoever_is_cut_off_at_that_moment_is_asked_about(gateway: TestGateway) {
        let mut root = operator(&gateway).await;
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (id, secret) = made(&mut root, wish("Our own")).await;
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        trust(&mut root, &id, &[HTTPS]).await;
        let code = page(&agent, &mut of_ada, &[]).await.sent_parameter("code").expect("a code");
        Tokens::of(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(CUT).execute(c).await.map(drop)).expect("it ends");
        let address = agent.authorize_url(&agent.authorization("connections:read"));
        let asking = tokio::spawn(async move { of_ada.get(&address).await });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_asks(&asking.await.expect("an answer"));
    }
}
