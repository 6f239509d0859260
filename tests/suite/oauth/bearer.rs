//! Tokens that are none, and good ones presented wrongly (RFC 6750, RFC 9068 where it does not apply).

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use belgie_api::crypto::base64url;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::assert_shut;
use crate::on_both_engines;
use crate::support::{Agent, Modern, Reply, TestGateway};

/// A call of `whoami` without any credential, to be given one.
fn call(agent: &Agent, url: &str) -> RequestBuilder {
    let modern = Modern { client: &agent.client, url, token: None };
    modern.request("tools/call", json!({ "name": "whoami", "arguments": {} }))
}

async fn send(request: RequestBuilder) -> Reply {
    Reply::read(request.send().await.expect("the gateway answers")).await
}

on_both_engines! {
    async fn nonsense_and_damaged_tokens_are_refused(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let good = agent.connect(&mut ada, "").await.access;
        let last = good.chars().last().expect("a character");
        let other = if last == 'A' { 'B' } else { 'A' };
        let head = &good[..good.len() - 1];
        let body = good.strip_prefix("blg_at_").expect("the prefix of access tokens");
        for bad in [
            "x".to_owned(),
            "blg_at_".to_owned(),
            "null".to_owned(),
            head.to_owned(),
            format!("{head}{other}"),
            format!("{good}A"),
            format!("{good}="),
            format!("{good},{good}"),
            format!("{good} {good}"),
            format!("\"{good}\""),
            good.to_uppercase(),
            body.to_owned(),
            format!("blg_pat_{body}"),
            format!("blg_at_{}", "A".repeat(47)),
            "A".repeat(7_000),
        ] {
            assert_shut(&agent.whoami(&bad).await);
        }
        assert_eq!(agent.whoami(&good).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_well_formed_token_that_was_never_issued_is_refused(gateway: TestGateway) {
        let agent = Agent::register(&gateway).await;
        let minted = belgie_api::TokenKind::Access.mint(&belgie_api::entropy::SystemEntropy);
        assert_shut(&agent.whoami(minted.expose()).await);
    }
}

on_both_engines! {
    async fn every_other_secret_of_ours_is_no_access_token(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let code = agent.code(&mut ada, "").await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        let (_, handle) = form.fields.iter().find(|(name, _)| name == "request").expect("a handle");
        let session = ada.cookie("belgie_session").expect("a session");
        for wrong in [&tokens.refresh, &code, handle, session, &agent.client_id] {
            assert_shut(&agent.whoami(wrong).await);
        }
    }
}

on_both_engines! {
    async fn an_expired_token_is_refused_even_if_it_was_just_used(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let token = agent.connect(&mut ada, "").await.access;
        gateway.clock.advance(Duration::from_secs(3000));
        assert_eq!(agent.whoami(&token).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(600));
        assert_shut(&agent.whoami(&token).await);
    }
}

on_both_engines! {
    async fn a_token_in_the_address_is_refused_even_if_it_is_good(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let token = agent.connect(&mut ada, "").await.access;
        for query in [format!("access_token={token}"), format!("x=1&access%5Ftoken={token}"), "access_token=".to_owned()] {
            let url = format!("{}?{query}", gateway.mcp_url());
            for request in [call(&agent, &url), call(&agent, &url).bearer_auth(&token)] {
                let reply = send(request).await;
                assert_eq!((reply.status, reply.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
                assert!(!reply.body.to_string().contains(&token));
            }
        }
        // Nor in the body (RFC 6750 section 2.2).
        let form = agent.client.post(gateway.mcp_url()).form(&[("access_token", &token)]);
        assert_eq!(send(form).await.status, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn other_schemes_and_two_headers_are_refused_even_with_a_good_token(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let token = agent.connect(&mut ada, "").await.access;
        let url = gateway.mcp_url();
        let basic = BASE64_STANDARD.encode(format!("{}:{token}", agent.client_id));
        for value in [
            format!("Basic {basic}"),
            format!("Basic {token}"),
            format!("Token {token}"),
            token.clone(),
            "Bearer".to_owned(),
            format!("Bearer\t{token}"),
            format!("Bearer{token}"),
            format!("Bearer {token}, Bearer {token}"),
        ] {
            assert_shut(&send(call(&agent, &url).header("authorization", value)).await);
        }
        let twice = call(&agent, &url).bearer_auth(&token).header("authorization", format!("Bearer {token}"));
        assert_shut(&send(twice).await);
        let mixed = call(&agent, &url).header("authorization", format!("Basic {basic}")).bearer_auth(&token);
        assert_shut(&send(mixed).await);
        // The scheme itself is written as one likes (RFC 9110 section 11.1).
        let lower = call(&agent, &url).header("authorization", format!("bearer {token}"));
        assert_eq!(send(lower).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_signed_text_of_a_stranger_is_no_token(gateway: TestGateway) {
        let person = gateway.person("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let claims = json!({
            "iss": gateway.url, "aud": gateway.mcp_url(), "sub": person.id, "client_id": agent.client_id,
            "scope": "admin connections:read", "iat": 0, "exp": 4_102_444_800_u64, "jti": "1",
        });
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        for algorithm in ["none", "None", "NONE", ""] {
            let unsigned = format!("{}.{}", part(&json!({ "alg": algorithm, "typ": "at+jwt" })), part(&claims));
            assert_shut(&agent.whoami(&format!("{unsigned}.")).await);
            assert_shut(&agent.whoami(&unsigned).await);
        }
        let key = Ed25519KeyPair::generate().expect("a key");
        let public = base64url(key.public_key().as_ref());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": public });
        for header in [
            json!({ "alg": "EdDSA", "typ": "at+jwt" }),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "jwk": jwk }),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "jku": "https://evil.example/jwks.json", "kid": "../../secret" }),
        ] {
            let text = format!("{}.{}", part(&header), part(&claims));
            let signature = base64url(key.sign(text.as_bytes()).as_ref());
            assert_shut(&agent.whoami(&format!("{text}.{signature}")).await);
        }
    }
}

on_both_engines! {
    async fn a_token_opens_the_endpoint_and_no_page(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let token = agent.connect(&mut ada, "").await.access;
        let request = agent.client.get(gateway.at("/account")).bearer_auth(&token);
        let answer = request.send().await.expect("an answer");
        assert_ne!(answer.status(), StatusCode::OK);
        let request = agent.client.get(agent.authorize_url(&agent.authorization(""))).bearer_auth(&token);
        let answer = request.send().await.expect("an answer");
        assert!(answer.headers()["location"].to_str().expect("an address").starts_with("/auth/signin?"));
    }
}
