//! Apps that bring an `id_token` they got themselves.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{arrived, call, open, people, read, with_idp};
use crate::support::{Browser, Idp, TestGateway};

const SIGN_IN: &str = "/auth/provider/acme/signin/id-token";
const LINK: &str = "/auth/provider/acme/link/id-token";

async fn nonce(app: &mut Browser) -> String {
    let (status, answer) = call(app, "/auth/provider/acme/nonce", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["nonce"].as_str().expect("a nonce").to_owned()
}

fn error(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"].as_str().unwrap_or_default())
}

with_idp! {
    async fn an_app_signs_somebody_in_with_a_token_for_a_nonce_of_ours(gateway, idp) {
        let mut app = gateway.browser();
        let nonce = nonce(&mut app).await;
        let body = json!({ "idToken": idp.id_token(Some(&nonce)), "nonce": nonce, "accessToken": "access-native", "expiresAt": 4_000_000_000_u64 });
        let (status, answer) = call(&mut app, SIGN_IN, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["redirect"], false);
        let person = &answer["individual"];
        assert_eq!((person["email"].as_str(), person["email_verified"].as_bool()), (Some("ada@example.org"), Some(true)));
        assert!(person["id"].as_str().expect("an id").starts_with("usr_") && person["created_at"].is_string());
        assert!(app.is_signed_in().await, "the cookie came along");
        // Apps have no cookies: the token is the session.
        let mut device = gateway.browser();
        device.plant("belgie_session", answer["token"].as_str().expect("a token"));
        assert!(device.is_signed_in().await);
        let (_, tokens) = call(&mut app, "/auth/provider/acme/access-token", json!({})).await;
        assert_eq!(tokens["access_token"], "access-native");
    }
}

with_idp! {
    async fn a_token_signs_in_once_and_only_for_a_nonce_of_ours(gateway, idp) {
        let mut app = gateway.browser();
        let first = nonce(&mut app).await;
        let token = idp.id_token(Some(&first));
        assert_eq!(call(&mut app, SIGN_IN, json!({ "id_token": token })).await.0, StatusCode::OK);
        let mut thief = gateway.browser();
        for (token, brought) in [
            (token.clone(), None),
            (token, Some(first)),
            (idp.id_token(None), None),
            (idp.id_token(Some("made-up")), Some("made-up".to_owned())),
        ] {
            let answer = call(&mut thief, SIGN_IN, json!({ "id_token": token, "nonce": brought })).await;
            assert_eq!(error(&answer), (400, "nonce_unknown"));
        }
        let fresh = nonce(&mut app).await;
        let answer = call(&mut thief, SIGN_IN, json!({ "id_token": idp.id_token(Some("other")), "nonce": fresh })).await;
        assert_eq!(error(&answer), (400, "oauth_code_verification_failed"));
        assert!(!thief.is_signed_in().await);
    }
}

with_idp! {
    async fn a_nonce_is_for_the_provider_it_was_asked_for(gateway, idp,
        setup = |idp: &Idp| open(&[idp.table(""), idp.table_of("other", "")].concat()))
    {
        let mut app = gateway.browser();
        let nonce = nonce(&mut app).await;
        let elsewhere = SIGN_IN.replace("acme", "other");
        let answer = call(&mut app, &elsewhere, json!({ "id_token": idp.id_token(Some(&nonce)) })).await;
        assert_eq!(error(&answer), (400, "nonce_unknown"));
        assert!(!app.is_signed_in().await);
    }
}

with_idp! {
    async fn a_token_may_carry_the_hash_of_the_nonce(gateway, idp) {
        let mut app = gateway.browser();
        let nonce = nonce(&mut app).await;
        let hash = belgie_api::crypto::sha256(nonce.as_bytes());
        let hash = hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let answer = call(&mut app, SIGN_IN, json!({ "id_token": idp.id_token(Some(&hash)), "nonce": nonce })).await;
        assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
    }
}

with_idp! {
    async fn a_token_is_checked_as_any_other(gateway, idp) {
        type Change = fn(&mut serde_json::Map<String, Value>);
        let mut app = gateway.browser();
        let changes: [Change; 3] = [
            |claims| drop(claims.insert("aud".into(), "somebody".into())),
            |claims| drop(claims.insert("iss".into(), "https://evil.example".into())),
            |claims| drop(claims.insert("exp".into(), 1_000_000.into())),
        ];
        for change in changes {
            idp.spoil(move |_, claims| change(claims));
            let nonce = nonce(&mut app).await;
            let answer = call(&mut app, SIGN_IN, json!({ "id_token": idp.id_token(Some(&nonce)) })).await;
            assert_eq!(error(&answer), (400, "oauth_code_verification_failed"));
        }
    }
}

with_idp! {
    async fn the_tokens_of_several_apps_are_accepted_where_they_are_listed(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("").replace("client_id = \"client-of-the-suite\"", "client_id = [\"client-of-the-suite\", \"the-android-app\"]")))
    {
        idp.spoil(|_, claims| { claims.insert("aud".into(), "the-android-app".into()); });
        let mut app = gateway.browser();
        let nonce_one = nonce(&mut app).await;
        assert_eq!(call(&mut app, SIGN_IN, json!({ "id_token": idp.id_token(Some(&nonce_one)) })).await.0, StatusCode::OK);
        idp.spoil(|_, claims| { claims.insert("aud".into(), "the-ios-app".into()); });
        let nonce_two = nonce(&mut app).await;
        let answer = call(&mut app, SIGN_IN, json!({ "id_token": idp.id_token(Some(&nonce_two)) })).await;
        assert_eq!(error(&answer), (400, "oauth_code_verification_failed"));
    }
}

