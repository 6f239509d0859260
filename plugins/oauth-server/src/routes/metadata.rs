//! `GET /.well-known/oauth-authorization-server` (RFC 8414 section 3). It says what is there and nothing else.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::header;
use belgie_api::axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::model::scopes::OFFLINE_ACCESS;
use crate::service::OAuth;

/// Where the document is: the issuer has no path.
pub const PATH: &str = "/.well-known/oauth-authorization-server";

pub async fn show(State(oauth): State<Arc<OAuth>>) -> Result<Response> {
    let document = document(&oauth)?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, document.to_string()).into_response())
}

fn document(oauth: &OAuth) -> Result<Value> {
    let urls = oauth.host().urls();
    let offered = oauth.host().catalog()?.scopes.iter().map(|info| info.name.as_ref());
    let scopes: Vec<&str> = offered.chain([OFFLINE_ACCESS]).collect();
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    let mut document = json!({
        "issuer": urls.issuer(),
        "authorization_endpoint": urls.absolute("/authorize"),
        "token_endpoint": urls.absolute("/token"),
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": urls.absolute("/revoke"),
        "revocation_endpoint_auth_methods_supported": methods,
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
    });
    if let (true, Some(members)) = (oauth.settings().registration_open, document.as_object_mut()) {
        members.insert("registration_endpoint".to_owned(), urls.absolute("/register").into());
    }
    Ok(document)
}
