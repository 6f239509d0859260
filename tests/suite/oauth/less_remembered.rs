//! What is remembered is made to allow less, and never more; what is connected by it does less with it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::assert_refused;
use super::machines::create;
use crate::on_both_engines;
use crate::organization::{done, known, owned_by, refused};
use crate::provider::read;
use crate::support::{Agent, Browser, Form, Page, TestGateway, Tokens, unescape};
use crate::team::{enter, team_of};

const BOTH: &str = "connections:read demo:step-up";
const HTTPS: &str = "https://agent.example/callback";
const NARROW: &str = "/auth/consents/narrow";

/// What is remembered of a person.
async fn remembered(browser: &mut Browser) -> Vec<Value> {
    let (status, said) = read(browser, "/auth/consents").await;
    assert_eq!(status, StatusCode::OK, "{said}");
    said["consents"].as_array().expect("a list").clone()
}

fn id_of(consent: &Value) -> &str {
    consent["id"].as_str().expect("an id")
}

async fn asked(agent: &Agent, browser: &mut Browser, scope: &str) -> Page {
    browser.get(&agent.authorize_url(&agent.authorization(scope))).await
}

/// Lets an agent in for an organization, or for the person alone.
async fn let_in(agent: &Agent, browser: &mut Browser, scope: &str, whom: &str) -> Tokens {
    let page = asked(agent, browser, scope).await;
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", whom)]).await;
    Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await)
}

/// The form of a page, without the ticks at this value.
fn without(page: &Page, path: &str, left_out: &str) -> Form {
    let mut form = page.form(path);
    form.fields.retain(|(name, value)| !["scope", "team"].contains(&name.as_str()) || value != left_out);
    form
}

on_both_engines! {
    async fn what_is_taken_from_it_is_asked_again_and_taken_from_what_is_connected(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let other = Agent::register_with(&gateway, HTTPS).await;
        let tokens = let_in(&agent, &mut of_ada, BOTH, "none").await;
        let others = let_in(&other, &mut of_ada, BOTH, "none").await;
        let url = gateway.mcp_url();
        let step_up = async |agent: &Agent, token: &str| agent.modern(&url, token).call("step_up", json!({})).await.status;
        assert_eq!(step_up(&agent, &tokens.access).await, StatusCode::OK);
        // A second connection by the same answer, which has nothing but what is taken away.
        let answer = asked(&agent, &mut of_ada, "demo:step-up").await;
        let second = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);

        let before = remembered(&mut of_ada).await.into_iter().find(|one| one["client_id"] == agent.client_id).expect("it");
        let path = format!("/account/consents/{}", id_of(&before));
        assert!(unescape(&of_ada.get("/account").await.body).contains(&format!("href=\"{path}\"")));
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("What it is connected with now does less, too"), "{}", page.body);
        let saved = of_ada.submit(&without(&page, &path, "demo:step-up"), &[]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        assert_ne!(saved.location(), path, "an answer never changes: another has taken its place");
        assert_eq!(of_ada.get(&path).await.status, StatusCode::NOT_FOUND);
        assert!(!of_ada.get(&saved.location()).await.body.contains("demo:step-up"));
        let after = remembered(&mut of_ada).await.into_iter().find(|one| one["client_id"] == agent.client_id).expect("it");
        assert_eq!((&after["scopes"], &after["created_at"]), (&json!(["connections:read", "offline_access"]), &before["created_at"]));

        assert_eq!(step_up(&agent, &tokens.access).await, StatusCode::FORBIDDEN, "the very next call");
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        assert_eq!(agent.whoami(&second.access).await.status, StatusCode::UNAUTHORIZED, "nothing was left of it");
        assert_refused(&agent.refresh(&second.refresh).await, StatusCode::BAD_REQUEST, "invalid_grant");
        assert_eq!(step_up(&other, &others.access).await, StatusCode::OK, "another agent is none of it");
        assert_eq!(asked(&agent, &mut of_ada, "connections:read").await.status, StatusCode::SEE_OTHER, "it is remembered");
        for scope in [BOTH, "demo:step-up"] {
            assert!(asked(&agent, &mut of_ada, scope).await.body.contains("Let this agent act for you?"), "{scope}");
        }
        let acts = gateway.gateway.identity().acts(Some(ada.id), 50).await.expect("the record");
        let act = acts.iter().find(|act| act.action == "consent.narrowed" && act.ip.is_some()).expect("on record");
        assert_eq!((&act.details["removed"], &act.details["narrowed"], &act.details["ended"]), (&json!(["demo:step-up"]), &json!(1), &json!(1)));
        // A yes to more brings it back, by the person's own hand.
        let_in(&agent, &mut of_ada, BOTH, "none").await;
        assert_eq!(asked(&agent, &mut of_ada, BOTH).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn it_never_allows_more_nor_nothing_and_others_do_not_see_it(gateway: TestGateway) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let tokens = let_in(&agent, &mut of_ada, "connections:read", "none").await;
        let id = id_of(&remembered(&mut of_ada).await[0]).to_owned();
        let wider = json!({ "id": id, "scopes": ["connections:read", "demo:step-up", "admin"] });
        let said = done(&mut of_ada, NARROW, wider).await;
        assert_eq!((&said["consent"]["scopes"], &said["connections_narrowed"]), (&json!(["connections:read", "offline_access"]), &json!(0)));
        assert!(asked(&agent, &mut of_ada, "demo:step-up").await.body.contains("Let this agent act for you?"));
        let id = id_of(&said["consent"]).to_owned();
        for nothing in [json!([]), json!(["offline_access"])] {
            let refusal = refused(&mut of_ada, NARROW, json!({ "id": id, "scopes": nothing })).await;
            assert_eq!(refusal, (StatusCode::BAD_REQUEST, "consent.nothing_left".to_owned()));
        }
        let path = format!("/account/consents/{id}");
        let page = of_ada.get(&path).await;
        let nothing = of_ada.submit(&without(&page, &path, "connections:read"), &[]).await;
        assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unescape(&nothing.body).contains("Nothing would be left of it."), "{}", nothing.body);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);

        assert!(remembered(&mut of_eve).await.is_empty());
        let unknown = (StatusCode::NOT_FOUND, "consent.unknown".to_owned());
        for wrong in [id.as_str(), "con_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b", "con_1"] {
            assert_eq!(refused(&mut of_eve, NARROW, json!({ "id": wrong, "scopes": [] })).await, unknown, "{wrong}");
            assert_eq!(refused(&mut of_eve, "/auth/consents/withdraw", json!({ "id": wrong })).await, unknown, "{wrong}");
            assert_eq!(of_eve.get(&format!("/account/consents/{wrong}")).await.status, StatusCode::NOT_FOUND);
        }
        let forged = of_ada.post(&path, &[("scope", "connections:read")]).await;
        assert!(forged.status.is_client_error(), "{}", forged.status);
        done(&mut of_ada, "/auth/consents/withdraw", json!({ "id": id })).await;
        assert!(remembered(&mut of_ada).await.is_empty());
        assert!(asked(&agent, &mut of_ada, "connections:read").await.body.contains("Let this agent act for you?"));
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK, "what is connected goes on");
    }
}

