//! What happens between the moment somebody is let in and the moment they write.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use belgie::auth::session_caller;
use belgie::identity::hold::SameAddress;
use belgie::identity::{By, Then};
use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::UserChanges;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, PlainToken, ScopeSet, TokenKind, on};
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway, waits_for_lock};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NEW: &str = "some other words entirely";
const THEN: Then = Then { ends_others: false, tells: false };

async fn caller_of(gateway: &TestGateway, browser: &Browser) -> Caller {
    let cookie = browser.cookie("belgie_session").expect("a session");
    let token = PlainToken::parse_as(TokenKind::Session, cookie).expect("a token");
    session_caller(&gateway.gateway.identity().resume_session(&token).await.expect("an answer").expect("a live one"))
}

async fn begin(gateway: &TestGateway) -> Tx {
    gateway.gateway.host().db().begin().await.expect("a transaction")
}

async fn person(gateway: &TestGateway, email: &str) -> UserContext {
    gateway.gateway.host().accounts().find_by_email(email).await.expect("an answer").expect("a person")
}

fn request() -> RequestInfo {
    RequestInfo { id: Arc::from("test"), ip: HERE }
}

on_both_engines! {
    async fn what_one_change_takes_away_another_does_not_bring_back(gateway: TestGateway) {
        let ada = gateway.person_with("ada@example.org", "notes:read").await;
        let mut browser = gateway.browser();
        browser.sign_in("ada@example.org", PASSWORD).await;
        let form = browser.get("/account/profile").await.form("/account/profile");
        let host = gateway.gateway.host();
        let mut tx = begin(&gateway).await;
        let changes = UserChanges {
            email: Some("ada@new.example".to_owned()),
            scopes: Some(ScopeSet::new()),
            ..UserChanges::default()
        };
        host.accounts().update(&mut tx, ada.id, &changes).await.expect("an answer").expect("an account");
        let saving = tokio::spawn(async move { browser.submit(&form, &[("name", "Countess")]).await.location() });
        waits_for_lock(&gateway, 1, &saving).await;
        tx.commit(host.now()).await.expect("a commit");
        assert_eq!(saving.await.expect("an answer"), "/account?done=profile");
        let row = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert_eq!((row.name.as_str(), row.email.as_str()), ("Countess", "ada@new.example"));
        assert!(row.scopes.is_empty(), "{}", row.scopes);
    }
}

