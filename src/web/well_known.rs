//! Protected resource metadata (RFC 9728): where a client learns which authorization server to ask.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use belgie_api::{Failure, Scope, ScopeSet, resource};
use serde_json::json;

use super::{Web, errors};

/// The path of the shared MCP endpoint.
pub const MCP_PATH: &str = resource::SHARED;
/// The well-known path of its metadata: inserted before the path of the resource (RFC 9728 section 3.1).
pub const MCP_METADATA_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// The well-known path of the metadata of a resource of ours.
pub fn metadata_path(resource: &str) -> String {
    format!("/.well-known/oauth-protected-resource{resource}")
}

pub fn routes(web: &Arc<Web>) -> Router {
    let shared = |State(web): State<Arc<Web>>| async move { describe(&web, MCP_PATH, &web.default_scopes.shared) };
    let mut routes =
        Router::new().route(MCP_METADATA_PATH, get(shared)).route("/.well-known/oauth-protected-resource", get(shared));
    if web.has_organizations {
        routes = routes.route(&metadata_path(resource::OF_ORGANIZATION), get(organization_resource));
    }
    routes.with_state(Arc::clone(web))
}

/// The metadata of an organization's endpoint, for every organization there could be: nobody learns here which there are.
async fn organization_resource(State(web): State<Arc<Web>>, Path(slug): Path<String>) -> Response {
    if resource::is_slug(&slug) {
        return describe(&web, &resource::path_of(&slug), &web.default_scopes.of_organizations);
    }
    errors::json(&Failure::not_found("web.not_found", "There is no such resource."))
}

/// Only what basic use needs stands in `scopes_supported`: clients without a challenge ask for all of it.
fn describe(web: &Web, path: &str, needed: &ScopeSet) -> Response {
    let servers = if web.has_authorization_server { vec![web.urls.issuer()] } else { Vec::new() };
    let mut body = json!({
        "resource": web.urls.absolute(path),
        "authorization_servers": servers,
        "scopes_supported": needed.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
        "resource_name": web.rules.site_name,
    });
    if let (Some(proofs), Some(members)) = (&web.proofs, body.as_object_mut()) {
        let algorithms: Vec<&str> = proofs.0.algorithms().split(' ').collect();
        members.insert("dpop_signing_alg_values_supported".to_owned(), json!(algorithms));
        if proofs.0.is_required() {
            members.insert("dpop_bound_access_tokens_required".to_owned(), true.into());
        }
    }
    let links = web.urls.links().named(["resource_documentation", "resource_tos_uri", "resource_policy_uri"]);
    if let Some(members) = body.as_object_mut() {
        members.extend(links.map(|(name, link)| (name.to_owned(), json!(link))));
    }
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
