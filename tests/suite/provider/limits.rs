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
