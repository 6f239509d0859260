//! `POST /par` (RFC 9126 section 2.1).

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use serde_json::json;

use super::wire::{OAuthError, read_client, read_form, unkept, with_nonce};
use crate::service::{OAuth, PUSHED_TTL};

/// Where requests are sent ahead.
pub const PATH: &str = "/par";

/// Keeps an authorization request and gives a reference to it; status 201 (RFC 9126 section 2.2).
pub async fn push(State(oauth): State<Arc<OAuth>>, info: RequestInfo, headers: HeaderMap, body: Bytes) -> Response {
    let answer = keep(&oauth, &info, &headers, &body).await.unwrap_or_else(IntoResponse::into_response);
    with_nonce(&oauth, &headers, answer)
}

async fn keep(oauth: &OAuth, info: &RequestInfo, headers: &HeaderMap, body: &[u8]) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Token, &info.ip.to_string()).await?;
    let params = read_form(headers, body)?;
    // Before anything is spent: whoever lacks a nonce comes again with all the rest.
    let proof = oauth.read_proof(headers, PATH)?;
    let (presented, used_header) = read_client(headers, &params)?;
    let client =
        oauth.authenticate_from(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?;
    oauth.count_call(LimitBucket::Client, PATH, &client, info.ip).await?;
    let reference = oauth.push(&client, &params, proof).await?;
    let body = json!({ "request_uri": reference, "expires_in": PUSHED_TTL.as_secs() });
    Ok(unkept(StatusCode::CREATED, &body))
}
