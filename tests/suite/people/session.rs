//! The session as scripts of our pages see it.

use reqwest::StatusCode;
use serde_json::Value;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use belgie_api::clock::SystemClock;
use belgie_api::db::Db;
use belgie_api::entropy::SystemEntropy;
use belgie_api::{Clock, Event, TokenId, on};

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, TestGateway, eventually};

/// What scripts of our pages are told.
async fn ask(gateway: &TestGateway, browser: &mut Browser) -> StatusCode {
    let request = browser.raw().get(gateway.at("/auth/session")).header("sec-fetch-site", "same-origin");
    browser.send(request).await.status
}

async fn is_fresh(gateway: &TestGateway, browser: &mut Browser) -> Option<bool> {
    let request = browser.raw().get(gateway.at("/auth/session")).header("sec-fetch-site", "same-origin");
    let body: Value = serde_json::from_str(&browser.send(request).await.body).expect("JSON");
    body["session"]["is_fresh"].as_bool()
}

/// Waits until all news so far have come here, those of other nodes, too: as another node, says something behind them.
async fn quiet(gateway: &TestGateway) {
    let has_come = Arc::new(AtomicBool::new(false));
    let marker = Event::TokenRevoked { token: TokenId::new(&SystemClock, &SystemEntropy) };
    let (heard, awaited) = (Arc::clone(&has_come), marker.clone());
    gateway.gateway.host().db().bus().subscribe(Arc::new(move |event: &Event| {
        heard.fetch_or(*event == awaited, Ordering::SeqCst);
    }));
    let mut tx = Db::new(gateway.pools().clone(), Arc::default()).begin().await.expect("a transaction");
    tx.emit(marker);
    tx.commit(gateway.clock.now()).await.expect("a commit");
    eventually("the news have come", || has_come.load(Ordering::SeqCst)).await;
}

/// Ends every session behind everybody's back: no news say so.
async fn end_in_silence(gateway: &TestGateway) {
    let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
    let end = "DELETE FROM core_sessions";
    on!(&mut tx, c => sqlx::query(end).execute(c).await.map(drop)).expect("a deletion");
    tx.commit(gateway.clock.now()).await.expect("a commit");
}

on_both_engines! {
    async fn a_page_of_ours_learns_who_is_signed_in_and_other_sites_do_not(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let ours = ada.raw().get(gateway.at("/auth/session")).header("sec-fetch-site", "same-origin");
        let page = ada.send(ours).await;
        assert_eq!(page.status, StatusCode::OK);
        let body: Value = serde_json::from_str(&page.body).expect("JSON");
        assert_eq!(body["user"]["email"], "ada@example.org");
        assert!(body["session"]["id"].as_str().is_some_and(|id| id.starts_with("ses_")), "{body}");
        assert_eq!((body["session"]["method"].as_str(), body["session"]["is_fresh"].as_bool()), (Some("password"), Some(true)));
        let by_origin = ada.raw().get(gateway.at("/auth/session")).header("origin", &gateway.url);
        assert_eq!(ada.send(by_origin).await.status, StatusCode::OK);

        for (name, value) in
            [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"), ("accept", "*/*")]
        {
            let foreign = ada.raw().get(gateway.at("/auth/session")).header(name, value);
            let page = ada.send(foreign).await;
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{name}: {value}");
            let body: Value = serde_json::from_str(&page.body).expect("JSON");
            assert_eq!(body["error"], "not_authenticated");
        }
    }
}

on_both_engines! {
    async fn a_session_that_ended_is_ended_here_at_once(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut other = ada.clone();
        let ask = || other.raw().get(gateway.at("/auth/session")).header("sec-fetch-site", "same-origin");
        let (first, second) = (ask(), ask());
        assert_eq!(other.send(first).await.status, StatusCode::OK);
        ada.post("/auth/signout", &[]).await;
        assert_eq!(other.send(second).await.status, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn a_session_is_remembered_for_a_moment_and_forgotten_with_the_news(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut bob = gateway.signed_in("bob@example.org").await;
        quiet(&gateway).await;
        assert_eq!((ask(&gateway, &mut ada).await, ask(&gateway, &mut bob).await), (StatusCode::OK, StatusCode::OK));
        let person = gateway.gateway.identity().list().await.expect("people")[0].0.id;
        end_in_silence(&gateway).await;
        assert_eq!(ask(&gateway, &mut ada).await, StatusCode::OK, "nobody looked");

        let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
        tx.emit(Event::UserChanged { user: person });
        tx.commit(gateway.clock.now()).await.expect("a commit");
        assert_eq!(ask(&gateway, &mut ada).await, StatusCode::UNAUTHORIZED);
        assert_eq!(ask(&gateway, &mut bob).await, StatusCode::OK, "the news were about somebody else");
        gateway.gateway.host().db().bus().set_live(false);
        assert_eq!(ask(&gateway, &mut bob).await, StatusCode::UNAUTHORIZED, "without news nothing remembered is believed");
    }
}

on_both_engines! {
    async fn a_session_that_ended_on_another_node_ends_here(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let elsewhere = gateway.elsewhere(false).await;
        quiet(&gateway).await;
        assert_eq!(ask(&gateway, &mut ada).await, StatusCode::OK);
        let mut other = elsewhere.browser();
        other.plant("belgie_session", ada.cookie("belgie_session").expect("a session"));
        other.post("/auth/signout", &[]).await;
        assert!(!ada.is_signed_in().await, "pages remember nothing");
        quiet(&gateway).await;
        assert_eq!(ask(&gateway, &mut ada).await, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn proving_to_be_there_counts_at_once_on_every_node(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let elsewhere = gateway.elsewhere(false).await;
        let mut other = elsewhere.browser();
        other.plant("belgie_session", ada.cookie("belgie_session").expect("a session"));
        gateway.clock.advance(std::time::Duration::from_mins(11));
        quiet(&gateway).await;
        assert!(is_fresh(&gateway, &mut ada).await == Some(false));
        other.fill("/auth/confirm", "/auth/confirm", &[("password", PASSWORD)]).await;
        quiet(&gateway).await;
        assert!(is_fresh(&gateway, &mut ada).await == Some(true));
    }
}
