//! `POST /introspect` (RFC 7662 section 2).

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;

use super::wire::{OAuthError, read_client, read_form, unkept};
use crate::model::refusal;
use crate::service::{OAuth, Verifier};

/// Tells a resource server what a token is. `token_type_hint` is not needed: a token says itself of which kind it is. The limit
/// is wide: a resource server asks with each call it has.
pub async fn introspect(
    State(oauth): State<Arc<OAuth>>,
    info: RequestInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    oauth.host().limits().take(LimitBucket::Introspect, &info.ip.to_string()).await?;
    let params = read_form(&headers, &body)?;
    let (presented, used_header) = read_client(&headers, &params)?;
    let asker =
        oauth.authenticate_asker(presented, info.ip).await.map_err(|failure| OAuthError::new(failure, used_header))?;
    oauth.count_call(LimitBucket::Introspect, "/introspect", &asker, info.ip).await?;
    let token = params.get("token").ok_or_else(|| refusal::invalid_request("token is missing."))?;
    let answer = Verifier::new(oauth).introspect(&asker, token).await?;
    Ok(unkept(StatusCode::OK, &answer))
}
