//! The authorization server from outside: the way in, and what attackers try on it.

mod absent;
mod assertions;
mod backchannel;
mod bearer;
mod claims;
mod client_commands;
mod client_details;
mod client_keys;
mod client_secrets;
mod codes;
mod consent;
mod device;
mod documents;
mod dpop;
mod dpop_attacks;
mod dpop_clients;
mod dpop_nonces;
mod enterprises;
mod exchange;
mod forged_consent;
mod forms;
mod full_names;
mod hierarchy;
mod hints;
mod introspection;
mod journey;
mod kept_requests;
mod keys;
mod less_remembered;
mod limits;
mod lock_order;
mod logout;
pub mod machines;
mod managed;
mod meanwhile;
mod metadata;
mod narrowed;
mod openid;
pub mod own_clients;
mod own_pages;
mod own_tokens;
mod pairwise;
mod pushed;
mod redirects;
mod refresh;
mod refresh_again;
mod refresh_race;
mod registration;
mod remembered;
mod resource_server;
mod resources;
mod revocation;
mod rights;
mod secrets;
mod signed;
mod today;
mod trusted;
mod unreachable;

use reqwest::StatusCode;
use reqwest::header::LOCATION;

use crate::support::{Agent, Page, Reply};

/// An error of an OAuth endpoint: status, code and nothing that anybody may keep (RFC 6749 section 5.2).
#[track_caller]
fn assert_refused(reply: &Reply, status: StatusCode, code: &str) {
    assert_eq!((reply.status, reply.body["error"].as_str()), (status, Some(code)), "{}", reply.body);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(reply.body.get("access_token").is_none() && reply.body.get("refresh_token").is_none());
}

/// The refusal of a code or a refresh token.
#[track_caller]
fn assert_invalid_grant(reply: &Reply) {
    assert_refused(reply, StatusCode::BAD_REQUEST, "invalid_grant");
}

/// The endpoint's answer to a token that is not good here (RFC 6750 section 3.1, RFC 9728 section 5.1).
#[track_caller]
fn assert_shut(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
    let challenge = reply.challenge();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    assert!(challenge.contains("resource_metadata=\"http"), "{challenge}");
}

/// A fault that is told to the person and to nobody else: a page, never a redirect.
#[track_caller]
fn assert_page_alone(page: &Page, words: &str) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert!(page.headers.get(LOCATION).is_none(), "it leads to {:?}", page.headers.get(LOCATION));
    assert!(page.headers["content-type"].as_bytes().starts_with(b"text/html"));
    assert!(page.body.contains(words), "no `{words}` in {}", page.body);
}

/// A fault that travels to the client: with its state, the issuer (RFC 9207) and no code.
#[track_caller]
fn assert_sent_back(agent: &Agent, page: &Page, error: &str) {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(page.location().starts_with(&format!("{}?", agent.redirect_uri)), "{}", page.location());
    assert_eq!(page.sent_parameter("error").as_deref(), Some(error), "{}", page.location());
    assert_eq!(page.sent_parameter("state").as_deref(), Some("state-of-the-suite"));
    assert_eq!(page.sent_parameter("iss").as_deref(), Some(agent.base.as_str()));
    assert_eq!(page.sent_parameter("code"), None);
}

/// A gateway whose access tokens are signed.
fn signing() -> crate::support::Setup {
    crate::support::Setup::default().config("[plugins.oauth-server]\naccess_token_format = \"jwt\"")
}

/// The keys a gateway publishes.
async fn published(gateway: &crate::support::TestGateway) -> Vec<serde_json::Value> {
    let answer = reqwest::get(gateway.at("/jwks")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let document: serde_json::Value = answer.json().await.expect("JSON");
    document["keys"].as_array().expect("keys").clone()
}

/// A part of a signed token, unchecked: 0 is the header, 1 the claims.
fn part(token: &str, number: usize) -> serde_json::Value {
    let part = token.split('.').nth(number).expect("a signed token");
    serde_json::from_slice(&belgie_api::crypto::from_base64url(part).expect("base64url")).expect("JSON")
}

/// The claims of a token, checked as others would: by the published key of its id alone.
async fn checked(gateway: &crate::support::TestGateway, token: &str) -> serde_json::Value {
    let kid = part(token, 0)["kid"].clone();
    let keys = published(gateway).await;
    let key = keys.into_iter().find(|key| key["kid"] == kid).expect("the key is published");
    let algorithm: jsonwebtoken::Algorithm = serde_json::from_value(key["alg"].clone()).expect("an algorithm");
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
    jsonwebtoken::decode(token, &key, &validation).expect("a genuine signature").claims
}
