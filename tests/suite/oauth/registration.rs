//! Clients that introduce themselves (RFC 7591): anybody may, so nothing they say may do harm.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{assert_invalid_grant, assert_refused};
use crate::on_both_engines;
use crate::support::{Agent, Engine, Reply, Setup, TestGateway, Tokens, changed};

async fn register(gateway: &TestGateway, document: &Value) -> Reply {
    let request = Client::new().post(gateway.at("/register")).json(document);
    Reply::read(request.send().await.expect("the gateway answers")).await
}

on_both_engines! {
    async fn an_address_that_could_harm_is_never_registered(gateway: TestGateway) {
        for bad in [
            "",
            "x",
            "/callback",
            "//agent.example/callback",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "javascript://agent.example/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://agent.example/x",
            "about:blank",
            "ftp://agent.example/callback",
            "ws://agent.example/callback",
            "http://agent.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://localhost.evil.example/callback",
            "http://10.0.0.1/callback",
            "http://127.0.0.2/callback",
            "http://0.0.0.0/callback",
            "http://127.0.0.1:0/callback",
            "https:agent.example/callback",
            "https:///agent.example/callback",
            "https://",
            "https://ada@agent.example/callback",
            "https://ada:word@agent.example/callback",
            "https://@agent.example/callback",
            "https://agent.example/callback#x",
            "https://agent.example/callback#",
            "https://agent.example/call back",
            "https://agent.example/callback\nset-cookie: x=1",
            "https://agent.example\\@evil.example/callback",
            "https://ägent.example/callback",
            "https://agent.example/callback?code=mine",
            "https://agent.example/callback?state=x&iss=y",
            "https://169.254.169.254/callback",
            "https://0.0.0.0/callback",
            "https://[fe80::1]/callback",
            "myapp://callback",
            "intent://callback#Intent;end",
            &format!("https://agent.example/{}", "x".repeat(2048)),
        ] {
            for list in [json!([bad]), json!(["https://agent.example/callback", bad])] {
                let reply = register(&gateway, &json!({ "redirect_uris": list })).await;
                assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_redirect_uri");
            }
        }
    }
}

on_both_engines! {
    // A host with the characters of a policy in it would speak in the `Content-Security-Policy` of the consent page.
    async fn a_host_that_is_no_name_is_never_registered(gateway: TestGateway) {
        for bad in [
            "https://*/callback",
            "https://*.example/callback",
            "https://agent.example;sandbox/callback",
            "https://agent.example,evil.example/callback",
            "https://agent.example'unsafe-inline'/callback",
            "https://agent.example!/callback",
            "https://agent$.example/callback",
            "https://(agent)/callback",
        ] {
            let reply = register(&gateway, &json!({ "redirect_uris": [bad] })).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_redirect_uri");
        }
        for good in ["https://my_agent.sub-domain.example/callback", "https://xn--gent-loa.example/callback"] {
            let reply = register(&gateway, &json!({ "redirect_uris": [good] })).await;
            assert_eq!(reply.status, StatusCode::CREATED, "{good}: {}", reply.body);
        }
    }
}

