//! Devices that a person lets in from elsewhere (RFC 8628).

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::create;
use super::openid::openid;
use super::{assert_invalid_grant, assert_refused, assert_shut, checked};
use crate::on_both_engines;
use crate::organization::{known, owned_by};
use crate::support::{Agent, Browser, Page, Reply, Setup, TestGateway, Tokens, unescape};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn with_devices() -> Setup {
    Setup::default().config("[plugins.oauth-server]\ndevice_authorization = true")
}

/// A device with its codes.
const BOTH: &str = "connections:read demo:step-up";

pub struct Device {
    agent: Agent,
    code: String,
    user_code: String,
    begun: Value,
}

/// A client that may be let in on a device.
pub async fn client(gateway: &TestGateway) -> Agent {
    let made = create(gateway, &["--name", "Television", "--device"]).await.expect("a client");
    assert_eq!(made["grant_types"], json!([GRANT, "refresh_token"]));
    Agent::known_as(gateway, made["client_id"].as_str().expect("an id"), "")
}

async fn begin(agent: &Agent, more: &[(&str, &str)]) -> Reply {
    let own = [("client_id", agent.client_id.as_str())];
    let fields: Vec<_> = own.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect();
    agent.post("/device_authorization", &fields).await
}

impl Device {
    pub async fn new(agent: &Agent, more: &[(&str, &str)]) -> Self {
        let reply = begin(agent, more).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let text = |name: &str| reply.body[name].as_str().expect("a text").to_owned();
        Self {
            agent: agent.clone(),
            code: text("device_code"),
            user_code: text("user_code"),
            begun: reply.body.clone(),
        }
    }

    async fn ask(&self) -> Reply {
        self.ask_with(&[]).await
    }

    pub async fn ask_with(&self, more: &[(&str, &str)]) -> Reply {
        let own = [("grant_type", GRANT), ("device_code", &self.code), ("client_id", &self.agent.client_id)];
        let fields: Vec<_> = own.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.agent.post("/token", &fields).await
    }

    /// A person types the code and is asked.
    async fn found(&self, browser: &mut Browser) -> Page {
        let page = typed(browser, &self.user_code).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page
    }

    /// A person types the code and answers.
    pub async fn answer(&self, browser: &mut Browser, decision: &str) -> Page {
        let page = self.found(browser).await;
        browser.submit(&page.form("/authorize"), &[("decision", decision)]).await
    }
}

/// A person types a code.
async fn typed(browser: &mut Browser, code: &str) -> Page {
    let page = browser.get("/device").await;
    browser.submit(&page.form("/device"), &[("user_code", code)]).await
}

#[track_caller]
fn assert_told(reply: &Reply, code: &str) {
    assert_refused(reply, StatusCode::BAD_REQUEST, code);
}

on_both_engines! {
    async fn a_person_lets_a_device_in_by_the_code_it_shows(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[("scope", "connections:read offline_access")]).await;
        assert_eq!(device.begun["verification_uri"], gateway.at("/device"));
        assert_eq!(device.begun["verification_uri_complete"], format!("{}?user_code={}", gateway.at("/device"), device.user_code));
        assert_eq!((&device.begun["expires_in"], &device.begun["interval"]), (&json!(600), &json!(5)));
        assert_told(&device.ask().await, "authorization_pending");

        // A stranger signs in first, and comes back with the code.
        let stranger = gateway.browser().get(&format!("/device?user_code={}", device.user_code)).await;
        assert!(stranger.location().starts_with("/auth/signin?return_to=%2Fdevice%3Fuser_code%3D"), "{}", stranger.location());
        let mut ada = gateway.signed_in("ada@example.org").await;
        let page = ada.get(&format!("/device?user_code={}", device.user_code)).await;
        assert!(page.body.contains("Did somebody send you this code?"), "{}", page.body);
        let page = ada.submit(&page.form("/device"), &[]).await;
        let shown = unescape(&page.body);
        assert!(shown.contains("<q><bdi>Television</bdi></q>") && shown.contains(&device.user_code), "{shown}");
        assert!(shown.contains("Allow it only if you see this code on a device in front of you."), "{shown}");
        let done = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(done.location(), "/device/allowed");
        assert!(ada.get("/device/allowed").await.body.contains("Device connected"));

        let tokens = Tokens::of(&device.ask().await);
        let seen = agent.whoami(&tokens.access).await.body["result"]["structuredContent"].clone();
        assert_eq!((&seen["user"]["email"], &seen["client"]["id"]), (&json!("ada@example.org"), &json!(agent.client_id)));
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert!(ada.get("/account").await.body.contains("Television"));
        // Nothing is remembered: the next device is asked about.
        let next = Device::new(&agent, &[]).await;
        next.found(&mut ada).await;
        assert_told(&next.ask().await, "authorization_pending");
        // The code is spent; whoever brings it again ends what was made of it.
        assert_invalid_grant(&device.ask().await);
        assert_shut(&agent.whoami(&renewed.access).await);
    }
}

