//! Answers that are not what they should be.

use std::sync::Arc;

use belgie_api::crypto::base64url;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{START, arrived, assert_refused, open, sign_in, with_idp};
use crate::support::idp::{CLIENT, SigningKey, param};
use crate::support::{Browser, Idp};

const UNVERIFIED: &str = "oauth_code_verification_failed";

with_idp! {
    async fn nobody_is_signed_in_to_the_account_of_an_attacker(gateway, idp) {
        // Login CSRF: the attacker begins, agrees, and hands the victim the way back.
        let mut attacker = gateway.browser();
        let out = attacker.get(START).await;
        let back = idp.agree_by_query(&out.location());
        let mut victim = gateway.browser();
        let page = victim.get(&back).await;
        assert_refused(&mut victim, &page, "state_mismatch").await;
        // Having begun a sign-in of one's own does not help.
        victim.get(START).await;
        let page = victim.get(&back).await;
        assert_refused(&mut victim, &page, "state_mismatch").await;
        // A planted cookie of the attacker's making does not, either: it must be the very one.
        let name = out.headers["set-cookie"].to_str().expect("a cookie").split('=').next().expect("a name").to_owned();
        victim.plant(&name, "guessed");
        let page = victim.get(&back).await;
        assert_refused(&mut victim, &page, "state_mismatch").await;
        // And the attempt spoils nothing for whoever it belongs to.
        attacker.get(&back).await;
        assert!(attacker.is_signed_in().await);
    }
}

with_idp! {
    async fn an_answer_is_taken_once(gateway, idp) {
        let mut browser = gateway.browser();
        let out = browser.get(START).await;
        let (name, value) = browser_cookie(&out);
        let back = idp.agree_by_query(&out.location());
        browser.get(&back).await;
        assert!(browser.is_signed_in().await);
        let mut again = gateway.browser();
        again.plant(&name, &value);
        let page = again.get(&back).await;
        assert_refused(&mut again, &page, "state_not_found").await;
    }
}

with_idp! {
    async fn the_flow_of_one_provider_counts_at_no_other(gateway, idp,
        setup = |idp: &Idp| open(&[idp.table(""), idp.table_of("other", "")].concat()))
    {
        let mut browser = gateway.browser();
        let out = browser.get(START).await;
        let (name, value) = browser_cookie(&out);
        // A browser keeps the cookie under the name of the provider; this one is made to take it for another's.
        browser.plant(&name.replace("acme", "other"), &value);
        let back = idp.agree_by_query(&out.location()).replace("/acme/", "/other/");
        let page = browser.get(&back).await;
        assert_refused(&mut browser, &page, "state_mismatch").await;
    }
}

fn browser_cookie(page: &crate::support::Page) -> (String, String) {
    let cookie = page.headers["set-cookie"].to_str().expect("a cookie");
    let (name, rest) = cookie.split_once('=').expect("a cookie");
    (name.to_owned(), rest.split(';').next().expect("a value").to_owned())
}

with_idp! {
    async fn an_answer_comes_in_time(gateway, idp) {
        let mut browser = gateway.browser();
        let back = idp.agree_by_query(&browser.get(START).await.location());
        gateway.clock.advance(std::time::Duration::from_secs(601));
        let page = browser.get(&back).await;
        assert_refused(&mut browser, &page, "state_not_found").await;
    }
}

with_idp! {
    async fn an_answer_of_another_provider_is_refused(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}", idp.table(""), idp.table_of("other", ""))))
    {
        // Mix-up: the answer for one provider is brought to the callback of another.
        let mut browser = gateway.browser();
        let back = idp.agree_by_query(&browser.get(START).await.location()).replace("/acme/", "/other/");
        let page = browser.get(&back).await;
        assert_refused(&mut browser, &page, "state_mismatch").await;
        assert_eq!(idp.count("/token"), 0, "no code was handed to anybody");
    }
}

