//! Connections that a person looks at closely, and lets do less.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use super::{assert_refused, signing};
use crate::on_both_engines;
use crate::organization::{known, owned_by};
use crate::support::{Agent, Browser, Connected, Form, Page, TestGateway, Tokens, unescape};
use crate::team::{enter, team_of};

const BOTH: &str = "connections:read demo:step-up";
const HTTPS: &str = "https://agent.example/callback";
/// How soon every other process must know.
const PROMISED: Duration = Duration::from_secs(1);
/// More calls than are read at once for the page of a connection.
const MANY: usize = 501;

/// The address of the page of the newest connection, as the account page links to it.
async fn address(browser: &mut Browser) -> String {
    let page = browser.get("/account").await;
    let (_, rest) = page.body.split_once("href=\"/account/connections/").expect("a link to the connection");
    format!("/account/connections/{}", rest.split('"').next().expect("an id"))
}

/// The form of the page, without the ticks at these values.
fn without(page: &Page, path: &str, left_out: &[&str]) -> Form {
    let mut form = page.form(path);
    form.fields
        .retain(|(name, value)| !["scope", "team"].contains(&name.as_str()) || !left_out.contains(&value.as_str()));
    form
}

/// Lets the newest connection do without some of what it may.
pub async fn narrow(browser: &mut Browser, left_out: &[&str]) -> Page {
    let path = address(browser).await;
    let page = browser.get(&path).await;
    browser.submit(&without(&page, &path, left_out), &[]).await
}

async fn step_up(url: &str, agent: &Agent, token: &str) -> StatusCode {
    agent.modern(url, token).call("step_up", json!({})).await.status
}

/// `elsewhere`: another node, if tokens are good there.
async fn narrows_at_once(gateway: &TestGateway, elsewhere: Option<&TestGateway>) {
    let mut ada = Connected::with_scope(gateway, "ada@example.org", BOTH).await;
    let (agent, token) = (&ada.agent, ada.tokens.access.clone());
    for node in [Some(gateway), elsewhere].into_iter().flatten() {
        assert_eq!(step_up(&node.mcp_url(), agent, &token).await, StatusCode::OK);
    }
    let session = ada.session().await;
    assert_eq!(session.call("echo", json!({ "text": "here" })).await.status, StatusCode::OK);

    let saved = narrow(&mut ada.browser, &["demo:step-up"]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let begin = Instant::now();
    assert_eq!(step_up(&gateway.mcp_url(), &ada.agent, &token).await, StatusCode::FORBIDDEN, "the very next call");
    if let Some(elsewhere) = elsewhere {
        while step_up(&elsewhere.mcp_url(), &ada.agent, &token).await != StatusCode::FORBIDDEN {
            assert!(begin.elapsed() < PROMISED, "still let in elsewhere");
        }
    }
    // What was begun with more is over; the token goes on.
    assert_eq!(session.call("echo", json!({ "text": "here" })).await.status, StatusCode::NOT_FOUND);
    ada.is_let_in().await;

    let page = ada.browser.get("/account").await;
    assert!(!page.body.contains("demo:step-up"), "{}", page.body);
    let more = ada.agent.refresh_with(&ada.tokens.refresh, &[("scope", BOTH)]).await;
    assert_refused(&more, StatusCode::BAD_REQUEST, "invalid_scope");
    let renewed = ada.agent.refresh(&ada.tokens.refresh).await;
    assert_eq!(renewed.body["scope"], "connections:read");
    let renewed = Tokens::of(&renewed);
    assert_eq!(step_up(&gateway.mcp_url(), &ada.agent, &renewed.access).await, StatusCode::FORBIDDEN);
    let acts = gateway.gateway.identity().acts(Some(ada.person.id), 50).await.expect("the record");
    assert!(acts.iter().any(|act| act.action == "connection.narrowed" && act.ip.is_some()));
}

on_both_engines! {
    async fn a_connection_does_less_from_the_next_call_on_at_every_node(gateway: TestGateway) {
        let elsewhere = gateway.elsewhere(false).await;
        narrows_at_once(&gateway, Some(&elsewhere)).await;
    }
}

on_both_engines! {
    // Without a configured address a signed token is good at the port alone that it names.
    async fn a_signed_token_does_less_as_well(gateway: TestGateway, setup = signing()) {
        narrows_at_once(&gateway, None).await;
    }
}

on_both_engines! {
    async fn nobody_makes_it_do_more_or_nothing_and_others_do_not_see_it(gateway: TestGateway) {
        let mut ada = Connected::with_scope(&gateway, "ada@example.org", "connections:read").await;
        let mut eve = gateway.signed_in("eve@example.org").await;
        let path = address(&mut ada.browser).await;
        let form = ada.browser.get(&path).await.form(&path);
        let wider = ada.browser.submit(&form, &[("scope", "connections:read"), ("scope", "demo:step-up"), ("scope", "admin")]).await;
        assert_eq!(wider.status, StatusCode::SEE_OTHER, "{}", wider.body);
        assert_eq!(step_up(&gateway.mcp_url(), &ada.agent, &ada.tokens.access).await, StatusCode::FORBIDDEN);
        let page = ada.browser.get(&path).await;
        for left in [&["connections:read"][..], &["connections:read", "offline_access"]] {
            let nothing = ada.browser.submit(&without(&page, &path, left), &[]).await;
            assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(unescape(&nothing.body).contains("Nothing would be left of it. Disconnect it instead."), "{}", nothing.body);
        }
        ada.is_let_in().await;

        assert_eq!(eve.get(&path).await.status, StatusCode::NOT_FOUND);
        let token = eve.get("/account").await.form("/auth/signout").fields;
        let (_, csrf) = token.into_iter().find(|(name, _)| name == "csrf_token").expect("a token");
        let foreign = eve.post(&path, &[("csrf_token", &csrf), ("scope", "connections:read")]).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.body);
        let forged = ada.browser.post(&path, &[("scope", "connections:read")]).await;
        assert!(forged.status.is_client_error(), "{}", forged.status);
        assert_eq!(ada.browser.get("/account/connections/grt_nowhere").await.status, StatusCode::NOT_FOUND);
        let stranger = gateway.browser().get(&path).await;
        assert!(stranger.location().starts_with("/auth/signin"), "{}", stranger.location());
    }
}