on_both_engines! {
    async fn teams_are_taken_from_it_and_from_what_is_connected_there_and_nowhere_else(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await, team_of(&gateway, acme.id, "blue").await);
        for team in [&red, &blue] {
            enter(&gateway, team.id, ada.id, "member").await;
        }
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let there = let_in(&agent, &mut of_ada, BOTH, &acme.id.to_string()).await;
        let in_rose = let_in(&agent, &mut of_ada, BOTH, &rose.id.to_string()).await;
        let consent = remembered(&mut of_ada).await.into_iter().find(|one| one["organization"] == json!(acme.id)).expect("it");
        let path = format!("/account/consents/{}", id_of(&consent));
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("The red") && page.body.contains("The blue"), "{}", page.body);
        let saved = of_ada.submit(&without(&page, &path, &blue.id.to_string()), &[]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        let seen = agent.whoami(&there.access).await.body["result"]["structuredContent"].clone();
        let slugs: Vec<&Value> = seen["teams"].as_array().expect("teams").iter().map(|team| &team["slug"]).collect();
        assert_eq!(slugs, [&json!("red")], "{seen}");
        let consent = remembered(&mut of_ada).await.into_iter().find(|one| one["organization"] == json!(acme.id)).expect("it");
        assert_eq!(consent["teams"], json!([red.id]));
        let less = json!({ "id": consent["id"], "scopes": ["connections:read"] });
        assert_eq!(done(&mut of_ada, NARROW, less).await["connections_narrowed"], 1);
        let elsewhere = agent.modern(&gateway.mcp_url(), &in_rose.access).call("step_up", json!({})).await;
        assert_eq!(elsewhere.status, StatusCode::OK, "{}", elsewhere.body);
    }
}

on_both_engines! {
    async fn what_was_taken_away_is_asked_though_the_operator_vouches_for_the_client(gateway: TestGateway) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let made = create(&gateway, &["--name", "Board", "--redirect-uri", HTTPS]).await.expect("a client");
        let agent = Agent::known_as(&gateway, made["client_id"].as_str().expect("an id"), HTTPS);
        let tokens = let_in(&agent, &mut of_ada, BOTH, "none").await;
        // It gives its tokens back, and so nothing is connected from which anything could be taken.
        assert_eq!(agent.revoke(&tokens.refresh).await.status, StatusCode::OK);
        let (went_well, said) = gateway.configured_program(&["client", "trust", &agent.client_id]).await;
        assert!(went_well, "{said}");
        assert_eq!(asked(&agent, &mut of_ada, BOTH).await.status, StatusCode::SEE_OTHER);
        let less = json!({ "id": remembered(&mut of_ada).await[0]["id"], "scopes": ["connections:read"] });
        assert_eq!(done(&mut of_ada, NARROW, less).await["connections_narrowed"], 0);
        assert_eq!(asked(&agent, &mut of_ada, "connections:read").await.status, StatusCode::SEE_OTHER);
        assert!(asked(&agent, &mut of_ada, BOTH).await.body.contains("Let this agent act for you?"));
    }
}