on_both_engines! {
    async fn a_device_hears_no_and_never_hears_anything_else(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[]).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        // Two pages are open for one code: the first answer counts.
        let (first, second) = (device.found(&mut ada).await, device.found(&mut ada).await);
        let denied = ada.submit(&first.form("/authorize"), &[("decision", "deny")]).await;
        assert_eq!(denied.location(), "/device/denied");
        let late = ada.submit(&second.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(late.status, StatusCode::BAD_REQUEST);
        for _ in 0..2 {
            assert_told(&device.ask().await, "access_denied");
        }
        assert_eq!(typed(&mut ada, &device.user_code).await.status, StatusCode::BAD_REQUEST);
    }
}

on_both_engines! {
    async fn a_device_that_asks_too_often_is_slowed_down_and_one_that_waits_too_long_is_sent_away(
        gateway: TestGateway,
        setup = with_devices().config("device_code_ttl_seconds = 60")
    ) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[]).await;
        assert_told(&device.ask().await, "authorization_pending");
        assert_told(&device.ask().await, "slow_down");
        gateway.clock.advance(Duration::from_secs(5));
        // Five seconds more, from now on.
        assert_told(&device.ask().await, "slow_down");
        gateway.clock.advance(Duration::from_secs(15));
        assert_told(&device.ask().await, "authorization_pending");
        let mut ada = gateway.signed_in("ada@example.org").await;
        let open = device.found(&mut ada).await;
        gateway.clock.advance(Duration::from_secs(40));
        assert_told(&device.ask().await, "expired_token");
        let late = ada.submit(&open.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(late.status, StatusCode::BAD_REQUEST);
        assert_eq!(typed(&mut ada, &device.user_code).await.status, StatusCode::BAD_REQUEST);
        assert_told(&device.ask().await, "expired_token");
        // One that was let in and asks too late gets nothing either.
        let device = Device::new(&agent, &[]).await;
        device.answer(&mut ada, "allow").await;
        gateway.clock.advance(Duration::from_secs(60));
        assert_told(&device.ask().await, "expired_token");
    }
}

