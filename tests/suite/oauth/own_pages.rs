//! Pages of an application instead of ours, on the way of an authorization request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belgie::oauth_server::{OAuthServer, Steps, Underway};
use belgie_api::{Result, async_trait};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::assert_sent_back;
use super::openid::{ON, request};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Page, Setup, TestGateway, Tokens};

const PAGES: &str = "[plugins.oauth-server.pages]\nlogin_url = \"/app/welcome\"\nsignup_url = \"/app/join?via=agent\"\n\
    select_account_url = \"/app/who\"\npost_login_url = \"/app/terms\"\nconsent_url = \"/app/consent\"";

fn all_pages() -> Setup {
    Setup::default().with_open_sign_up().config(ON).config(PAGES)
}

fn login_alone() -> Setup {
    Setup::default().config(ON).config("[plugins.oauth-server.pages]\nlogin_url = \"https://app.example/welcome\"")
}

/// The handle a browser is sent to a page with.
#[track_caller]
fn handle_at(page: &Page, path: &str) -> String {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let location = page.location();
    let (start, handle) = location.rsplit_once("interaction=").unwrap_or_else(|| panic!("no handle in {location}"));
    assert_eq!(start.trim_end_matches(['?', '&']), path);
    handle.to_owned()
}

/// Asks as a script of a page of this origin.
async fn told(browser: &mut Browser, handle: &str) -> (StatusCode, Value) {
    let address = browser.address(&format!("/auth/interactions?interaction={handle}"));
    let asked = browser.raw().get(address).header("sec-fetch-site", "same-origin");
    let page = browser.send(asked).await;
    assert_eq!(page.headers["cache-control"], "no-store");
    (page.status, serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("JSON, not {}", page.body)))
}

async fn answered(browser: &mut Browser, body: &Value) -> (StatusCode, Value) {
    let request = browser.raw().post(browser.address("/auth/interactions/answer")).json(body);
    let page = browser.send(request.header("sec-fetch-site", "same-origin")).await;
    (page.status, serde_json::from_str(&page.body).expect("JSON"))
}

async fn go_on(browser: &mut Browser, handle: &str) -> Page {
    browser.get(&format!("/authorize/continue?interaction={handle}")).await
}

/// Goes on from a page as far as the next one.
async fn next(browser: &mut Browser, handle: &str) -> Page {
    let onward = go_on(browser, handle).await.location();
    assert!(onward.starts_with("/authorize?"), "{onward}");
    browser.get(&onward).await
}

#[track_caller]
fn code_in(url: &Value) -> String {
    let url = url::Url::parse(url.as_str().expect("an address")).expect("an address");
    url.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("no code in {url}")).1.into_owned()
}

