//! What other authorization servers have and this one lacks, on purpose: it is refused, and nobody is told that it is there.

use belgie_api::crypto::base64url;
use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use super::assert_refused;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Engine, Page, Setup, TestGateway};

async fn everything_on() -> TestGateway {
    let setup = "[plugins.oauth-server]\nopenid_connect = true\ndevice_authorization = true\npushed_requests = \"allowed\"\n\
                 token_exchange = true";
    Setup::default().config(setup).start(Engine::Sqlite).await
}

/// Nobody was asked, and nothing was given.
#[track_caller]
fn assert_comes_to_nothing(page: &Page, what: &str) {
    assert!(!page.body.contains("Let this agent act for you?"), "asked for consent with {what}");
    let location = page.headers.get(LOCATION).map(|value| value.to_str().expect("text")).unwrap_or_default();
    for word in ["code=", "access_token=", "id_token="] {
        assert!(!location.contains(word), "{what} gave {location}");
    }
    assert!(
        page.status == StatusCode::BAD_REQUEST || location.contains("error="),
        "{what}: {} {location}",
        page.status
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flow_gives_tokens_to_a_browser() {
    let gateway = everything_on().await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let agent = Agent::register(&gateway).await;
    for flow in
        ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token", "none", "CODE"]
    {
        let page = agent.ask_with(&mut ada, "response_type", Some(flow)).await;
        assert_comes_to_nothing(&page, flow);
    }
    for mode in ["fragment", "form_post", "jwt", "query.jwt", "web_message"] {
        let page = agent.ask_with(&mut ada, "response_mode", Some(mode)).await;
        assert_comes_to_nothing(&page, mode);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_given_to_a_client() {
    let gateway = everything_on().await;
    gateway.person("ada@example.org").await;
    let agent = Agent::register(&gateway).await;
    for grant in
        ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:openid:params:grant-type:ciba"]
    {
        let fields = [
            ("grant_type", grant.to_owned()),
            ("client_id", agent.client_id.clone()),
            ("username", "ada@example.org".to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        assert_refused(&agent.post("/token", &fields).await, StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_itself_what_it_asks_for() {
    let gateway = everything_on().await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let agent = Agent::register(&gateway).await;
    let part = |value: Value| base64url(value.to_string().as_bytes());
    let object = format!(
        "{}.{}.",
        part(json!({ "alg": "none" })),
        part(json!({ "scope": "demo:step-up", "redirect_uri": "https://evil.example/", "client_id": agent.client_id })),
    );
    let ask = |scope: &str, name: &str, value: &str| {
        let mut asked = agent.authorization(scope);
        asked.push((name.to_owned(), value.to_owned()));
        agent.authorize_url(&asked)
    };
    for (name, value) in [("request", object.as_str()), ("request_uri", "https://evil.example/request.jwt")] {
        let page = ada.get(&ask("openid connections:read", name, value)).await;
        assert_comes_to_nothing(&page, value);
        // Where nobody is told who the person is, it is a parameter like any other that nobody knows (RFC 6749 section 3.1).
        let page = ada.get(&ask("connections:read", name, value)).await;
        if name == "request" {
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert!(
                page.body.contains("connections:read"),
                "it is asked for what the request says itself: {}",
                page.body
            );
            assert!(!page.body.contains("demo:step-up") && !page.body.contains("evil.example"), "{}", page.body);
        } else {
            assert_comes_to_nothing(&page, value);
        }
    }
    let never_made = ask("connections:read", "request_uri", "urn:ietf:params:oauth:request_uri:never-made");
    assert_comes_to_nothing(&ada.get(&never_made).await, "a reference nobody was given");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_is_absent() {
    let gateway = everything_on().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let answer = reqwest::get(gateway.at(path)).await.expect("an answer");
        let document: Value = answer.json().await.expect("JSON");
        assert_eq!(document["response_types_supported"], json!(["code"]), "{path}");
        assert_eq!(document["response_modes_supported"], json!(["query"]), "{path}");
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]), "{path}");
        let grants = document["grant_types_supported"].as_array().expect("a list");
        assert!(!grants.contains(&json!("implicit")) && !grants.contains(&json!("password")), "{grants:?}");
        for name in [
            "request_parameter_supported",
            "request_uri_parameter_supported",
            "claims_parameter_supported",
            "require_signed_request_object",
            "tls_client_certificate_bound_access_tokens",
            "frontchannel_logout_supported",
        ] {
            assert!(matches!(document.get(name), None | Some(Value::Bool(false))), "{path} says {name}");
        }
        for name in [
            "mtls_endpoint_aliases",
            "check_session_iframe",
            "backchannel_authentication_endpoint",
            "authorization_details_types_supported",
        ] {
            assert!(document.get(name).is_none(), "{path} says {name}");
        }
        let methods = document["token_endpoint_auth_methods_supported"].as_array().expect("a list");
        for name in ["client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth"] {
            assert!(!methods.contains(&json!(name)), "{path} says {name}");
        }
        assert!(!document.to_string().contains("HS256"), "{path}");
    }
}
