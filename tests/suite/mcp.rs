//! The endpoint without tokens: origins, hosts, cookies.

use reqwest::StatusCode;
use serde_json::json;

use crate::on_both_engines;
use crate::support::{Modern, Reply, TestGateway};

on_both_engines! {
    async fn without_a_token_the_answer_says_where_to_begin(gateway: TestGateway) {
        let client = reqwest::Client::new();
        let metadata = gateway.at("/.well-known/oauth-protected-resource/mcp");
        for request in [client.get(gateway.mcp_url()), client.post(gateway.mcp_url()).body("{"), client.delete(gateway.mcp_url())] {
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
            assert!(reply.challenge().starts_with("Bearer "), "{}", reply.challenge());
            assert!(reply.challenge().contains(&format!("resource_metadata=\"{metadata}\"")));
            assert!(!reply.challenge().contains("error="), "no token was sent: {}", reply.challenge());
        }
        let document: serde_json::Value = client.get(&metadata).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(document["resource"], gateway.mcp_url());
    }
}

on_both_engines! {
    async fn a_page_of_ours_may_use_the_cookie_and_no_other_page(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let modern = Modern { client: &browser.raw().clone(), url: &gateway.mcp_url(), token: None };
        let list = || modern.request("tools/list", json!({}));
        let ours = browser.send(list().header("origin", &gateway.url)).await;
        assert_eq!(ours.status, StatusCode::OK, "{}", ours.body);
        assert_eq!(browser.send(list()).await.status, StatusCode::UNAUTHORIZED, "no origin, no cookie");
        let foreign = browser.send(list().header("origin", "https://evil.example")).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn a_bad_bearer_beside_a_good_cookie_is_refused(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let modern = Modern { client: &browser.raw().clone(), url: &gateway.mcp_url(), token: Some("blg_at_nonsense") };
        let request = modern.request("tools/list", json!({})).header("origin", &gateway.url);
        let answer = browser.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.headers["www-authenticate"].to_str().expect("a challenge").contains("invalid_token"));
    }
}

on_both_engines! {
    async fn another_host_or_origin_is_refused_before_anything_else(gateway: TestGateway) {
        let client = reqwest::Client::new();
        for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example"), ("origin", "null")] {
            let answer = client.post(gateway.mcp_url()).header(name, value).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }
}

on_both_engines! {
    async fn a_cookie_acts_for_the_organization_whose_endpoint_it_is_and_for_nobody_elsewhere(gateway: TestGateway) {
        let (ada, mut browser) = crate::organization::known(&gateway, "ada@example.org").await;
        let (bob, _) = crate::organization::known(&gateway, "bob@example.org").await;
        let acme = crate::organization::owned_by(&gateway, ada.id, "acme").await;
        crate::organization::owned_by(&gateway, bob.id, "rose").await;
        let mut whoami = async |path: &str| {
            let url = gateway.at(path);
            let modern = Modern { client: &browser.raw().clone(), url: &url, token: None };
            let call = modern.request("tools/call", json!({ "name": "whoami", "arguments": {} }));
            let answer = browser.send(call.header("origin", &gateway.url)).await;
            let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
            (answer.status, said["result"]["structuredContent"]["organization"].clone())
        };
        let (status, organization) = whoami("/o/acme/mcp").await;
        assert_eq!((status, &organization["id"], &organization["roles"]), (StatusCode::OK, &json!(acme.id), &json!(["owner"])));
        assert_eq!(whoami("/mcp").await, (StatusCode::OK, json!(null)));
        assert_eq!(whoami("/o/rose/mcp").await.0, StatusCode::UNAUTHORIZED, "no member there");
    }
}
