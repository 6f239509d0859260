//! Attempts are limited.

use reqwest::StatusCode;

use super::{START, closed};
use crate::support::{Engine, Idp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginning_a_sign_in_again_and_again_is_slowed() {
    let idp = Idp::start().await;
    let gateway = closed(&idp.table("")).without_generous_limits().start(Engine::Sqlite).await;
    let mut browser = gateway.browser();
    for _ in 0..150 {
        if browser.get(START).await.status == StatusCode::TOO_MANY_REQUESTS {
            return;
        }
    }
    panic!("a hundred and fifty sign-ins in a row were let through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_tokens_again_and_again_is_slowed() {
    let idp = Idp::start().await;
    let tables = format!("[limits]\ntoken_per_minute = 5\n{}", idp.table(""));
    let gateway = super::open(&tables).without_generous_limits().start(Engine::Sqlite).await;
    for (path, is_read) in [("access-token", false), ("refresh-token", false), ("account-info", true)] {
        let mut browser = super::arrived(&gateway, &idp).await;
        let path = format!("/auth/provider/acme/{path}");
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(match is_read {
                true => super::read(&mut browser, &path).await.0,
                false => super::call(&mut browser, &path, serde_json::json!({})).await.0,
            });
        }
        assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{path}: {statuses:?}");
        gateway.clock.advance(std::time::Duration::from_secs(120));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_back_again_and_again_without_a_session_is_slowed() {
    let idp = Idp::start().await;
    let gateway = super::open(&format!("[limits]\nauthorize_per_minute = 5\n{}", idp.table("")));
    let gateway = gateway.without_generous_limits().start(Engine::Sqlite).await;
    let mut browser = gateway.signed_in("ada@example.org").await;
    let out = browser.fill("/account", "/auth/provider/acme/link", &[]).await.location();
    let back = idp.agree_by_query(&out);
    browser.post("/auth/signout", &[]).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(browser.get(&back).await.status);
    }
    assert_eq!((statuses[0], statuses[6]), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}
