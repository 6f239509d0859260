//! `GET /.well-known/oauth-authorization-server` (RFC 8414 section 3). It says what is there and nothing else.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::header;
use belgie_api::axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::model::device::DEVICE_CODE;
use crate::model::dpop::Binding;
use crate::model::exchange::TOKEN_EXCHANGE;
use crate::model::foreign_keys::ALGORITHMS;
use crate::model::key::KeyAlgorithm;
use crate::model::openid::CLAIMS;
use crate::model::prompt::PROMPTS;
use crate::model::scopes::OFFLINE_ACCESS;
use crate::model::settings::Pushing;
use crate::model::trust::{ID_JAG_PROFILE, JWT_BEARER};
use crate::service::{LOGOUT, OAuth, USERINFO};

/// Where the document is: the issuer has no path.
pub const PATH: &str = "/.well-known/oauth-authorization-server";

/// Where it is for those who look for OpenID Connect (Discovery 1.0 section 4); only where that is on.
pub const OPENID_PATH: &str = "/.well-known/openid-configuration";

/// The document of the authorization server.
pub async fn show(State(oauth): State<Arc<OAuth>>) -> Result<Response> {
    Ok(answer(&document(&oauth)?))
}

/// The same with what is known of people.
pub async fn show_openid(State(oauth): State<Arc<OAuth>>) -> Result<Response> {
    let mut document = document(&oauth)?;
    if let (Some(members), Value::Object(more)) = (document.as_object_mut(), openid_members(&oauth)) {
        members.extend(more);
    }
    Ok(answer(&document))
}

fn answer(document: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, document.to_string()).into_response()
}

fn document(oauth: &OAuth) -> Result<Value> {
    let urls = oauth.host().urls();
    let offered = oauth.host().catalog()?.scopes.iter().map(|info| info.name.as_ref());
    let scopes: Vec<&str> = offered.chain([OFFLINE_ACCESS]).collect();
    let methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
    let mut document = json!({
        "issuer": urls.issuer(),
        "authorization_endpoint": urls.absolute("/authorize"),
        "token_endpoint": urls.absolute("/token"),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "jwks_uri": urls.absolute(super::keys::PATH),
        "revocation_endpoint": urls.absolute("/revoke"),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint": urls.absolute("/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
    });
    if let (true, Some(members)) = (oauth.settings().has_registration(), document.as_object_mut()) {
        members.insert("registration_endpoint".to_owned(), urls.absolute("/register").into());
    }
    if let (false, Some(members)) = (oauth.settings().dpop.binding == Binding::Off, document.as_object_mut()) {
        members.insert("dpop_signing_alg_values_supported".to_owned(), json!(ALGORITHMS));
    }
    if let (false, Some(members)) = (oauth.settings().pushed_requests == Pushing::Off, document.as_object_mut()) {
        let required = oauth.settings().pushed_requests == Pushing::Required;
        members.insert("pushed_authorization_request_endpoint".to_owned(), urls.absolute(super::par::PATH).into());
        members.insert("require_pushed_authorization_requests".to_owned(), required.into());
    }
    let links = urls.links().named(["service_documentation", "op_tos_uri", "op_policy_uri"]);
    if let Some(members) = document.as_object_mut() {
        members.extend(links.map(|(name, link)| (name.to_owned(), json!(link))));
    }
    let issuers = &oauth.settings().issuers;
    if !issuers.is_empty() {
        add_grant(&mut document, JWT_BEARER);
    }
    if let (true, Some(members)) = (issuers.iter().any(|issuer| issuer.speaks_for_people), document.as_object_mut()) {
        members.insert("authorization_grant_profiles_supported".to_owned(), json!([ID_JAG_PROFILE]));
    }
    if oauth.settings().token_exchange {
        add_grant(&mut document, TOKEN_EXCHANGE);
    }
    if oauth.settings().device_authorization {
        if let Some(members) = document.as_object_mut() {
            members.insert("device_authorization_endpoint".to_owned(), urls.absolute(super::device::PATH).into());
        }
        add_grant(&mut document, DEVICE_CODE);
    }
    Ok(document)
}

fn add_grant(document: &mut Value, name: &str) {
    if let Some(grants) = document.get_mut("grant_types_supported").and_then(Value::as_array_mut) {
        grants.push(name.into());
    }
}

/// OpenID Connect Discovery 1.0 section 3. What would be taken for granted, and is not here, is said.
fn openid_members(oauth: &OAuth) -> Value {
    let can_create = oauth.host().accounts().is_sign_up_open();
    let prompts: Vec<&str> = PROMPTS.into_iter().filter(|word| can_create || *word != "create").collect();
    json!({
        "userinfo_endpoint": oauth.host().urls().absolute(USERINFO),
        "end_session_endpoint": oauth.host().urls().absolute(LOGOUT),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": KeyAlgorithm::ALL.map(KeyAlgorithm::as_str),
        "claims_supported": CLAIMS,
        "claim_types_supported": ["normal"],
        "prompt_values_supported": prompts,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": oauth.takes_request_uris(),
    })
}