on_both_engines! {
    async fn a_person_goes_through_the_pages_of_an_application(gateway: TestGateway, setup = all_pages()) {
        gateway.person("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let mut ada = gateway.browser();
        let wanted = request(&agent, "openid connections:read", &[("prompt", "select_account"), ("login_hint", "ada@example.org")]);
        let login = handle_at(&ada.get(&wanted).await, "/app/welcome");
        let (status, shown) = told(&mut ada, &login).await;
        assert_eq!((status, &shown["step"], &shown["account"]), (StatusCode::OK, &json!("login"), &Value::Null), "{shown}");
        assert_eq!((&shown["login_hint"], &shown["client"]["id"]), (&json!("ada@example.org"), &json!(agent.client_id)));
        assert_eq!(shown["continue"], format!("/authorize/continue?interaction={login}"));
        assert!(!shown.to_string().contains(&agent.challenge()) && !shown.to_string().contains("state-of-the-suite"), "{shown}");
        // Nobody is signed in: nothing is spent.
        assert_eq!(go_on(&mut ada, &login).await.status, StatusCode::UNAUTHORIZED);
        // The form of the application's page goes where ours does.
        let form = [("email", "ada@example.org"), ("password", PASSWORD), ("csrf_token", shown["csrf_token"].as_str().expect("a token")),
            ("return_to", shown["continue"].as_str().expect("a path"))];
        let signed_in = ada.post("/auth/signin", &form).await;
        assert_eq!(signed_in.location(), shown["continue"], "{}", signed_in.body);
        let select = handle_at(&next(&mut ada, &login).await, "/app/who");
        let (_, shown) = told(&mut ada, &select).await;
        assert_eq!((&shown["step"], &shown["account"]["email"]), (&json!("select_account"), &json!("ada@example.org")), "{shown}");
        let terms = handle_at(&next(&mut ada, &select).await, "/app/terms");
        assert_eq!(told(&mut ada, &terms).await.1["step"], "post_login");
        let consent = handle_at(&next(&mut ada, &terms).await, "/app/consent");
        let (_, shown) = told(&mut ada, &consent).await;
        assert_eq!((&shown["step"], &shown["continue"], &shown["is_new_client"]), (&json!("consent"), &Value::Null, &json!(true)), "{shown}");
        let names: Vec<_> = shown["scopes"].as_array().expect("scopes").iter().map(|scope| scope["name"].clone()).collect();
        assert_eq!(json!(names), json!(["connections:read", "openid"]));
        let (status, answer) = answered(&mut ada, &json!({ "interaction": consent, "decision": "allow", "scope": "connections:read" })).await;
        assert_eq!((status, &answer["redirect"]), (StatusCode::OK, &json!(true)), "{answer}");
        let reply = agent.redeem(&code_in(&answer["url"])).await;
        assert_eq!(reply.body["scope"], "connections:read", "{}", reply.body);
        assert_eq!(agent.whoami(&Tokens::of(&reply).access).await.status, StatusCode::OK);
        // Everything was good once.
        for spent in [&login, &select, &terms] {
            assert_eq!(go_on(&mut ada, spent).await.status, StatusCode::BAD_REQUEST);
            assert_eq!(told(&mut ada, spent).await.0, StatusCode::BAD_REQUEST);
        }
        let (status, again) = answered(&mut ada, &json!({ "interaction": consent, "decision": "allow" })).await;
        assert_eq!((status, &again["error"]), (StatusCode::BAD_REQUEST, &json!("authorize.stale")), "{again}");
    }
}

on_both_engines! {
    async fn a_handle_is_for_one_browser_in_time_and_to_the_letter(gateway: TestGateway, setup = all_pages()) {
        let agent = Agent::register(&gateway).await;
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        ada.get("/account").await;
        let stale = |(status, body): (StatusCode, Value)| (status, body["error"].clone()) == (StatusCode::BAD_REQUEST, json!("interaction.stale"));
        // Somebody begins, and sends the link on.
        let terms = handle_at(&mallory.get(&request(&agent, "openid", &[])).await, "/app/terms");
        assert!(stale(told(&mut ada, &terms).await));
        assert_eq!(go_on(&mut ada, &terms).await.status, StatusCode::BAD_REQUEST);
        let (bare, _) = terms.split_once('.').expect("a signature");
        let changed = format!("{}A", &terms[..terms.len() - 1]);
        let changed = if changed == terms { format!("{}B", &terms[..terms.len() - 1]) } else { changed };
        for wrong in [bare, changed.as_str(), "", ".", "junk.junk"] {
            assert!(stale(told(&mut mallory, wrong).await), "{wrong}");
            assert_eq!(go_on(&mut mallory, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        // Another site's script is not told, whatever it knows.
        let address = mallory.address(&format!("/auth/interactions?interaction={terms}"));
        for site in ["cross-site", "same-site"] {
            let request = mallory.raw().get(&address).header("sec-fetch-site", site);
            assert_eq!(mallory.send(request).await.status, StatusCode::BAD_REQUEST);
        }
        let consent = handle_at(&next(&mut mallory, &terms).await, "/app/consent");
        let forged = mallory.raw().post(mallory.address("/auth/interactions/answer"))
            .json(&json!({ "interaction": consent, "decision": "allow" })).header("sec-fetch-site", "cross-site");
        assert_eq!(mallory.send(forged).await.status, StatusCode::UNAUTHORIZED);
        assert!(stale(told(&mut ada, &consent).await), "a consent of somebody else's");
        let (status, body) = answered(&mut ada, &json!({ "interaction": consent, "decision": "allow" })).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("authorize.stale")));
        let (bare, _) = consent.split_once('.').expect("a signature");
        let (status, body) = answered(&mut mallory, &json!({ "interaction": bare, "decision": "allow" })).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("authorize.stale")), "without its signature");
        // In time.
        let late = handle_at(&mallory.get(&request(&agent, "openid", &[])).await, "/app/terms");
        gateway.clock.advance(Duration::from_secs(901));
        assert_eq!(go_on(&mut mallory, &late).await.status, StatusCode::BAD_REQUEST);
        // Of many at once one is first.
        let one = handle_at(&mallory.get(&request(&agent, "openid", &[])).await, "/app/terms");
        let mut tabs: Vec<_> = (0..6).map(|_| mallory.clone()).collect();
        let answers = futures::future::join_all(tabs.iter_mut().map(|tab| go_on(tab, &one))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count(), 1);
    }
}

