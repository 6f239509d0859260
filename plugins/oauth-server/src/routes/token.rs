//! `POST /token` (OAuth 2.1 section 3.2).

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use serde_json::json;

use super::wire::{OAuthError, read_client, read_form, unkept};
use crate::model::exchange::ACCESS_TOKEN;
use crate::service::{IssuedTokens, OAuth};

/// Hands out tokens for a code or a refresh token.
pub async fn redeem(
    State(oauth): State<Arc<OAuth>>,
    info: RequestInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Token, &info.ip.to_string()).await?;
    let params = read_form(&headers, &body)?;
    let client = if oauth.is_of_workload(&params) {
        oauth.authenticate_workload(&params).await?
    } else {
        let (presented, used_header) = read_client(&headers, &params)?;
        oauth.authenticate_from(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?
    };
    let request = oauth.read_token_request(&params)?;
    let issued = oauth.redeem(&client, request).await?;
    Ok(unkept(StatusCode::OK, &body_of(&issued)))
}

fn body_of(issued: &IssuedTokens) -> serde_json::Value {
    let mut body = json!({
        "access_token": issued.access.expose(),
        "token_type": "Bearer",
        "expires_in": issued.expires_in.as_secs(),
        "scope": issued.scopes.to_string(),
    });
    let Some(members) = body.as_object_mut() else { return body };
    members.extend(issued.more.clone());
    if issued.is_exchanged {
        members.insert("issued_token_type".to_owned(), ACCESS_TOKEN.into());
    }
    if let Some(refresh) = &issued.refresh {
        members.insert("refresh_token".to_owned(), refresh.expose().into());
    }
    if let Some(id_token) = &issued.id_token {
        members.insert("id_token".to_owned(), id_token.expose().into());
    }
    if let Some(organization) = issued.binding.organization {
        members.insert("organization".to_owned(), json!(organization));
        members.insert("teams".to_owned(), json!(issued.binding.teams));
    }
    body
}