on_both_engines! {
    async fn there_is_a_cap_on_everything(gateway: TestGateway) {
        let many: Vec<String> = (0..11).map(|n| format!("https://agent.example/{n}")).collect();
        for list in [json!([]), json!(many)] {
            let reply = register(&gateway, &json!({ "redirect_uris": list })).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_redirect_uri");
        }
        assert_eq!(register(&gateway, &json!({ "redirect_uris": many[..10] })).await.status, StatusCode::CREATED);
        let large = json!({ "redirect_uris": [many[0]], "software_statement": "x".repeat(17 * 1024) });
        assert_refused(&register(&gateway, &large).await, StatusCode::BAD_REQUEST, "invalid_client_metadata");
        let huge = json!({ "redirect_uris": [many[0]], "software_statement": "x".repeat(1 << 20) });
        assert_eq!(register(&gateway, &huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
        let named = json!({ "redirect_uris": [many[0]], "client_name": "x".repeat(5000) });
        let name = register(&gateway, &named).await.body["client_name"].as_str().expect("a name").len();
        assert_eq!(name, 100);
    }
}

on_both_engines! {
    async fn what_is_no_metadata_is_refused(gateway: TestGateway) {
        let client = Client::new();
        let good = json!({ "redirect_uris": ["https://agent.example/callback"] });
        for (kind, body) in [
            ("application/json", "{".to_owned()),
            ("application/json", "[]".to_owned()),
            ("application/json", String::new()),
            ("application/json", "null".to_owned()),
            ("text/plain", good.to_string()),
            ("application/x-www-form-urlencoded", good.to_string()),
        ] {
            let request = client.post(gateway.at("/register")).header("content-type", kind).body(body);
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_client_metadata");
        }
        for (member, value) in [
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("grant_types", json!(["client_credentials"])),
            ("grant_types", json!(["implicit"])),
            ("response_types", json!(["token"])),
            ("application_type", json!("toaster")),
            ("redirect_uris", json!("https://agent.example/callback")),
        ] {
            let mut document = good.clone();
            document[member] = value;
            assert_refused(&register(&gateway, &document).await, StatusCode::BAD_REQUEST, "invalid_client_metadata");
        }
    }
}

on_both_engines! {
    async fn nobody_chooses_their_own_id_or_secret(gateway: TestGateway) {
        let wanted = "https://famous.example/client.json";
        let document = json!({
            "client_id": wanted, "client_secret": "mine", "redirect_uris": ["https://evil.example/callback"],
            "token_endpoint_auth_method": "client_secret_post",
        });
        let reply = register(&gateway, &document).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert!(reply.body["client_id"].as_str().is_some_and(|id| id.starts_with("cli_")));
        assert!(reply.body["client_secret"].as_str().is_some_and(|secret| secret.starts_with("blg_cs_")));
        assert_eq!(reply.body["client_secret_expires_at"], 0);
    }
}

on_both_engines! {
    async fn only_a_confidential_client_has_a_secret_and_it_must_show_it(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let document = |method: &str| json!({
            "redirect_uris": ["https://agent.example/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": method,
        });
        let (_, public) = Agent::register_document(&gateway, &document("none")).await;
        assert!(public.get("client_secret").is_none() && public.get("client_secret_expires_at").is_none());

        let (agent, registered) = Agent::register_document(&gateway, &document("client_secret_basic")).await;
        let (other, _) = Agent::register_document(&gateway, &document("client_secret_basic")).await;
        let secret = registered["client_secret"].as_str().expect("a secret").to_owned();
        let code = agent.code(&mut ada, "").await;
        let unproven = |reply: &Reply| assert_refused(reply, StatusCode::UNAUTHORIZED, "invalid_client");
        unproven(&agent.redeem(&code).await);
        for wrong in ["x", &secret[1..], &agent.client_id] {
            unproven(&agent.redeem_with(&code, "client_secret", Some(wrong)).await);
        }
        unproven(&other.redeem_with(&code, "client_secret", Some(&secret)).await);

        let by_header = |secret: &str, fields: Vec<(&'static str, String)>| {
            let credentials = BASE64_STANDARD.encode(format!("{}:{secret}", agent.client_id));
            agent.client.post(gateway.at("/token")).header("authorization", format!("Basic {credentials}")).form(&fields)
        };
        let bare = || changed(agent.redemption(&code), "client_id", None);
        let refused = Reply::read(by_header("x", bare()).send().await.expect("an answer")).await;
        unproven(&refused);
        assert!(refused.challenge().starts_with("Basic "), "{}", refused.challenge());
        let twice = changed(agent.redemption(&code), "client_secret", Some(secret.clone()));
        let refused = Reply::read(by_header(&secret, twice).send().await.expect("an answer")).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_request");

        // None of it has spent the code.
        let tokens = Tokens::of(&Reply::read(by_header(&secret, bare()).send().await.expect("an answer")).await);
        unproven(&agent.refresh(&tokens.refresh).await);
        unproven(&agent.revoke(&tokens.refresh).await);
        Tokens::of(&agent.refresh_with(&tokens.refresh, &[("client_secret", &secret)]).await);
        assert_invalid_grant(&agent.redeem_with(&code, "client_secret", Some(&secret)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_registrations_is_slowed() {
    let gateway = Setup::default().without_generous_limits().start(Engine::Sqlite).await;
    let document = json!({ "redirect_uris": ["https://agent.example/callback"] });
    for _ in 0..120 {
        let reply = register(&gateway, &document).await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: u64 = reply.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((1..=60).contains(&wait));
            return;
        }
        assert_eq!(reply.status, StatusCode::CREATED);
    }
    panic!("120 registrations in a row were let through");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_at_the_token_endpoint_is_slowed() {
    let limits = "[limits]\ntoken_per_minute = 20\nrevoke_per_minute = 20\nauthorize_per_minute = 20";
    let gateway = Setup::default().without_generous_limits().config(limits).start(Engine::Sqlite).await;
    let agent = Agent::register(&gateway).await;
    for path in ["/token", "/revoke"] {
        let mut last = StatusCode::OK;
        for _ in 0..60 {
            last = agent.post(path, &agent.redemption("blg_ac_x")).await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    let mut browser = gateway.browser();
    let mut last = StatusCode::OK;
    for _ in 0..60 {
        last = browser.get(&agent.authorize_url(&agent.authorization(""))).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