on_both_engines! {
    async fn where_somebody_has_been_counts_in_their_session_alone(gateway: TestGateway, setup = all_pages()) {
        let agent = Agent::register(&gateway).await;
        gateway.person("bob@example.org").await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let terms = handle_at(&ada.get(&request(&agent, "openid", &[])).await, "/app/terms");
        let onward = go_on(&mut ada, &terms).await.location();
        // The same link in another session, in the same browser or not, leads to the page again.
        let mut bob = gateway.browser();
        bob.sign_in("bob@example.org", PASSWORD).await;
        handle_at(&bob.get(&onward).await, "/app/terms");
        // Nor does a mark of one request count for another, and none that somebody made.
        let (query, mark) = onward.split_once("&belgie_since=").expect("a mark");
        for made in [format!("{query}&scope2=x&belgie_since={mark}"), format!("{query}&belgie_since={}", mark.replacen('p', "ap", 1)),
            format!("{query}&belgie_since={}", mark.replacen('p', "", 1))] {
            handle_at(&ada.get(&made).await, "/app/terms");
        }
        handle_at(&ada.get(&onward).await, "/app/consent");
        gateway.clock.advance(Duration::from_secs(901));
        // Late, and it counts again from then on.
        let late = handle_at(&ada.get(&onward).await, "/app/terms");
        handle_at(&next(&mut ada, &late).await, "/app/consent");
    }
}

on_both_engines! {
    async fn what_one_person_has_done_is_not_done_by_the_next_in_the_same_browser(gateway: TestGateway, setup = all_pages()) {
        let agent = Agent::register(&gateway).await;
        gateway.person("bob@example.org").await;
        let mut browser = gateway.signed_in("ada@example.org").await;
        let wanted = request(&agent, "openid", &[("prompt", "select_account")]);
        // Ada chooses to be somebody else at the page that is for that, and is at the terms as him.
        let who = handle_at(&browser.get(&wanted).await, "/app/who");
        become_bob(&mut browser).await;
        let terms = handle_at(&next(&mut browser, &who).await, "/app/terms");
        assert_eq!(told(&mut browser, &terms).await.1["account"]["email"], "bob@example.org");
        // Terms that Ada was shown are not accepted by Bob.
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let terms = handle_at(&browser.get(&request(&agent, "openid", &[])).await, "/app/terms");
        become_bob(&mut browser).await;
        handle_at(&next(&mut browser, &terms).await, "/app/terms");
    }
}

async fn become_bob(browser: &mut Browser) {
    let form = browser.get("/auth/signin?other=true").await.form("/auth/signin");
    browser.submit(&form, &[("email", "bob@example.org"), ("password", PASSWORD)]).await.location();
}