on_both_engines! {
    async fn whoever_tries_codes_soon_may_try_no_more_at_any_node(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[]).await;
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        for _ in 0..9 {
            let page = typed(&mut mallory, "BBBB-BBBB").await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST);
            assert!(page.body.contains("No device waits with this code."), "{}", page.body);
        }
        // Another node counts on, and so does a text that is no code.
        let elsewhere = gateway.elsewhere(false).await;
        let mut there = elsewhere.browser();
        there.sign_in("mallory@example.org", crate::support::gateway::PASSWORD).await;
        assert_eq!(typed(&mut there, "x").await.status, StatusCode::BAD_REQUEST);
        for browser in [&mut mallory, &mut there] {
            assert_eq!(typed(browser, &device.user_code).await.status, StatusCode::TOO_MANY_REQUESTS, "even the right one");
        }
        // Others at the same address may still try, until all of them have tried too often.
        let mut ada = gateway.signed_in("ada@example.org").await;
        device.found(&mut ada).await;
        gateway.clock.advance(Duration::from_secs(900));
        assert_eq!(typed(&mut mallory, "BBBB-BBBB").await.status, StatusCode::BAD_REQUEST);
        for number in 0..5 {
            let mut one = gateway.signed_in(&format!("one-{number}@example.org")).await;
            for _ in 0..10 {
                typed(&mut one, "BBBB-BBBB").await;
            }
        }
        assert_eq!(typed(&mut ada, "BBBB-BBBB").await.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

on_both_engines! {
    async fn a_device_code_is_good_for_its_own_client_alone(gateway: TestGateway, setup = with_devices()) {
        let (agent, other) = (client(&gateway).await, client(&gateway).await);
        let device = Device::new(&agent, &[]).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let thief = Device { agent: other, code: device.code.clone(), user_code: String::new(), begun: Value::Null };
        assert_invalid_grant(&thief.ask().await);
        device.answer(&mut ada, "allow").await;
        assert_invalid_grant(&thief.ask().await);
        for wrong in ["blg_dc_junk", "x", &device.user_code] {
            let guess = Device { agent: agent.clone(), code: wrong.to_owned(), user_code: String::new(), begun: Value::Null };
            assert_invalid_grant(&guess.ask().await);
        }
        assert_told(&device.ask_with(&[("scope", "admin")]).await, "invalid_request");
        assert_told(&device.ask_with(&[("resource", "https://elsewhere.example")]).await, "invalid_target");
        // Of many questions at once one gets the tokens.
        let replies = futures::future::join_all((0..6).map(|_| device.ask())).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
        // A client that was not made for devices, and one that is unknown, do not begin.
        let plain = Agent::register(&gateway).await;
        assert_told(&begin(&plain, &[]).await, "unauthorized_client");
        let nobody = Agent::known_as(&gateway, "cli_none", "");
        assert_refused(&begin(&nobody, &[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        assert_told(&begin(&agent, &[("scope", "unheard:of")]).await, "invalid_scope");
        assert_told(&begin(&agent, &[("resource", "https://elsewhere.example")]).await, "invalid_target");
    }
}

on_both_engines! {
    async fn a_device_acts_for_whom_the_person_says_with_what_they_tick(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let device = Device::new(&agent, &[("scope", "connections:read org:read")]).await;
        let page = device.found(&mut of_ada).await;
        let form = page.form("/authorize");
        let id = acme.id.to_string();
        let answer = [("decision", "allow"), ("organization", id.as_str()), ("scope.connections:read", "")];
        let done = of_ada.submit(&form, &answer).await;
        assert_eq!(done.location(), "/device/allowed", "{}", done.body);
        let reply = device.ask().await;
        assert_eq!((&reply.body["scope"], &reply.body["organization"]), (&json!("org:read"), &json!(acme.id)), "{}", reply.body);
        // Nobody gives away what they have not.
        let admin = Device::new(&agent, &[("scope", "admin")]).await;
        assert_eq!(typed(&mut of_ada, &admin.user_code).await.status, StatusCode::BAD_REQUEST);
    }
}

on_both_engines! {
    async fn what_was_allowed_falls_with_the_session_and_the_account(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[]).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        device.answer(&mut ada, "allow").await;
        ada.post("/auth/signout", &[]).await;
        assert_invalid_grant(&device.ask().await);
        let device = Device::new(&agent, &[]).await;
        ada.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        device.answer(&mut ada, "allow").await;
        let (went_well, said) = gateway.configured_program(&["user", "ban", "--email", "ada@example.org"]).await;
        assert!(went_well, "{said}");
        assert_invalid_grant(&device.ask().await);
    }
}

on_both_engines! {
    async fn what_was_allowed_falls_when_the_agent_is_made_to_do_less(gateway: TestGateway, setup = with_devices()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = client(&gateway).await;
        let (first, second) = (Device::new(&agent, &[("scope", BOTH)]).await, Device::new(&agent, &[("scope", BOTH)]).await);
        first.answer(&mut ada, "allow").await;
        second.answer(&mut ada, "allow").await;
        assert_eq!(first.ask().await.status, StatusCode::OK);
        super::narrowed::narrow(&mut ada, &["demo:step-up"]).await;
        assert_told(&second.ask().await, "invalid_grant");
    }
}

on_both_engines! {
    async fn the_code_people_type_is_stored_nowhere_in_the_clear(gateway: TestGateway, setup = with_devices()) {
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[]).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        device.found(&mut ada).await;
        let bare = device.user_code.replace('-', "");
        let plain = belgie_api::crypto::sha256(bare.as_bytes());
        let (rows, texts) = rows_of(&gateway).await;
        assert_eq!(rows.len(), 1);
        assert!(rows[0] != plain && rows[0] != belgie_api::crypto::sha256(device.user_code.as_bytes()), "a plain hash can be guessed");
        for text in texts {
            assert!(!text.contains(&bare) && !text.contains(&device.user_code) && !text.contains(&device.code), "{text}");
        }
    }
}

/// The hashes of the codes people type, and every request that waits.
async fn rows_of(gateway: &TestGateway) -> (Vec<Vec<u8>>, Vec<String>) {
    use belgie_api::on;
    let db = gateway.gateway.host().db();
    let mut conn = db.read().await.expect("a connection");
    let hashes = on!(&mut conn, c => sqlx::query_scalar::<_, Vec<u8>>("SELECT user_code_hash FROM oauth_server_devices").fetch_all(c).await);
    let sql = "SELECT CAST(request AS TEXT) FROM oauth_server_devices UNION ALL SELECT CAST(request AS TEXT) FROM oauth_server_interactions";
    let texts = on!(&mut conn, c => sqlx::query_scalar::<_, String>(sql).fetch_all(c).await);
    (hashes.expect("rows"), texts.expect("rows"))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_there_are_no_devices() {
    let gateway = Setup::default().start(crate::support::Engine::Sqlite).await;
    let document: Value = reqwest::get(gateway.at("/.well-known/oauth-authorization-server"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(
        document.get("device_authorization_endpoint").is_none()
            && !document["grant_types_supported"].to_string().contains("device")
    );
    let agent = client(&gateway).await;
    let fields =
        [("grant_type", GRANT.to_owned()), ("device_code", "x".to_owned()), ("client_id", agent.client_id.clone())];
    assert_told(&agent.post("/token", &fields).await, "unsupported_grant_type");
    for path in ["/device", "/device/allowed", "/device_authorization"] {
        let status = agent.client.get(gateway.at(path)).send().await.expect("an answer").status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let status = agent.client.post(gateway.at(path)).send().await.expect("an answer").status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let metadata = json!({
        "redirect_uris": ["http://127.0.0.1/cb"], "grant_types": ["authorization_code", GRANT], "token_endpoint_auth_method": "none",
    });
    let (_, registered) = Agent::register_document(&gateway, &metadata).await;
    assert_eq!(registered["grant_types"], json!(["authorization_code"]));
    let gateway = with_devices().start(crate::support::Engine::Sqlite).await;
    let (_, registered) = Agent::register_document(&gateway, &metadata).await;
    assert_eq!(registered["grant_types"], json!(["authorization_code", GRANT]));
    let document: Value = reqwest::get(gateway.at("/.well-known/oauth-authorization-server"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(document["device_authorization_endpoint"], gateway.at("/device_authorization"));
    assert!(document["grant_types_supported"].as_array().expect("a list").contains(&json!(GRANT)));
}

on_both_engines! {
    async fn a_device_is_told_who_let_it_in_and_when_they_proved_to_be_there(
        gateway: TestGateway,
        setup = openid().config("device_authorization = true")
    ) {
        let (_, mut ada) = known(&gateway, "ada@example.org").await;
        let agent = client(&gateway).await;
        let device = Device::new(&agent, &[("scope", "openid email connections:read")]).await;
        gateway.clock.advance(Duration::from_secs(100));
        device.answer(&mut ada, "allow").await;
        let reply = device.ask().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let claims = checked(&gateway, reply.body["id_token"].as_str().expect("an id token")).await;
        assert_eq!((&claims["aud"], &claims["email"]), (&json!(agent.client_id), &json!("ada@example.org")), "{claims}");
        assert_eq!((&claims["iss"], &claims["amr"]), (&json!(gateway.url), &json!(["pwd"])), "{claims}");
        let (proven, made) = (claims["auth_time"].as_i64().expect("a moment"), claims["iat"].as_i64().expect("a moment"));
        assert!((100..200).contains(&(made - proven)), "when the person proved it, not when the device came: {claims}");
        assert!(claims.get("sid").is_none() && claims.get("nonce").is_none(), "{claims}");
        // A refresh tells it again.
        let again = agent.refresh(reply.body["refresh_token"].as_str().expect("a token")).await;
        let later = checked(&gateway, again.body["id_token"].as_str().expect("an id token")).await;
        assert_eq!((&later["sub"], &later["auth_time"]), (&claims["sub"], &claims["auth_time"]));
        // Whoever leaves `openid` out, or is left without it, is told nothing.
        let silent = Device::new(&agent, &[("scope", "connections:read")]).await;
        silent.answer(&mut ada, "allow").await;
        let reply = silent.ask().await;
        assert!(reply.status == StatusCode::OK && reply.body.get("id_token").is_none(), "{}", reply.body);
    }
}
