//! Authorization requests that clients send ahead (RFC 9126).

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::machines::Machine;
use super::{assert_page_alone, assert_refused};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Page, Reply, Setup, TestGateway, Tokens, changed, unescape};

const WEB: [&str; 3] = ["--confidential", "--redirect-uri", "https://web.example/callback"];

fn allowed() -> Setup {
    Setup::default().config("[plugins.oauth-server]\npushed_requests = \"allowed\"")
}

fn required() -> Setup {
    Setup::default().config("[plugins.oauth-server]\npushed_requests = \"required\"")
}

async fn push(agent: &Agent, parameters: &[(String, String)]) -> Reply {
    let fields: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    agent.post("/par", &fields).await
}

/// Sends a request ahead: its reference.
async fn pushed(agent: &Agent, parameters: &[(String, String)]) -> String {
    let reply = push(agent, parameters).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    assert_eq!(
        (&reply.body["expires_in"], reply.headers["cache-control"].to_str().expect("a text")),
        (&json!(60), "no-store")
    );
    let reference = reply.body["request_uri"].as_str().expect("a reference").to_owned();
    assert!(reference.starts_with("urn:ietf:params:oauth:request_uri:"), "{reference}");
    reference
}

/// The address a browser is sent to.
fn address(agent: &Agent, reference: &str) -> String {
    let query = [("client_id", agent.client_id.as_str()), ("request_uri", reference)];
    Url::parse_with_params(&format!("{}/authorize", agent.base), &query).expect("an address").into()
}

/// A browser follows the address as far as a page.
async fn open(browser: &mut Browser, address: &str) -> Page {
    let first = browser.get(address).await;
    if first.status != StatusCode::SEE_OTHER {
        return first;
    }
    let onward = first.location();
    assert!(onward.starts_with("/authorize?client_id=") && !onward.contains("request_uri"), "{onward}");
    browser.get(&onward).await
}

on_both_engines! {
    async fn a_request_that_was_sent_ahead_is_answered_as_it_was_sent(gateway: TestGateway, setup = required()) {
        let agent = Agent::register(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let reference = pushed(&agent, &agent.authorization("connections:read")).await;
        // What stands in the address besides says nothing.
        let spoilt = format!("{}&scope=admin&redirect_uri=https%3A%2F%2Fevil.example&state=other", address(&agent, &reference));
        let page = open(&mut ada, &spoilt).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let shown = unescape(&page.body);
        assert!(shown.contains("connections:read") && !shown.contains("evil.example") && !shown.contains("<code>admin</code>"), "{shown}");
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        assert!(answer.location().starts_with(&agent.redirect_uri), "{}", answer.location());
        assert_eq!(answer.sent_parameter("state").as_deref(), Some("state-of-the-suite"));
        let tokens = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_reference_is_used_once_in_time_and_by_its_client(gateway: TestGateway, setup = allowed()) {
        let (agent, other) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let mut ada = gateway.signed_in("ada@example.org").await;
        let reference = pushed(&agent, &agent.authorization("")).await;
        let refused = "This request was used before, has waited too long, or is another agent";
        assert_page_alone(&open(&mut ada, &address(&other, &reference)).await, refused);
        assert_eq!(open(&mut ada, &address(&agent, &reference)).await.status, StatusCode::OK);
        assert_page_alone(&open(&mut ada, &address(&agent, &reference)).await, refused);
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        assert_page_alone(&open(&mut mallory, &address(&agent, &reference)).await, refused);
        for wrong in ["urn:ietf:params:oauth:request_uri:blg_in_junk", "https://evil.example/request.jwt", "x"] {
            assert_page_alone(&open(&mut ada, &address(&agent, wrong)).await, refused);
        }
        let late = pushed(&agent, &agent.authorization("")).await;
        gateway.clock.advance(Duration::from_secs(60));
        assert_page_alone(&open(&mut ada, &address(&agent, &late)).await, refused);
        // Of many at once one is first.
        let reference = pushed(&agent, &agent.authorization("")).await;
        let at = address(&agent, &reference);
        let request = || agent.client.get(&at).send();
        let answers = futures::future::join_all((0..6).map(|_| request())).await;
        let first = answers.into_iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SEE_OTHER));
        assert_eq!(first.count(), 1);
    }
}

