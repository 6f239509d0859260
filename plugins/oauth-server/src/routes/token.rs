//! `POST /token` (OAuth 2.1 section 3.2).

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use serde_json::json;

use super::wire::{OAuthError, read_client, read_form, unkept, with_nonce};
use crate::model::dpop::DPOP_TYPE;
use crate::model::exchange::ACCESS_TOKEN;
use crate::service::{IssuedTokens, OAuth};

/// Where tokens are handed out.
pub const PATH: &str = "/token";

/// Hands out tokens, bound to a key if the client shows one (RFC 9449 section 5).
pub async fn redeem(State(oauth): State<Arc<OAuth>>, info: RequestInfo, headers: HeaderMap, body: Bytes) -> Response {
    let answer = hand_out(&oauth, &info, &headers, &body).await.unwrap_or_else(IntoResponse::into_response);
    with_nonce(&oauth, &headers, answer)
}

async fn hand_out(
    oauth: &Arc<OAuth>,
    info: &RequestInfo,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Token, &info.ip.to_string()).await?;
    let params = read_form(headers, body)?;
    // Before anything is spent: whoever lacks a nonce comes again with all the rest.
    let proof = oauth.read_proof(headers, PATH)?;
    let client = if oauth.is_of_workload(&params) {
        oauth.authenticate_workload(&params, proof.as_ref().map(|proof| proof.key.as_str())).await?
    } else {
        let (presented, used_header) = read_client(headers, &params)?;
        oauth.authenticate_from(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?
    };
    oauth.count_call(LimitBucket::Client, PATH, &client, info.ip).await?;
    let request = oauth.read_token_request(&params)?;
    let client = oauth.with_key(client, proof).await?;
    let issued = oauth.redeem(&client, request).await?;
    Ok(unkept(StatusCode::OK, &body_of(oauth, &issued)?))
}

fn body_of(oauth: &OAuth, issued: &IssuedTokens) -> Result<serde_json::Value> {
    let access = oauth.spelling().write_access(&issued.access)?;
    let refresh = issued.refresh.as_ref().map(|token| oauth.spelling().write(token)).transpose()?;
    let mut body = json!({
        "access_token": access.expose(),
        "token_type": if issued.is_bound { DPOP_TYPE } else { "Bearer" },
        "expires_in": issued.expires_in.as_secs(),
        "scope": issued.scopes.to_string(),
    });
    let Some(members) = body.as_object_mut() else { return Ok(body) };
    members.extend(issued.more.clone());
    if issued.is_exchanged {
        members.insert("issued_token_type".to_owned(), ACCESS_TOKEN.into());
    }
    if let Some(refresh) = &refresh {
        members.insert("refresh_token".to_owned(), refresh.expose().into());
    }
    if let Some(id_token) = &issued.id_token {
        members.insert("id_token".to_owned(), id_token.expose().into());
    }
    if let Some(organization) = issued.binding.organization {
        members.insert("organization".to_owned(), json!(organization));
        members.insert("teams".to_owned(), json!(issued.binding.teams));
    }
    Ok(body)
}
