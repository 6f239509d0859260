//! Clients are told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use belgie_api::{Timestamp, on};
use serde_json::{Value, json};

use super::openid::{ALL, ON, id_token, told};
use super::{checked, part};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, PATIENCE, Setup, TestGateway, ToldClient};

const HTTPS: &str = "https://agent.example/callback";

/// What the operator named may be on this machine here.
fn telling() -> Setup {
    Setup::default().config("[outbound]\ndanger_allow_loopback = true").config(ON)
}

async fn client(gateway: &TestGateway, ear: &ToldClient) -> Agent {
    let line = ["--name", "Wiki", "--redirect-uri", HTTPS, "--backchannel-logout-uri", &ear.url];
    let made = super::machines::create(gateway, &line).await.expect("a client");
    assert_eq!(made["backchannel_logout_uri"], json!(ear.url));
    Agent::known_as(gateway, made["client_id"].as_str().expect("an id"), HTTPS)
}

/// A person in a browser of their own in which the client was told of them; what it was told.
async fn told_of(gateway: &TestGateway, agent: &Agent, email: &str) -> (Browser, Value) {
    let mut browser = gateway.signed_in(email).await;
    let claims = part(id_token(&told(agent, &mut browser, ALL, &[]).await), 1);
    (browser, claims)
}

on_both_engines! {
    async fn a_client_is_told_who_has_signed_out_of_which_session(gateway: TestGateway, setup = telling()) {
        let ear = ToldClient::start().await;
        let agent = client(&gateway, &ear).await;
        let (mut ada, claims) = told_of(&gateway, &agent, "ada@example.org").await;
        // Another session of hers, in which the client was told nothing, is none of its business.
        let mut elsewhere = gateway.browser();
        elsewhere.sign_in("ada@example.org", PASSWORD).await;
        elsewhere.post("/auth/signout", &[]).await;
        // Told twice in one session, it knows it by one name.
        let again = part(id_token(&told(&agent, &mut ada, ALL, &[]).await), 1);
        assert_eq!(again["sid"], claims["sid"]);
        ada.post("/auth/signout", &[]).await;

        let tokens = ear.tokens(1).await;
        let token = tokens.first().expect("a token");
        assert_eq!((&part(token, 0)["typ"], &part(token, 0)["alg"]), (&json!("logout+jwt"), &json!("RS256")));
        let mut said = checked(&gateway, token).await;
        let moment = |name: &str| said[name].as_i64().expect("a moment");
        assert_eq!(moment("exp") - moment("iat"), 120);
        assert!(said["jti"].as_str().is_some_and(|id| id.len() == 22), "{said}");
        said.as_object_mut().expect("claims").retain(|name, _| !["exp", "iat", "jti"].contains(&name.as_str()));
        assert_eq!(said, json!({
            "iss": gateway.url, "aud": agent.client_id, "sub": claims["sub"], "sid": claims["sid"],
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        }));
        // It is no id token, so it is no hint.
        let page = ada.get(&gateway.at(&format!("/logout?id_token_hint={token}"))).await;
        assert_eq!(page.status, reqwest::StatusCode::BAD_REQUEST, "{}", page.body);
        assert_eq!(ear.heard().len(), 1);
    }
}

