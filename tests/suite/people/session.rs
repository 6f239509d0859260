//! The session as scripts of our pages see it.

use reqwest::StatusCode;
use serde_json::Value;

use crate::on_both_engines;
use crate::support::TestGateway;

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