on_both_engines! {
    async fn an_operator_in_a_worn_session_is_led_to_no_page(gateway: TestGateway, setup = all_pages()) {
        let agent = Agent::register(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        gateway.person_with("grace@example.org", "admin").await;
        let mut grace = gateway.browser();
        grace.sign_in("grace@example.org", PASSWORD).await;
        let terms = handle_at(&grace.get(&request(&agent, "openid", &[])).await, "/app/terms");
        crate::admin::act(&mut grace, ada.id, "impersonate", &[]).await;
        for page in [grace.get(&request(&agent, "openid", &[])).await, go_on(&mut grace, &terms).await] {
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
            assert!(page.body.contains("Only the person can let an agent in."), "{}", page.body);
        }
    }
}

on_both_engines! {
    async fn an_application_signs_people_in_again_and_makes_accounts(gateway: TestGateway, setup = all_pages()) {
        let agent = Agent::register(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        gateway.clock.advance(Duration::from_secs(60));
        let wanted = request(&agent, "openid", &[("prompt", "login")]);
        let login = handle_at(&ada.get(&wanted).await, "/app/welcome");
        // Whoever comes back without having signed in again is sent there again.
        let again = handle_at(&next(&mut ada, &login).await, "/app/welcome");
        let form = ada.get("/auth/signin?other=true").await.form("/auth/signin");
        ada.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
        handle_at(&next(&mut ada, &again).await, "/app/terms");
        let mut newcomer = gateway.browser();
        let signup = handle_at(&newcomer.get(&request(&agent, "openid", &[("prompt", "create")])).await, "/app/join?via=agent");
        assert_eq!(told(&mut newcomer, &signup).await.1["step"], "signup");
    }
}

on_both_engines! {
    async fn a_page_elsewhere_is_for_signing_in_and_our_own_pages_stay(gateway: TestGateway, setup = login_alone()) {
        let agent = Agent::register(&gateway).await;
        gateway.person("ada@example.org").await;
        let mut ada = gateway.browser();
        let login = handle_at(&ada.get(&request(&agent, "openid", &[])).await, "https://app.example/welcome");
        // It leads on to a page of ours, which leads back.
        let page = ada.get(&format!("/auth/signin?return_to=/authorize/continue?interaction={login}")).await;
        let policy = page.headers["content-security-policy"].to_str().expect("a policy").to_owned();
        assert!(!policy.contains("form-action"), "what follows may end at a client: {policy}");
        let form = page.form("/auth/signin");
        let back = ada.submit(&form, &[("email", "ada@example.org"), ("password", PASSWORD)]).await.location();
        let onward = ada.get(&back).await.location();
        let page = ada.get(&onward).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
    }
}

/// Terms that have to be accepted, and an account that has to be chosen.
#[derive(Clone, Default)]
struct Terms {
    accepted: Arc<AtomicBool>,
    choose: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

#[async_trait]
impl Steps for Terms {
    async fn wants_account_choice(&self, _underway: Underway<'_>) -> Result<bool> {
        Ok(self.choose.load(Ordering::SeqCst))
    }

    async fn wants_post_login(&self, underway: Underway<'_>) -> Result<bool> {
        assert_eq!(underway.caller.user().email, "ada@example.org");
        assert!(underway.scopes.has_named("connections:read") && underway.resources[0].ends_with("/mcp"));
        if self.broken.load(Ordering::SeqCst) {
            return Err(belgie_api::Failure::internal("the terms are lost"));
        }
        Ok(!self.accepted.load(Ordering::SeqCst))
    }
}

async fn run_terms(gateway: TestGateway, terms: Terms) {
    let agent = Agent::register_with(&gateway, "https://agent.example/callback").await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let wanted = request(&agent, "connections:read", &[]);
    let silent = request(&agent, "connections:read", &[("prompt", "none")]);
    // The page alone does not do it: the application is asked again.
    let first = handle_at(&ada.get(&wanted).await, "/app/terms");
    let second = handle_at(&next(&mut ada, &first).await, "/app/terms");
    terms.accepted.store(true, Ordering::SeqCst);
    let page = next(&mut ada, &second).await;
    // What comes up while somebody thinks about the answer counts, and spends nothing.
    terms.accepted.store(false, Ordering::SeqCst);
    let early = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN, "{}", early.body);
    terms.accepted.store(true, Ordering::SeqCst);
    let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
    Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
    // What is remembered does not lead past the pages.
    assert!(ada.get(&silent).await.sent_parameter("code").is_some());
    terms.choose.store(true, Ordering::SeqCst);
    assert_sent_back(&agent, &ada.get(&silent).await, "account_selection_required");
    let who = handle_at(&ada.get(&wanted).await, "/app/who");
    assert!(next(&mut ada, &who).await.sent_parameter("code").is_some(), "it is chosen once for each request");
    terms.choose.store(false, Ordering::SeqCst);
    terms.accepted.store(false, Ordering::SeqCst);
    assert_sent_back(&agent, &ada.get(&silent).await, "interaction_required");
    handle_at(&ada.get(&wanted).await, "/app/terms");
    terms.broken.store(true, Ordering::SeqCst);
    assert_eq!(ada.get(&wanted).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(ada.get(&silent).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

fn with_terms(terms: &Terms) -> Setup {
    let terms = terms.clone();
    Setup::default()
        .config("[plugins.oauth-server.pages]\nselect_account_url = \"/app/who\"\npost_login_url = \"/app/terms\"")
        .build(|builder| builder.plugin(OAuthServer::default().with_steps(terms)))
}

#[tokio::test]
async fn nobody_gets_past_what_the_application_wants_done_sqlite() {
    let terms = Terms::default();
    run_terms(with_terms(&terms).start(crate::support::Engine::Sqlite).await, terms).await;
}

#[tokio::test]
async fn nobody_gets_past_what_the_application_wants_done_postgres() {
    let Some(engine) = crate::support::Engine::postgres().await else { return };
    let terms = Terms::default();
    run_terms(with_terms(&terms).start(engine).await, terms).await;
}

on_both_engines! {
    async fn scripts_are_told_where_a_redirect_would_lead(gateway: TestGateway, setup = Setup::default()) {
        let agent = Agent::register_with(&gateway, "https://agent.example/callback").await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let wanted = request(&agent, "connections:read", &[]);
        agent.connect(&mut ada, "connections:read").await;
        for (name, value) in [("sec-fetch-mode", "cors"), ("accept", "application/json")] {
            let asked = ada.raw().get(&wanted).header(name, value).header("sec-fetch-site", "same-origin");
            let page = ada.send(asked).await;
            let body: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("JSON, not {}", page.body));
            assert_eq!((page.status, &body["redirect"]), (StatusCode::OK, &json!(true)), "{body}");
            assert_eq!(page.headers["cache-control"], "no-store");
            assert!(page.headers.get("access-control-allow-origin").is_none(), "no other site reads it");
            Tokens::of(&agent.redeem(&code_in(&body["url"])).await);
        }
        // A stranger, too, and an error on its way to the client.
        let page = gateway.browser().send(ada.raw().get(&wanted).header("accept", "application/json")).await;
        assert!(page.body.contains("/auth/signin?return_to="), "{}", page.body);
        let wrong = request(&agent, "connections:read", &[("response_mode", "fragment")]);
        let page = ada.send(ada.raw().get(&wrong).header("accept", "application/json")).await;
        assert!(page.body.contains("error=invalid_request"), "{}", page.body);
        // Browsers, and programs that are none, are sent on.
        let mut headers = vec![("accept", "text/html,application/json;q=0.9"), ("accept", "*/*"), ("sec-fetch-mode", "navigate")];
        headers.push(("sec-fetch-mode", "cors"));
        for (name, value) in headers {
            let page = ada.send(ada.raw().get(&wanted).header(name, value)).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{name}: {value}");
        }
        // So is a script that says it reads pages.
        let reads = ada.raw().get(&wanted).header("sec-fetch-mode", "cors").header("sec-fetch-site", "same-origin");
        assert_eq!(ada.send(reads.header("accept", "text/html")).await.status, StatusCode::SEE_OTHER);
    }
}
