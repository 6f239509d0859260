//! What the server says of itself: everything that is there, and nothing that is not.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::{Setup, TestGateway, unescape};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";
const ROOT_RESOURCE: &str = "/.well-known/oauth-protected-resource";

async fn json_at(gateway: &TestGateway, path: &str) -> Value {
    let answer = reqwest::get(gateway.at(path)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
    answer.json().await.expect("JSON")
}

async fn status(gateway: &TestGateway, method: Method, path: &str) -> StatusCode {
    let request = reqwest::Client::new().request(method, gateway.at(path));
    request.send().await.expect("an answer").status()
}

on_both_engines! {
    async fn the_server_document_has_exactly_these_members(gateway: TestGateway) {
        let methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
        let algorithms = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];
        let expected = json!({
            "issuer": gateway.url,
            "authorization_endpoint": gateway.at("/authorize"),
            "token_endpoint": gateway.at("/token"),
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "jwks_uri": gateway.at("/jwks"),
            "revocation_endpoint": gateway.at("/revoke"),
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "introspection_endpoint": gateway.at("/introspect"),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
            "registration_endpoint": gateway.at("/register"),
            "scopes_supported": ["admin", "demo:step-up", "connections:read", "clients:read", "clients:write", "org:read", "org:manage", "team:manage", "offline_access"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "client_id_metadata_document_supported": true,
            "authorization_response_iss_parameter_supported": true,
            "dpop_signing_alg_values_supported": algorithms,
        });
        assert_eq!(json_at(&gateway, SERVER).await, expected);
    }
}

on_both_engines! {
    async fn the_resource_documents_have_exactly_these_members(gateway: TestGateway) {
        let expected = json!({
            "resource": gateway.mcp_url(),
            "authorization_servers": [gateway.url],
            "scopes_supported": ["connections:read"],
            "bearer_methods_supported": ["header"],
            "resource_name": gateway.gateway.config().site_name,
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"],
        });
        assert_eq!(json_at(&gateway, RESOURCE).await, expected);
        assert_eq!(json_at(&gateway, ROOT_RESOURCE).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_advertised_answers_and_what_is_not_is_not_there() {
    let gateway = Setup::default().start(crate::support::Engine::Sqlite).await;
    let document = json_at(&gateway, SERVER).await;
    let members = document.as_object().expect("an object");
    let endpoints: BTreeSet<&str> =
        members.iter().filter(|(name, _)| name.ends_with("_endpoint")).filter_map(|(_, url)| url.as_str()).collect();
    assert_eq!(endpoints.len(), 5);
    for url in endpoints {
        let answer = reqwest::Client::new().post(url).body("").send().await.expect("an answer");
        assert!(answer.status().is_client_error() && answer.status() != StatusCode::NOT_FOUND, "{url}");
    }
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/jwks.json",
        "/userinfo",
        "/device_authorization",
        "/par",
    ] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(status(&gateway, method, path).await, StatusCode::NOT_FOUND, "{path}");
        }
    }
    let absent = ["userinfo_endpoint", "device_authorization_endpoint"];
    assert!(absent.iter().all(|name| !members.contains_key(*name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_is_neither_there_nor_advertised() {
    let setup = Setup::default().config("[plugins.oauth-server]\nregistration_open = false");
    let gateway = setup.start(crate::support::Engine::Sqlite).await;
    assert!(json_at(&gateway, SERVER).await.get("registration_endpoint").is_none());
    assert_eq!(status(&gateway, Method::POST, "/register").await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_read_the_documents_and_redeem_but_get_no_cookie() {
    let gateway = Setup::default().start(crate::support::Engine::Sqlite).await;
    let client = reqwest::Client::new();
    for path in [SERVER, RESOURCE, ROOT_RESOURCE] {
        let request = client.get(gateway.at(path)).header("origin", "https://inspector.example");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    for (path, method) in [(SERVER, "GET"), (RESOURCE, "GET"), ("/token", "POST"), ("/register", "POST")] {
        let request = client
            .request(Method::OPTIONS, gateway.at(path))
            .header("origin", "https://inspector.example")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "content-type,mcp-protocol-version");
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        let allowed = answer.headers()["access-control-allow-headers"].to_str().expect("names").to_ascii_lowercase();
        assert!(allowed.contains("mcp-protocol-version") && allowed.contains("content-type"), "{allowed}");
    }
    // A page must be able to read why it was refused.
    let request = client.post(gateway.at("/token")).header("origin", "https://inspector.example").body("");
    let refusal = request.send().await.expect("an answer");
    assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refusal.headers()["access-control-allow-origin"], "*");
    // The pages for people are open to nobody.
    let request = client.get(gateway.at("/authorize?client_id=x")).header("origin", "https://inspector.example");
    assert!(!request.send().await.expect("an answer").headers().contains_key("access-control-allow-origin"));
}

/// Codex sends the header with every request of its discovery, whatever the revision.
#[tokio::test(flavor = "multi_thread")]
async fn the_documents_do_not_care_for_a_protocol_version() {
    let gateway = Setup::default().start(crate::support::Engine::Sqlite).await;
    for version in ["2024-11-05", "2026-07-28", "tomorrow"] {
        for path in [SERVER, RESOURCE, ROOT_RESOURCE] {
            let request = reqwest::Client::new().get(gateway.at(path)).header("mcp-protocol-version", version);
            assert_eq!(request.send().await.expect("an answer").status(), StatusCode::OK, "{path} {version}");
        }
    }
}

on_both_engines! {
    async fn what_can_be_read_elsewhere_stands_in_the_documents_and_at_the_foot_of_pages(
        gateway: TestGateway,
        setup = Setup::default().config("[urls]\ndocumentation = \"https://docs.example/mcp\"\nterms = \"https://example.org/terms\"")
    ) {
        let server = json_at(&gateway, SERVER).await;
        assert_eq!(server["service_documentation"], "https://docs.example/mcp");
        assert_eq!((&server["op_tos_uri"], server.get("op_policy_uri")), (&json!("https://example.org/terms"), None));
        let resource = json_at(&gateway, RESOURCE).await;
        assert_eq!(resource["resource_documentation"], "https://docs.example/mcp");
        let told = (&resource["resource_tos_uri"], resource.get("resource_policy_uri"));
        assert_eq!(told, (&json!("https://example.org/terms"), None));
        let page = unescape(&gateway.browser().get("/auth/signin").await.body);
        assert!(page.contains("<a href=\"https://example.org/terms\">Terms</a>") && !page.contains("Privacy"), "{page}");
    }
}
