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
