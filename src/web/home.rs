//! The front door, and whether the house stands.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use belgie_api::Result;
use belgie_api::web::Visitor;
use serde_json::json;

use super::{MCP_PATH, Web};

/// `GET /`
pub async fn home(State(web): State<Arc<Web>>, visitor: Visitor) -> Result<Response> {
    let context = json!({
        "mcp_url": web.urls.absolute(MCP_PATH),
        "sign_up_open": web.identity.rules().sign_up_open,
        "signed_in": visitor.caller.is_some(),
    });
    web.pages.page(&visitor, "home.html", &web.rules.site_name, context)
}

/// `/healthz` says that the process answers, `/readyz` that it can work.
pub fn health(web: &Arc<Web>) -> Router {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(Arc::clone(web))
}

async fn alive() -> Response {
    plain(StatusCode::OK, json!({ "status": "ok" }))
}

/// Ready: the database answers, and news of other processes are heard.
async fn ready(State(web): State<Arc<Web>>) -> Response {
    let database = web.identity.is_database_there().await;
    let news = web.identity.hears_news();
    let status = if database && news { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    plain(status, json!({ "database": database, "news": news }))
}

fn plain(status: StatusCode, body: serde_json::Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