with_idp! {
    async fn a_page_of_another_site_cannot_sign_a_browser_in(gateway, idp) {
        let mut browser = gateway.browser();
        let nonce = nonce(&mut browser).await;
        let body = json!({ "id_token": idp.id_token(Some(&nonce)) });
        let request = browser.raw().post(gateway.at(SIGN_IN)).header("sec-fetch-site", "cross-site").json(&body);
        assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN);
        let request = browser.raw().post(gateway.at(SIGN_IN)).header("content-type", "text/plain").body(body.to_string());
        assert_eq!(browser.send(request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(!browser.is_signed_in().await);
    }
}

with_idp! {
    async fn bringing_tokens_can_be_switched_off(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("disable_id_token_sign_in = true")))
    {
        let mut app = gateway.browser();
        let nonce = nonce(&mut app).await;
        let answer = call(&mut app, SIGN_IN, json!({ "id_token": idp.id_token(Some(&nonce)) })).await;
        assert_eq!(error(&answer), (400, "id_token_sign_in_disabled"));
    }
}

async fn link_with(gateway: &TestGateway, idp: &Idp, email: &str) -> (StatusCode, Value) {
    let mut app = gateway.signed_in(email).await;
    let nonce = nonce(&mut app).await;
    let answer = call(&mut app, LINK, json!({ "id_token": idp.id_token(Some(&nonce)), "scopes": ["a", "b"] })).await;
    if answer.0 == StatusCode::OK {
        let (_, accounts) = read(&mut app, "/auth/provider/acme/accounts").await;
        assert_eq!(accounts["accounts"][0]["scope"], "a b");
    }
    answer
}

with_idp! {
    async fn an_app_links_an_account_of_the_same_proven_address(gateway, idp) {
        assert_eq!(error(&link_with(&gateway, &idp, "bob@example.org").await), (409, "email_does_not_match"));
        idp.ways().person["email_verified"] = false.into();
        idp.ways().person["email"] = "eve@example.org".into();
        assert_eq!(error(&link_with(&gateway, &idp, "eve@example.org").await), (409, "account_not_linked"));
        idp.ways().person["email_verified"] = true.into();
        idp.ways().person["email"] = "ada@example.org".into();
        let (status, answer) = link_with(&gateway, &idp, "ada@example.org").await;
        assert_eq!((status, &answer["status"], &answer["redirect"]), (StatusCode::OK, &json!(true), &json!(false)));
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await.len(), 3);
        let mut stranger = gateway.browser();
        assert_eq!(call(&mut stranger, LINK, json!({ "id_token": "x" })).await.0, StatusCode::UNAUTHORIZED);
    }
}

with_idp! {
    async fn a_page_of_another_site_signs_nobody_in_with_a_token(gateway, idp) {
        for (header, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
            let mut victim = gateway.browser();
            let nonce = nonce(&mut victim).await;
            let body = json!({ "id_token": idp.id_token(Some(&nonce)) });
            let request = victim.raw().post(victim.address(SIGN_IN)).header(header, value).json(&body);
            let page = victim.send(request).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{header}: {value}: {}", page.body);
            assert!(page.body.contains("form.foreign") && !victim.is_signed_in().await, "{}", page.body);
        }
    }
}