with_idp! {
    async fn an_answer_names_its_maker_where_that_is_announced(gateway, idp) {
        idp.ways().names_itself = true;
        let mut browser = gateway.browser();
        let back = idp.agree_by_query(&browser.get(START).await.location());
        let iss = param(&back, "iss");
        let encoded: String = url::form_urlencoded::byte_serialize(iss.as_bytes()).collect();
        let page = browser.get(&back.replace(&format!("&iss={encoded}"), "")).await;
        assert_refused(&mut browser, &page, "issuer_missing").await;

        let back = idp.agree_by_query(&browser.get(START).await.location());
        let page = browser.get(&back.replace(&encoded, "https%3A%2F%2Fevil.example")).await;
        assert_refused(&mut browser, &page, "issuer_mismatch").await;
        assert_eq!(idp.count("/token"), 0);

        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    }
}

with_idp! {
    async fn an_answer_names_its_maker_where_the_operator_wants_it(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("require_issuer_parameter_validation = true")))
    {
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_refused(&mut browser, &page, "issuer_missing").await;
    }
}

with_idp! {
    async fn an_answer_without_a_state_or_with_two_is_refused(gateway, idp) {
        let mut browser = gateway.browser();
        browser.get(START).await;
        let page = browser.get("/auth/provider/acme/callback?code=x").await;
        assert_refused(&mut browser, &page, "state_not_found").await;
        let page = browser.get("/auth/provider/acme/callback?code=x&state=a&state=b").await;
        assert_refused(&mut browser, &page, "oauth_callback_failed").await;
        let page = browser.get("/auth/provider/acme/callback?code=x&state=nonsense").await;
        assert_refused(&mut browser, &page, "state_mismatch").await;
        assert_eq!(browser.get("/auth/provider/nobody/callback?code=x").await.status, StatusCode::NOT_FOUND);
        assert_eq!(idp.count("/token"), 0);
    }
}

async fn refused(gateway: &crate::support::TestGateway, idp: &Idp, code: &str) {
    let mut browser: Browser = gateway.browser();
    let page = sign_in(&mut browser, idp).await;
    assert_refused(&mut browser, &page, code).await;
}

