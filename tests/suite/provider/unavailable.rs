//! Providers that do not answer.

use std::time::Instant;

use reqwest::StatusCode;

use super::{START, arrived, assert_refused, closed, open, sign_in, with_idp};
use crate::support::{Engine, Idp};

with_idp! {
    async fn a_provider_that_is_down_keeps_nobody_from_signing_in_another_way(gateway, idp,
        setup = |_: &Idp| open("[plugins.oauth-client.acme]\nclient_id = \"x\"\nscopes = [\"openid\"]\ndiscovery_url = \"http://127.0.0.1:9/.well-known/openid-configuration\""))
    {
        let mut browser = gateway.browser();
        let page = browser.get(START).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_refused(&mut browser, &page, "provider_unreachable").await;
        assert!(page.body.contains("acme does not answer right now"), "{}", page.body);
        assert_eq!(browser.get("/auth/signin").await.status, StatusCode::OK);
        assert_eq!(idp.count("/token"), 0);
    }
}

with_idp! {
    async fn a_provider_that_is_slow_is_given_up_in_time(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("timeout_seconds = 1")))
    {
        let mut browser = gateway.browser();
        let back = idp.agree_by_query(&browser.get(START).await.location());
        idp.ways().is_silent = true;
        let begin = Instant::now();
        let page = browser.get(&back).await;
        assert_refused(&mut browser, &page, "provider_unreachable").await;
        assert!(begin.elapsed().as_secs() < 5);
        idp.ways().is_silent = false;
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn many_who_wait_for_a_silent_provider_wait_together(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("timeout_seconds = 1")))
    {
        idp.ways().is_silent = true;
        let begin = Instant::now();
        let waits = (0..10).map(|_| {
            let mut browser = gateway.browser();
            async move { browser.get(START).await.status }
        });
        let statuses = futures::future::join_all(waits).await;
        assert!(statuses.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{statuses:?}");
        assert!(begin.elapsed().as_secs() < 5, "one after the other");
        assert!(idp.count("/.well-known/openid-configuration") < 10);
    }
}

with_idp! {
    async fn a_description_of_somebody_else_is_not_believed(gateway, idp) {
        idp.ways().issuer = Some("https://evil.example".to_owned());
        let mut browser = gateway.browser();
        let page = browser.get(START).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY);
        assert_refused(&mut browser, &page, "oauth_callback_failed").await;
        idp.ways().issuer = None;
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "a failure is not kept: {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_cannot_lead_us_into_our_own_network() {
    let setup = closed("").config("[plugins.oauth-client.acme]\nclient_id = \"x\"\nscopes = [\"openid\"]\ndiscovery_url = \"https://169.254.169.254/latest\"");
    let gateway = setup.start(Engine::Sqlite).await;
    let page = gateway.browser().get(START).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!page.body.contains("169.254"), "the page says nothing of where it looked");
}