on_both_engines! {
    async fn a_client_is_told_whichever_way_a_session_ends(gateway: TestGateway, setup = telling()) {
        let ear = ToldClient::start().await;
        let agent = client(&gateway, &ear).await;
        let mut expected = Vec::new();
        for (count, (way, email)) in [
            ("ban", "ban@example.org"),
            ("delete", "delete@example.org"),
            ("revoke", "revoke@example.org"),
            ("again", "again@example.org"),
            ("account", "account@example.org"),
        ].into_iter().enumerate() {
            let (mut browser, claims) = told_of(&gateway, &agent, email).await;
            expected.push(claims["sid"].clone());
            match way {
                // In a process of its own, which tells nobody: the server hears of it.
                "ban" | "delete" => {
                    let (ok, said) = gateway.program(&["user", way, "--email", email]).await;
                    assert!(ok, "{way}: {said}");
                }
                "revoke" => {
                    let (_, listed) = gateway.program(&["session", "list", "--email", email]).await;
                    let id = listed[0]["id"].as_str().unwrap_or_else(|| panic!("an id: {listed}"));
                    let (ok, said) = gateway.program(&["session", "revoke", id]).await;
                    assert!(ok, "{way}: {said}");
                }
                "again" => {
                    let form = browser.get("/auth/signin?other=true").await.form("/auth/signin");
                    browser.submit(&form, &[("email", email), ("password", PASSWORD)]).await;
                }
                _ => {
                    let mut other = gateway.browser();
                    other.sign_in(email, PASSWORD).await;
                    let form = other.get("/account").await.form("/account/sessions/revoke-others");
                    other.submit(&form, &[]).await;
                }
            }
            let told: Vec<Value> = ear.tokens(count + 1).await.iter().map(|token| part(token, 1)["sid"].clone()).collect();
            assert_eq!(told, expected, "{way}");
        }
    }
}

on_both_engines! {
    async fn a_session_that_ends_by_itself_is_told_of_too(gateway: TestGateway, setup = telling()) {
        let ear = ToldClient::start().await;
        let agent = client(&gateway, &ear).await;
        let (_, claims) = told_of(&gateway, &agent, "ada@example.org").await;
        gateway.clock.advance(Duration::from_secs(400 * 24 * 3600));
        // A server looks for what is to be done when it starts.
        let _other = gateway.elsewhere(false).await;
        assert_eq!(part(&ear.tokens(1).await[0], 1)["sid"], claims["sid"]);
    }
}

/// The messages that wait, once nobody is about to send one: whoever is has it for two minutes.
async fn waiting(gateway: &TestGateway) -> usize {
    let host = gateway.gateway.host();
    let begin = std::time::Instant::now();
    loop {
        let mut conn = host.db().read().await.expect("a connection");
        let sql = "SELECT next_at FROM oauth_server_logouts";
        let rows = on!(&mut conn, c => sqlx::query_scalar::<_, Timestamp>(sql).fetch_all(c).await).expect("rows");
        drop(conn);
        let is_held = |next: &Timestamp| (60..=120).contains(&next.since(host.now()).as_secs());
        if !rows.iter().any(is_held) {
            return rows.len();
        }
        assert!(begin.elapsed() < PATIENCE, "somebody still has a message");
        tokio::task::yield_now().await;
    }
}

on_both_engines! {
    async fn a_client_that_does_not_answer_is_told_again_and_not_for_ever(gateway: TestGateway, setup = telling()) {
        let ear = ToldClient::start().await;
        let agent = client(&gateway, &ear).await;
        let (mut ada, _) = told_of(&gateway, &agent, "ada@example.org").await;
        ear.refuse(1);
        ada.post("/auth/signout", &[]).await;
        ear.tokens(1).await;
        assert_eq!(waiting(&gateway).await, 1);
        gateway.clock.advance(Duration::from_secs(3600));
        let mut others = vec![gateway.elsewhere(false).await];
        let tokens = ear.tokens(2).await;
        assert_eq!(waiting(&gateway).await, 0);
        assert_eq!(part(&tokens[0], 1)["jti"], part(&tokens[1], 1)["jti"], "it is one message");

        let (mut bob, _) = told_of(&gateway, &agent, "bob@example.org").await;
        ear.refuse(100);
        bob.post("/auth/signout", &[]).await;
        for attempt in 1..=8 {
            ear.tokens(2 + attempt).await;
            assert_eq!(waiting(&gateway).await, usize::from(attempt < 8), "attempt {attempt}");
            gateway.clock.advance(Duration::from_secs(24 * 3600));
            others.push(gateway.elsewhere(false).await);
        }
        assert_eq!(ear.heard().len(), 10);
    }
}