with_idp! {
    async fn a_token_with_wrong_claims_is_refused(gateway, idp) {
        type Change = fn(&mut serde_json::Map<String, Value>);
        let changes: [(&str, Change); 14] = [
            ("no nonce", |claims| drop(claims.remove("nonce"))),
            ("another nonce", |claims| drop(claims.insert("nonce".into(), "another".into()))),
            ("another issuer", |claims| drop(claims.insert("iss".into(), "https://evil.example".into()))),
            ("no issuer", |claims| drop(claims.remove("iss"))),
            ("another audience", |claims| drop(claims.insert("aud".into(), "somebody".into()))),
            ("no audience", |claims| drop(claims.remove("aud"))),
            ("several audiences and no party", |claims| drop(claims.insert("aud".into(), json!([CLIENT, "x"])))),
            ("another party", |claims| drop(claims.insert("azp".into(), "somebody".into()))),
            ("expired", |claims| drop(claims.insert("exp".into(), 1_000_000.into()))),
            ("no end", |claims| drop(claims.remove("exp"))),
            ("of the future", |claims| drop(claims.insert("iat".into(), 99_999_999_999_u64.into()))),
            ("not yet", |claims| drop(claims.insert("nbf".into(), 99_999_999_999_u64.into()))),
            ("another access token", |claims| drop(claims.insert("at_hash".into(), "AAAAAAAAAAAAAAAAAAAAAA".into()))),
            ("no subject", |claims| drop(claims.remove("sub"))),
        ];
        for (what, change) in changes {
            idp.spoil(move |_, claims| change(claims));
            let mut browser = gateway.browser();
            let page = sign_in(&mut browser, &idp).await;
            assert!(page.status.is_client_error() || page.status == StatusCode::BAD_GATEWAY, "{what}: {}", page.status);
            assert!(!browser.is_signed_in().await, "{what}");
        }
        idp.ways().spoil = None;
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn a_tampered_token_is_refused(gateway, idp) {
        let key = idp.ways().key.clone();
        idp.ways().forge = Some(Arc::new(move |claims| {
            let mut header = Header::new(key.algorithm());
            header.kid = Some(key.id().to_owned());
            let genuine = key.sign(&header, claims);
            let mut parts: Vec<String> = genuine.split('.').map(str::to_owned).collect();
            let mut changed = claims.clone();
            changed.insert("email".into(), "root@example.org".into());
            parts[1] = base64url(Value::Object(changed).to_string().as_bytes());
            parts.join(".")
        }));
        refused(&gateway, &idp, UNVERIFIED).await;
    }
}

with_idp! {
    async fn a_token_that_nobody_signed_is_refused(gateway, idp) {
        for algorithm in ["none", "None", "NONE"] {
            idp.ways().forge = Some(Arc::new(move |claims| {
                let header = base64url(json!({ "alg": algorithm, "typ": "JWT" }).to_string().as_bytes());
                format!("{header}.{}.", base64url(Value::Object(claims.clone()).to_string().as_bytes()))
            }));
            refused(&gateway, &idp, UNVERIFIED).await;
        }
    }
}

with_idp! {
    async fn a_public_key_is_no_shared_secret(gateway, idp) {
        // Algorithm confusion: signed with HS256, the secret being what everybody can read.
        let rsa = SigningKey::new("rsa", Algorithm::RS256);
        {
            let mut ways = idp.ways();
            ways.published = vec![rsa.clone()];
            ways.key = rsa.clone();
        }
        for secret in [rsa.public().to_vec(), rsa.jwk()["n"].as_str().expect("a text").as_bytes().to_vec()] {
            idp.ways().forge = Some(Arc::new(move |claims| {
                let mut header = Header::new(Algorithm::HS256);
                header.kid = Some("rsa".to_owned());
                encode(&header, claims, &EncodingKey::from_secret(&secret)).expect("a token")
            }));
            refused(&gateway, &idp, UNVERIFIED).await;
        }
        idp.ways().forge = Some(Arc::new(|claims| {
            let key = EncodingKey::from_secret(crate::support::idp::SECRET.as_bytes());
            encode(&Header::new(Algorithm::HS256), claims, &key).expect("a token")
        }));
        refused(&gateway, &idp, UNVERIFIED).await;
        idp.ways().forge = None;
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn a_key_of_somebody_else_signs_nothing(gateway, idp) {
        idp.ways().key = SigningKey::new("first", Algorithm::ES256);
        refused(&gateway, &idp, UNVERIFIED).await;
    }
}

with_idp! {
    async fn new_keys_are_learnt_and_unknown_ones_do_not_make_us_a_nuisance(gateway, idp) {
        arrived(&gateway, &idp).await;
        assert_eq!(idp.count("/jwks"), 1);
        let second = SigningKey::new("second", Algorithm::ES256);
        {
            let mut ways = idp.ways();
            ways.published.push(second.clone());
            ways.key = second;
        }
        arrived(&gateway, &idp).await;
        assert_eq!(idp.count("/jwks"), 2, "an unknown key is looked for");
        // Key-id flooding: tokens with made-up keys.
        for number in 0..5 {
            idp.spoil(move |header, _| header.kid = Some(format!("made-up-{number}")));
            refused(&gateway, &idp, UNVERIFIED).await;
        }
        assert_eq!(idp.count("/jwks"), 2, "but not again and again");
        gateway.clock.advance(std::time::Duration::from_secs(61));
        refused(&gateway, &idp, UNVERIFIED).await;
        assert_eq!(idp.count("/jwks"), 3);
    }
}

with_idp! {
    async fn the_errors_of_a_provider_are_explained(gateway, idp) {
        let mut browser = gateway.browser();
        let state = param(&browser.get(START).await.location(), "state");
        let page = browser.get(&format!("/auth/provider/acme/callback?error=access_denied&state={state}")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_refused(&mut browser, &page, "access_denied").await;
        let state = param(&browser.get(START).await.location(), "state");
        let page = browser.get(&format!("/auth/provider/acme/callback?error=<script>&state={state}")).await;
        assert_refused(&mut browser, &page, "oauth_callback_failed").await;
        assert!(!page.body.contains("<script>"));
        idp.ways().token_answer = Some((reqwest::StatusCode::OK, json!({ "error": "bad_verification_code" })));
        refused(&gateway, &idp, UNVERIFIED).await;
    }
}
