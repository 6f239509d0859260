//! What a person allows: as much as they tick, remembered until anything grows.

use belgie_api::on;
use belgie_organization::{Actor, OrganizationChanges};
use reqwest::StatusCode;
use serde_json::json;

use super::{assert_invalid_grant, assert_sent_back};
use crate::on_both_engines;
use crate::organization::{at, done, join, known, organizations, owned_by, read};
use crate::support::{Agent, Browser, Form, Page, Setup, TestGateway, Tokens, changed, waits_for_lock};

const BOTH: &str = "connections:read demo:step-up";
const HTTPS: &str = "https://agent.example/callback";

/// The consent page.
async fn page(agent: &Agent, browser: &mut Browser, scope: &str) -> Page {
    browser.get(&agent.authorize_url(&agent.authorization(scope))).await
}

/// The form of the consent page, without the ticks at these scopes.
fn without(page: &Page, scopes: &[&str]) -> Form {
    let mut form = page.form("/authorize");
    form.fields.retain(|(name, _)| !scopes.iter().any(|scope| *name == format!("scope.{scope}")));
    form
}

/// The tokens of an answer that leads back to the client.
async fn tokens(agent: &Agent, answer: &Page) -> (Tokens, String) {
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {} {}", answer.status, answer.body));
    let reply = agent.redeem(&code).await;
    (Tokens::of(&reply), reply.body["scope"].as_str().expect("scopes").to_owned())
}

#[track_caller]
fn assert_asks(page: &Page) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Let this agent act for you?"), "{}", page.body);
}

#[track_caller]
fn assert_let_in(page: &Page) {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(page.sent_parameter("code").is_some(), "{}", page.location());
}

