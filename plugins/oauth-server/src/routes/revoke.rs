//! `POST /revoke` (RFC 7009 section 2).

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use belgie_api::{PlainToken, TokenKind};
use serde_json::json;

use super::wire::{OAuthError, read_client, read_form, unkept};
use crate::model::refusal;
use crate::service::OAuth;

/// Takes a token back. A personal token needs no client beside it. `token_type_hint` is not needed: a token says itself of which kind it is.
pub async fn revoke(
    State(oauth): State<Arc<OAuth>>,
    info: RequestInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Revoke, &info.ip.to_string()).await?;
    let params = read_form(&headers, &body)?;
    if let Some(token) = params.get("token").and_then(|token| PlainToken::parse_as(TokenKind::Personal, token)) {
        oauth.give_back_personal(&token).await?;
        return Ok(unkept(StatusCode::OK, &json!({})));
    }
    let (presented, used_header) = read_client(&headers, &params)?;
    let client =
        oauth.authenticate_from(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?;
    oauth.count_call(LimitBucket::Client, "/revoke", &client, info.ip).await?;
    let token = params.get("token").ok_or_else(|| refusal::invalid_request("token is missing."))?;
    oauth.revoke(&client, token).await?;
    Ok(unkept(StatusCode::OK, &json!({})))
}
