//! Somebody who is banned gets in by no way at all, and by every one again once the ban is taken back.

use belgie::identity::{Ban, By};
use belgie_api::{UserId, on};
use reqwest::StatusCode;
use serde_json::json;

use super::{arrived, call, open, people, sign_in, with_idp};
use crate::support::{Agent, Browser, Idp, TestGateway, Tokens};

const ADA: &str = "ada@example.org";
const WORDS: &str = "some other words entirely";

/// A ban and nothing that goes with it, and its end.
const BAN: &str = "UPDATE core_users SET banned_at = $1 WHERE id = $2";
const UNBAN: &str = "UPDATE core_users SET banned_at = NULL WHERE id = $1";

/// The ways in that begin a session, and what was handed out before.
const ALL: [&str; 8] =
    ["password", "link", "code", "provider", "id-token", "session", "access token", "personal token"];

/// What somebody has by whom nothing is remembered yet.
struct HandedOut {
    session: Browser,
    agent: Agent,
    tokens: Tokens,
    personal: String,
}

async fn hand_out(gateway: &TestGateway) -> HandedOut {
    let mut session = gateway.browser();
    session.sign_in(ADA, WORDS).await;
    let agent = Agent::register(gateway).await;
    let tokens = agent.connect(&mut session, "connections:read").await;
    let wish = json!({ "name": "Nightly", "scope": "connections:read", "ttl_seconds": 3600 });
    let (status, said) = call(&mut session, "/auth/tokens/create", wish).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let personal = said["token"].as_str().expect("a token").to_owned();
    HandedOut { session, agent, tokens, personal }
}

/// Tries to sign in one way.
async fn begin(gateway: &TestGateway, idp: &Idp, way: &str) -> bool {
    let mut browser = gateway.browser();
    match way {
        "password" => drop(browser.sign_in(ADA, WORDS).await),
        "link" => {
            browser.press("/auth/link", ADA, None).await;
            browser.fill(&gateway.letter_to(ADA).await.link(), "/auth/link/open", &[]).await;
        }
        "code" => {
            let form = browser.press("/auth/code", ADA, None).await.form("/auth/code");
            let code = gateway.letter_to(ADA).await.code();
            browser.submit(&form, &[("code", &code)]).await;
        }
        "provider" => drop(sign_in(&mut browser, idp).await),
        _ => {
            let (_, nonce) = call(&mut browser, "/auth/provider/acme/nonce", json!({})).await;
            let body = json!({ "id_token": idp.id_token(nonce["nonce"].as_str()) });
            call(&mut browser, "/auth/provider/acme/signin/id-token", body).await;
        }
    }
    browser.is_signed_in().await
}

/// Which of the ways in are open.
async fn open_ways(gateway: &TestGateway, idp: &Idp, own: &mut HandedOut) -> Vec<&'static str> {
    let mut found = Vec::new();
    for way in ALL {
        let is_open = match way {
            "session" => own.session.is_signed_in().await,
            "access token" => own.agent.whoami(&own.tokens.access).await.status == StatusCode::OK,
            "personal token" => own.agent.whoami(&own.personal).await.status == StatusCode::OK,
            _ => begin(gateway, idp, way).await,
        };
        found.extend(is_open.then_some(way));
    }
    found
}

async fn refreshes(own: &HandedOut) -> bool {
    own.agent.refresh(&own.tokens.refresh).await.status == StatusCode::OK
}

async fn write(gateway: &TestGateway, user: UserId, is_banned: bool) {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    if is_banned {
        on!(&mut tx, c => sqlx::query(BAN).bind(host.now()).bind(user).execute(c).await.map(drop)).expect("banned");
    } else {
        on!(&mut tx, c => sqlx::query(UNBAN).bind(user).execute(c).await.map(drop)).expect("no ban");
    }
    tx.commit(host.now()).await.expect("a commit");
}

with_idp! {
    async fn who_is_banned_gets_in_by_no_way_until_the_ban_is_taken_back(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("")).with_mail())
    {
        let mut ada = arrived(&gateway, &idp).await;
        ada.fill("/account/password", "/account/password", &[("password", WORDS)]).await;
        let (identity, user) = (gateway.gateway.identity(), people(&gateway).await[0].id);
        let mut own = hand_out(&gateway).await;
        assert_eq!(open_ways(&gateway, &idp, &mut own).await, ALL);
        assert!(refreshes(&own).await);

        let mut own = hand_out(&gateway).await;
        identity.ban(user, &Ban::default(), By::Host).await.expect("a ban");
        assert_eq!(open_ways(&gateway, &idp, &mut own).await, <[&str; 0]>::default());
        assert!(!refreshes(&own).await);
        identity.unban(user, By::Host).await.expect("no ban");
        let but_the_session: Vec<&str> = ALL.into_iter().filter(|way| *way != "session").collect();
        assert_eq!(open_ways(&gateway, &idp, &mut own).await, but_the_session);
        assert!(refreshes(&own).await);
    }
}

with_idp! {
    async fn every_way_in_looks_for_itself_whether_somebody_is_banned(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("")).with_mail())
    {
        // Whatever ends sessions and tells of bans may be at fault one day.
        let mut ada = arrived(&gateway, &idp).await;
        ada.fill("/account/password", "/account/password", &[("password", WORDS)]).await;
        let (mut own, user) = (hand_out(&gateway).await, people(&gateway).await[0].id);
        write(&gateway, user, true).await;
        assert_eq!(open_ways(&gateway, &idp, &mut own).await, <[&str; 0]>::default());
        assert!(!refreshes(&own).await);
        write(&gateway, user, false).await;
        assert_eq!(open_ways(&gateway, &idp, &mut own).await, ALL);
        assert!(refreshes(&own).await);
    }
}