on_both_engines! {
    async fn a_person_gives_as_much_as_they_tick(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let asked = page(&agent, &mut ada, BOTH).await;
        let answer = ada.submit(&without(&asked, &["demo:step-up"]), &[("decision", "allow")]).await;
        let (given, scope) = tokens(&agent, &answer).await;
        assert_eq!(scope, "connections:read");
        let refused = agent.modern(&gateway.mcp_url(), &given.access).call("step_up", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let renewed = agent.refresh(&given.refresh).await;
        assert_eq!(renewed.body["scope"], "connections:read");

        // A tick at what was not asked for is none.
        let asked = page(&agent, &mut ada, "connections:read").await;
        let more = [("decision", "allow"), ("scope.admin", "on"), ("scope.demo:step-up", "on")];
        let answer = ada.submit(&asked.form("/authorize"), &more).await;
        assert_eq!(tokens(&agent, &answer).await.1, "connections:read");
    }
}

on_both_engines! {
    async fn something_must_stay_ticked_and_the_page_can_be_sent_again(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let asked = page(&agent, &mut ada, "connections:read demo:step-up offline_access").await;
        for left in [&["connections:read", "demo:step-up", "offline_access"][..], &["connections:read", "demo:step-up"]] {
            let refused = ada.submit(&without(&asked, left), &[("decision", "allow")]).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
            assert!(refused.body.contains("nothing to allow"), "{}", refused.body);
        }
        let answer = ada.submit(&asked.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(tokens(&agent, &answer).await.1, "connections:read demo:step-up offline_access");
        // Whoever denies need not tick anything.
        let asked = page(&agent, &mut ada, BOTH).await;
        let denied = ada.submit(&without(&asked, &["connections:read", "demo:step-up"]), &[("decision", "deny")]).await;
        assert_sent_back(&agent, &denied, "access_denied");
    }
}

on_both_engines! {
    async fn who_does_not_let_it_stay_connected_gives_no_refresh_token(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let asked = page(&agent, &mut ada, "connections:read offline_access").await;
        let answer = ada.submit(&without(&asked, &["offline_access"]), &[("decision", "allow")]).await;
        let (given, scope) = tokens(&agent, &answer).await;
        assert_eq!((given.refresh.as_str(), scope.as_str()), ("", "connections:read"));
    }
}

on_both_engines! {
    async fn what_was_allowed_is_not_asked_again_until_anything_grows(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nresources = [\"https://api.example.com\"]")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let document = json!({
            "redirect_uris": [HTTPS, "https://elsewhere.example/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        });
        let (agent, _) = Agent::register_document(&gateway, &document).await;
        let silent = |scope: &str| {
            let asked = changed(agent.authorization(scope), "prompt".to_owned(), Some("none".to_owned()));
            agent.authorize_url(&asked)
        };
        assert_eq!(ada.get(&silent(BOTH)).await.status, StatusCode::BAD_REQUEST, "nobody has allowed anything yet");
        let asked = page(&agent, &mut ada, BOTH).await;
        assert_asks(&asked);
        tokens(&agent, &ada.submit(&asked.form("/authorize"), &[("decision", "allow")]).await).await;
        for scope in [BOTH, "connections:read", "demo:step-up"] {
            let again = page(&agent, &mut ada, scope).await;
            assert_let_in(&again);
            assert_eq!(tokens(&agent, &again).await.1, scope);
            assert_let_in(&ada.get(&silent(scope)).await);
        }
        assert_asks(&page(&agent, &mut ada, "connections:read demo:step-up org:read").await);
        let grown = ada.get(&silent("connections:read org:read")).await;
        assert_eq!(grown.sent_parameter("error").as_deref(), Some("consent_required"));
        for (name, value) in [
            ("resource", "https://api.example.com"),
            ("redirect_uri", "https://elsewhere.example/callback"),
            ("prompt", "consent"),
        ] {
            assert_asks(&ada.get(&agent.authorize_url(&changed(agent.authorization(BOTH), name.to_owned(), Some(value.to_owned())))).await);
        }
        // Another person, and another client of the same name, are asked.
        let mut bob = gateway.signed_in("bob@example.org").await;
        assert_asks(&page(&agent, &mut bob, BOTH).await);
        let (other, _) = Agent::register_document(&gateway, &document).await;
        assert_asks(&page(&other, &mut ada, BOTH).await);
        // A no is the last word, and so is a yes to less, in whatever order the request comes.
        assert_let_in(&page(&agent, &mut ada, BOTH).await);
        let asked = ada.get(&agent.authorize_url(&changed(agent.authorization(BOTH), "prompt".to_owned(), Some("consent".to_owned())))).await;
        let refused = ada.submit(&asked.form("/authorize"), &[("decision", "deny")]).await;
        assert_eq!(refused.sent_parameter("error").as_deref(), Some("access_denied"));
        let asked = page(&agent, &mut ada, BOTH).await;
        assert_asks(&asked);
        ada.submit(&asked.form("/authorize"), &[("decision", "allow")]).await;
        // Who leaves a tick out is asked for it again.
        let asked = ada.get(&agent.authorize_url(&changed(agent.authorization(BOTH), "prompt".to_owned(), Some("consent".to_owned())))).await;
        ada.submit(&without(&asked, &["demo:step-up"]), &[("decision", "allow")]).await;
        assert_let_in(&page(&agent, &mut ada, "connections:read").await);
        assert_asks(&page(&agent, &mut ada, BOTH).await);
    }
}

on_both_engines! {
    async fn a_program_on_the_persons_machine_is_asked_about_every_time(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        for redirect_uri in ["http://127.0.0.1:49152/callback", "http://localhost:1/callback", "com.example.agent:/callback", "https://localhost:8443/callback"] {
            let agent = Agent::register_with(&gateway, redirect_uri).await;
            agent.connect(&mut ada, BOTH).await;
            assert_asks(&page(&agent, &mut ada, BOTH).await);
        }
    }
}

on_both_engines! {
    async fn what_is_remembered_for_an_organization_holds_for_one_stay_there(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let chosen = acme.id.to_string();
        let asked = page(&agent, &mut of_bob, "org:read").await;
        of_bob.submit(&asked.form("/authorize"), &[("decision", "allow"), ("organization", &chosen)]).await;
        let (given, _) = tokens(&agent, &page(&agent, &mut of_bob, "org:read").await).await;
        let seen = agent.whoami(&given.access).await.body["result"]["structuredContent"].clone();
        assert_eq!(seen["organization"]["id"], json!(acme.id), "{seen}");
        let record = of_ada.get("/organizations/acme/audit").await.body;
        assert!(record.contains("let an agent act for the organization again, as remembered:"), "{record}");

        // With another organization there is something to choose again.
        let host = belgie_organization::Actor::host();
        let globex = owned_by(&gateway, ada.id, "globex").await;
        join(&gateway, globex.id, bob.id, "member").await;
        assert_asks(&page(&agent, &mut of_bob, "org:read").await);
        organizations(&gateway).remove_member(&host, globex.id, bob.id).await.expect("gone again");
        tokens(&agent, &page(&agent, &mut of_bob, "org:read").await).await;

        organizations(&gateway).remove_member(&host, acme.id, bob.id).await.expect("he is gone");
        assert_asks(&page(&agent, &mut of_bob, "org:read").await);
        join(&gateway, acme.id, bob.id, "member").await;
        let asked = page(&agent, &mut of_bob, "org:read").await;
        assert_asks(&asked);
        // Allowed for himself as well, nobody knows which of the two is meant.
        of_bob.submit(&asked.form("/authorize"), &[("decision", "allow"), ("organization", &chosen)]).await;
        let asked = changed(agent.authorization("org:read"), "prompt".to_owned(), Some("consent".to_owned()));
        let asked = of_bob.get(&agent.authorize_url(&asked)).await;
        of_bob.submit(&asked.form("/authorize"), &[("decision", "allow"), ("organization", "none")]).await;
        assert_asks(&page(&agent, &mut of_bob, "org:read").await);
    }
}

on_both_engines! {
    async fn what_is_remembered_is_seen_and_withdrawn_and_falls_with_the_connection(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let given = agent.connect(&mut ada, BOTH).await;
        assert_let_in(&page(&agent, &mut ada, BOTH).await);
        let account = ada.get("/account").await;
        assert!(account.body.contains("agent.example"), "{}", account.body);
        let form = account.form("/account/consents/withdraw");
        // Nobody else's.
        let mut bob = gateway.signed_in("bob@example.org").await;
        let mut forged = bob.get("/account/tokens/new").await.form("/account/tokens/new");
        forged.fields.retain(|(name, _)| name.contains("csrf"));
        forged.action.clone_from(&form.action);
        let refused = bob.submit(&forged, &[("consent_id", &form.value("consent_id"))]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.body);
        assert_let_in(&page(&agent, &mut ada, BOTH).await);

        assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
        assert_asks(&page(&agent, &mut ada, BOTH).await);
        assert_eq!(agent.whoami(&given.access).await.status, StatusCode::OK, "what was given goes on");
        agent.connect(&mut ada, BOTH).await;
        assert_let_in(&page(&agent, &mut ada, BOTH).await);
        let form = ada.get("/account").await.form("/account/connections/revoke");
        ada.submit(&form, &[]).await;
        assert_asks(&page(&agent, &mut ada, BOTH).await);
    }
}

on_both_engines! {
    async fn nothing_is_remembered_where_the_operator_wants_it_so(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nremember_consent = false")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        agent.connect(&mut ada, BOTH).await;
        assert_asks(&page(&agent, &mut ada, BOTH).await);
    }
}

on_both_engines! {
    async fn an_organization_that_cuts_an_agent_off_forgets_what_is_allowed_there_alone(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let host = belgie_organization::Actor::host();
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let mut codes = Vec::new();
        for slug in ["acme", "globex"] {
            let id = owned_by(&gateway, ada.id, slug).await.id;
            join(&gateway, id, bob.id, "member").await;
            let whom = id.to_string();
            let mut code = async || {
                let asked = changed(agent.authorization("org:read"), "prompt".to_owned(), Some("consent".to_owned()));
                let asked = of_bob.get(&agent.authorize_url(&asked)).await;
                let chosen = [("decision", "allow"), ("organization", whom.as_str())];
                let answer = of_bob.submit(&asked.form("/authorize"), &chosen).await;
                answer.sent_parameter("code").expect("a code")
            };
            let redeemed = agent.redeem(&code().await).await;
            codes.push((id, Tokens::of(&redeemed), code().await));
        }
        let [(acme, _, of_acme), (globex, in_globex, of_globex)] = &codes[..] else { panic!("two") };
        let agents = read(&mut of_ada, &at("acme", "/agents")).await.1;
        done(&mut of_ada, &at("acme", "/agents/disconnect"), json!({ "agent": agents["agents"][0]["id"] })).await;
        assert_eq!(agent.redeem(of_acme).await.body["error"], "invalid_grant", "what was allowed at acme is over");
        assert_eq!(agent.redeem(of_globex).await.status, StatusCode::OK, "acme has no say elsewhere");
        assert_eq!(agent.whoami(&in_globex.access).await.status, StatusCode::OK);

        // What is remembered for globex is, too: without acme there is nothing to choose.
        organizations(&gateway).remove_member(&host, *acme, bob.id).await.expect("gone");
        let (given, _) = tokens(&agent, &page(&agent, &mut of_bob, "org:read").await).await;
        let seen = agent.whoami(&given.access).await.body["result"]["structuredContent"].clone();
        assert_eq!(seen["organization"]["id"], json!(globex), "{seen}");
        organizations(&gateway).remove_member(&host, *globex, bob.id).await.expect("gone");
        assert_asks(&page(&agent, &mut of_bob, "org:read").await);
    }
}

const WITHDRAW: &str = "DELETE FROM oauth_server_consents";

on_both_engines! {
    async fn what_is_withdrawn_at_that_moment_lets_nobody_in(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        agent.connect(&mut ada, BOTH).await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(WITHDRAW).execute(c).await.map(drop)).expect("it goes");
        let address = agent.authorize_url(&agent.authorization(BOTH));
        let mut other = ada.clone();
        let asking = tokio::spawn(async move { other.get(&address).await });
        waits_for_lock(&gateway, 1, &asking).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_asks(&asking.await.expect("an answer"));
    }
}

on_both_engines! {
    async fn an_address_that_is_given_up_and_taken_back_is_asked_about_again(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let own = gateway.at("/o/acme/mcp");
        let asked = changed(agent.authorization("connections:read"), "resource".to_owned(), Some(own.clone()));
        let url = agent.authorize_url(&asked);
        let page = of_ada.get(&url).await;
        assert_asks(&page);
        assert_let_in(&of_ada.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", &acme.id.to_string())]).await);
        let known = of_ada.get(&url).await;
        assert_let_in(&known);
        for slug in ["apex", "acme"] {
            let changes = OrganizationChanges { slug: Some(slug.to_owned()), ..OrganizationChanges::default() };
            organizations(&gateway).update(&Actor::host(), acme.id, changes).await.expect("renamed");
        }
        assert_asks(&of_ada.get(&url).await);
        let code = known.sent_parameter("code").expect("a code");
        assert_invalid_grant(&agent.redeem_with(&code, "resource", Some(&own)).await);
    }
}
