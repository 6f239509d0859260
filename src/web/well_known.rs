//! Protected resource metadata (RFC 9728): where a client learns which authorization server to ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use belgie_api::Scope;
use serde_json::json;

use super::Web;

/// The path of the MCP endpoint.
pub const MCP_PATH: &str = "/mcp";
/// The well-known path of its metadata: inserted before the path of the resource (RFC 9728 section 3.1).
pub const MCP_METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

pub fn routes(web: &Arc<Web>) -> Router {
    Router::new()
        .route(MCP_METADATA_PATH, get(mcp_resource))
        .route("/.well-known/oauth-protected-resource", get(mcp_resource))
        .with_state(Arc::clone(web))
}

/// Only what basic use needs stands in `scopes_supported`: clients without a challenge ask for all of it.
async fn mcp_resource(State(web): State<Arc<Web>>) -> Response {
    let servers = if web.has_authorization_server { vec![web.urls.issuer()] } else { Vec::new() };
    let body = json!({
        "resource": web.urls.absolute(MCP_PATH),
        "authorization_servers": servers,
        "scopes_supported": web.default_scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
        "resource_name": web.rules.site_name,
    });
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