on_both_engines! {
    async fn a_session_that_was_ended_sets_and_removes_no_password(gateway: TestGateway) {
        let browser = gateway.signed_in("ada@example.org").await;
        let (caller, identity) = (caller_of(&gateway, &browser).await, gateway.gateway.identity());
        identity.end_sessions_by(caller.user().id, By::Host).await.expect("they end");
        let set = identity.set_password(&caller, &request(), NEW.to_owned(), THEN).await;
        assert_eq!(set.expect_err("a refusal").code(), "session.ended");
        let removed = identity.remove_password(&caller, &request(), false).await;
        assert_eq!(removed.expect_err("a refusal").code(), "session.ended");
        let closed = identity.close_account(&caller, &request()).await;
        assert_eq!(closed.expect_err("a refusal").code(), "session.ended");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_session_that_is_being_ended_sets_no_password(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let user = person(&gateway, "ada@example.org").await.id;
        let form = browser.get("/account/password").await.form("/account/password");
        let now = gateway.gateway.host().now();
        let mut tx = begin(&gateway).await;
        on!(&mut tx, c => sqlx::query("UPDATE core_sessions SET revoked_at = $2 WHERE user_id = $1")
            .bind(user).bind(now).execute(c).await.map(drop)).expect("they end");
        let saving = tokio::spawn(async move { browser.submit(&form, &[("password", NEW)]).await });
        waits_for_lock(&gateway, 1, &saving).await;
        tx.commit(now).await.expect("a commit");
        let page = saving.await.expect("an answer");
        let is_done = page.status == StatusCode::SEE_OTHER && page.location() == "/account?done=password";
        assert!(!is_done, "the session had ended");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_session_that_is_being_ended_makes_no_token(gateway: TestGateway) {
        const COUNT: &str = "SELECT COUNT(*) FROM oauth_server_grants";
        let mut browser = gateway.signed_in("ada@example.org").await;
        let user = person(&gateway, "ada@example.org").await.id;
        let form = browser.get("/account/tokens/new").await.form("/account/tokens/new");
        let host = gateway.gateway.host();
        let mut tx = begin(&gateway).await;
        on!(&mut tx, c => sqlx::query("UPDATE core_sessions SET revoked_at = $2 WHERE user_id = $1")
            .bind(user).bind(host.now()).execute(c).await.map(drop)).expect("they end");
        let fields = [("name", "Nightly"), ("scope", "connections:read"), ("days", "7")];
        let making = tokio::spawn(async move { browser.submit(&form, &fields).await });
        waits_for_lock(&gateway, 1, &making).await;
        tx.commit(host.now()).await.expect("a commit");
        let page = making.await.expect("an answer");
        assert!(!page.body.contains("blg_pat_"), "a token of a session that had ended: {}", page.body);
        let mut conn = host.db().read().await.expect("a connection");
        let made = on!(&mut conn, c => sqlx::query_scalar::<_, i64>(COUNT).fetch_one(c).await).expect("a count");
        assert_eq!(made, 0);
    }
}

on_both_engines! {
    async fn a_session_that_was_ended_changes_no_address(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut browser = gateway.at_home("ada@example.org").await;
        browser.fill("/account/email", "/account/email", &[("email", "ada@new.example")]).await;
        let token = gateway.letter_to("ada@new.example").await.token();
        let token = PlainToken::parse_as(TokenKind::Link, &token).expect("a token");
        let (caller, identity) = (caller_of(&gateway, &browser).await, gateway.gateway.identity());
        identity.end_sessions_by(caller.user().id, By::Host).await.expect("they end");
        let changed = identity.change_email(&caller, &token, &request()).await;
        assert_eq!(changed.err().expect("a refusal").code(), "session.ended");
        person(&gateway, "ada@example.org").await;
    }
}

on_both_engines! {
    async fn a_password_that_was_changed_begins_no_session_any_more(gateway: TestGateway) {
        let browser = gateway.signed_in("ada@example.org").await;
        let (caller, identity) = (caller_of(&gateway, &browser).await, gateway.gateway.identity());
        let (email, user) = ("ada@example.org", caller.user().id);
        let proof = identity.check_password(email, PASSWORD.to_owned()).await.expect("an answer").expect("it fits");
        identity.set_password(&caller, &request(), NEW.to_owned(), THEN).await.expect("an answer");
        let begun = identity.start_session(user, (HERE, ""), "password", &proof).await;
        assert_eq!(begun.err().expect("a refusal").code(), "sign_in.outdated");
        let proof = identity.check_password(email, NEW.to_owned()).await.expect("an answer").expect("it fits");
        identity.start_session(user, (HERE, ""), "password", &proof).await.expect("a session");

        let changes = UserChanges { email: Some("ada@new.example".to_owned()), ..UserChanges::default() };
        identity.change(user, &changes).await.expect("another address");
        let begun = identity.start_session(user, (HERE, ""), "password", &proof).await;
        assert_eq!(begun.err().expect("a refusal").code(), "sign_in.outdated");
        let by_mail = identity.start_session(user, (HERE, ""), "link", &SameAddress(caller.user())).await;
        assert_eq!(by_mail.err().expect("a refusal").code(), "sign_in.outdated", "the link went to the old address");
    }
}

on_both_engines! {
    async fn a_password_that_is_being_removed_begins_no_session(gateway: TestGateway) {
        let user = gateway.person("ada@example.org").await.id;
        let now = gateway.gateway.host().now();
        let mut tx = begin(&gateway).await;
        on!(&mut tx, c => sqlx::query("UPDATE core_users SET password_hash = NULL WHERE id = $1")
            .bind(user).execute(c).await.map(drop)).expect("it goes");
        let mut browser = gateway.browser();
        let signing_in = tokio::spawn(async move {
            browser.sign_in("ada@example.org", PASSWORD).await;
            browser
        });
        waits_for_lock(&gateway, 1, &signing_in).await;
        tx.commit(now).await.expect("a commit");
        assert!(!signing_in.await.expect("an answer").is_signed_in().await);
    }
}