on_both_engines! {
    async fn a_stranger_signs_in_and_comes_back_to_what_was_sent_ahead(gateway: TestGateway, setup = required()) {
        gateway.person("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let reference = pushed(&agent, &agent.authorization("")).await;
        let mut ada = gateway.browser();
        let sent = open(&mut ada, &address(&agent, &reference)).await;
        assert!(sent.location().starts_with("/auth/signin?return_to="), "{}", sent.location());
        let location = Url::parse(&gateway.url).and_then(|base| base.join(&sent.location())).expect("an address");
        let onward = location.query_pairs().find(|(name, _)| name == "return_to").expect("a way back").1.into_owned();
        gateway.clock.advance(Duration::from_secs(300));
        ada.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let page = ada.get(&onward).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
    }
}

on_both_engines! {
    async fn what_could_not_be_asked_is_refused_when_it_is_sent_ahead(gateway: TestGateway, setup = allowed()) {
        let agent = Agent::register(&gateway).await;
        let with = |name: &str, value: Option<&str>| changed(agent.authorization(""), name.to_owned(), value.map(str::to_owned));
        for (parameters, code) in [
            (with("redirect_uri", Some("https://evil.example/callback")), "invalid_request"),
            (with("code_challenge", None), "invalid_request"),
            (with("code_challenge_method", Some("plain")), "invalid_request"),
            (with("response_type", Some("token")), "unsupported_response_type"),
            (with("scope", Some("unheard:of")), "invalid_scope"),
            (with("resource", Some("https://elsewhere.example")), "invalid_target"),
            (with("request_uri", Some("urn:ietf:params:oauth:request_uri:x")), "invalid_request"),
        ] {
            assert_refused(&push(&agent, &parameters).await, StatusCode::BAD_REQUEST, code);
        }
        assert_refused(&push(&agent, &with("client_id", None)).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_refused(&push(&agent, &with("client_id", Some("cli_none"))).await, StatusCode::UNAUTHORIZED, "invalid_client");
    }
}

on_both_engines! {
    async fn a_client_with_a_secret_shows_it_and_nothing_of_it_is_kept(gateway: TestGateway, setup = allowed()) {
        let web = Machine::made(&gateway, &WEB).await;
        let agent = Agent { redirect_uri: "https://web.example/callback".to_owned(), ..web.agent.clone() };
        let parameters = agent.authorization("");
        assert_refused(&push(&agent, &parameters).await, StatusCode::UNAUTHORIZED, "invalid_client");
        let with_secret = changed(parameters.clone(), "client_secret".to_owned(), Some(web.secret.clone()));
        let reference = pushed(&agent, &with_secret).await;
        let other = Agent::register(&gateway).await;
        let request = agent.client.post(gateway.at("/par")).basic_auth(&agent.client_id, Some(&web.secret));
        let reply = Reply::read(request.form(&other.authorization("")).send().await.expect("an answer")).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_request");
        let sql = "SELECT query FROM oauth_server_pushed";
        let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
        let kept = belgie_api::on!(&mut conn, c => sqlx::query_scalar::<_, String>(sql).fetch_all(c).await).expect("rows");
        assert!(kept.len() == 1 && !kept[0].contains(&web.secret) && !kept[0].contains("client_secret"), "{kept:?}");
        let mut ada = gateway.signed_in("ada@example.org").await;
        assert_eq!(open(&mut ada, &address(&agent, &reference)).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn where_requests_must_be_sent_ahead_no_other_is_answered(gateway: TestGateway, setup = required()) {
        let agent = Agent::register(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_page_alone(&page, "Agents send their requests ahead here");
        let guess = format!("/authorize?client_id={}&belgie_request=blg_in_junk", agent.client_id);
        assert_page_alone(&ada.get(&guess).await, "This request was used before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_whether_requests_may_or_must_be_sent_ahead() {
    for (setup, is_there, must) in
        [(Setup::default(), false, false), (allowed(), true, false), (required(), true, true)]
    {
        let gateway = setup.start(crate::support::Engine::Sqlite).await;
        let answer = reqwest::get(gateway.at("/.well-known/oauth-authorization-server")).await.expect("an answer");
        let document: Value = answer.json().await.expect("JSON");
        let endpoint = is_there.then(|| json!(gateway.at("/par")));
        assert_eq!(document.get("pushed_authorization_request_endpoint"), endpoint.as_ref());
        assert_eq!(document.get("require_pushed_authorization_requests"), is_there.then(|| json!(must)).as_ref());
        let status = reqwest::Client::new().post(gateway.at("/par")).send().await.expect("an answer").status();
        assert_eq!(status == StatusCode::NOT_FOUND, !is_there);
    }
}