on_both_engines! {
    async fn who_does_less_is_asked_about_again(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, HTTPS).await;
        agent.connect(&mut ada, BOTH).await;
        let path = agent.authorize_url(&agent.authorization(BOTH));
        assert_eq!(ada.get(&path).await.status, StatusCode::SEE_OTHER, "it is remembered");
        narrow(&mut ada, &["demo:step-up"]).await;
        assert!(ada.get(&path).await.body.contains("Let this agent act for you?"));
    }
}

on_both_engines! {
    async fn an_agent_for_all_teams_acts_for_those_that_are_left(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await, team_of(&gateway, acme.id, "blue").await);
        for team in [&red, &blue] {
            enter(&gateway, team.id, ada.id, "member").await;
        }
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let teams = async || {
            let seen = agent.agent.whoami(&agent.tokens.access).await.body["result"]["structuredContent"].clone();
            let teams = seen["teams"].as_array().expect("teams").clone();
            teams.into_iter().map(|team| team["slug"].as_str().expect("a slug").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(teams().await.len(), 2);
        let path = address(&mut of_ada).await;
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("The red") && page.body.contains("The blue"), "{}", page.body);
        let none = of_ada.submit(&without(&page, &path, &[&red.id.to_string(), &blue.id.to_string()]), &[]).await;
        assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
        let saved = of_ada.submit(&without(&page, &path, &[&blue.id.to_string()]), &[]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        assert_eq!(teams().await, ["red"]);
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("The red") && !page.body.contains("The blue"), "{}", page.body);
        // The other team cannot be had back this way.
        let form = page.form(&path);
        let wider = [("team", red.id.to_string()), ("team", blue.id.to_string())];
        let wider: Vec<(&str, &str)> = wider.iter().map(|(name, value)| (*name, value.as_str())).collect();
        of_ada.submit(&form, &[&[("scope", "connections:read")], wider.as_slice()].concat()).await;
        assert_eq!(teams().await, ["red"]);
        let renewed = Tokens::of(&agent.agent.refresh(&agent.tokens.refresh).await);
        assert_eq!(agent.agent.whoami(&renewed.access).await.body["result"]["structuredContent"]["teams"][0]["slug"], "red");
    }
}

on_both_engines! {
    async fn the_page_says_which_tools_an_agent_has_used(gateway: TestGateway) {
        let mut ada = Connected::with_scope(&gateway, "ada@example.org", "connections:read").await;
        let path = address(&mut ada.browser).await;
        assert!(ada.browser.get(&path).await.body.contains("It has used no tool."));
        ada.call().await;
        ada.call().await;
        assert_eq!(step_up(&gateway.mcp_url(), &ada.agent, &ada.tokens.access).await, StatusCode::FORBIDDEN);
        let other = ada.through_another_agent(&gateway).await;
        other.agent.whoami(&other.tokens.access).await;
        let page = ada.browser.get(&path).await;
        assert!(page.body.contains("<code>echo</code>") && page.body.contains("2 calls"), "{}", page.body);
        assert!(!page.body.contains("<code>whoami</code>") && !page.body.contains("<code>step_up</code>"), "{}", page.body);
        let cut = page.form("/account/connections/revoke");
        assert_eq!(ada.browser.submit(&cut, &[]).await.status, StatusCode::SEE_OTHER);
        ada.is_refused().await;
        assert_eq!(ada.browser.get(&path).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn all_that_a_busy_connection_has_used_is_told(gateway: TestGateway) {
        let mut ada = Connected::with_scope(&gateway, "ada@example.org", "connections:read").await;
        assert_eq!(ada.call().await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(1));
        let mut left = MANY;
        while left > 0 {
            let some = left.min(25);
            let said = join_all((0..some).map(|_| ada.agent.whoami(&ada.tokens.access))).await;
            assert!(said.iter().all(|reply| reply.status == StatusCode::OK));
            left -= some;
        }
        let path = address(&mut ada.browser).await;
        let page = ada.browser.get(&path).await;
        assert!(page.body.contains("<code>echo</code>") && page.body.contains(&format!("{MANY} calls,")), "{}", page.body);
    }
}

on_both_engines! {
    async fn a_busy_connection_hides_nothing_of_a_quiet_one_of_the_same_client(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let [acme, globex] = [owned_by(&gateway, ada.id, "acme").await, owned_by(&gateway, ada.id, "globex").await];
        let quiet = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let path = address(&mut of_ada).await;
        let agent = &quiet.agent;
        let page = of_ada.get(&agent.authorize_url(&agent.authorization("connections:read"))).await;
        let fields = [("decision", "allow"), ("organization", &globex.id.to_string())];
        let answer = of_ada.submit(&page.form("/authorize"), &fields).await;
        let busy = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
        assert_eq!(quiet.call().await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(1));
        let mut left = MANY;
        while left > 0 {
            let some = left.min(25);
            let said = join_all((0..some).map(|_| agent.whoami(&busy.access))).await;
            assert!(said.iter().all(|reply| reply.status == StatusCode::OK));
            left -= some;
        }
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("<code>echo</code>") && page.body.contains("1 call,"), "{}", page.body);
        assert!(!page.body.contains("<code>whoami</code>"), "{}", page.body);
    }
}
