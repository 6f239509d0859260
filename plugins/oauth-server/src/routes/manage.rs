//! `GET`, `PUT` and `DELETE /register/{client}` (RFC 7592 section 2): a client manages its own registration, with the token it was
//! given when it registered.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, State};
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use belgie_api::{ClientId, Failure, PlainToken, Result, TokenKind};

use super::register::body_of;
use super::wire::{has_type, read_bearer, unkept};
use crate::model::client::RegisteredClient;
use crate::model::refusal;
use crate::service::{NewClient, OAuth};

type Service = State<Arc<OAuth>>;

/// What the client is registered as. Its secret is not kept in a form that could be shown.
pub async fn show(oauth: Service, info: RequestInfo, id: Path<String>, headers: HeaderMap) -> Response {
    challenged(read(&oauth, &info, &id, &headers).await)
}

async fn read(oauth: &OAuth, info: &RequestInfo, id: &str, headers: &HeaderMap) -> Result<Response> {
    let (id, token) = admit(oauth, info, id, headers).await?;
    let client = oauth.read_registration(&id, token).await?;
    Ok(answer(oauth, client, token))
}

/// Puts other metadata in the place of the present ones.
pub async fn change(oauth: Service, info: RequestInfo, id: Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    challenged(put(&oauth, &info, &id, &headers, &body).await)
}

async fn put(oauth: &OAuth, info: &RequestInfo, id: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response> {
    let (id, token) = admit(oauth, info, id, headers).await?;
    // Whoever may not is not told what is wrong with what they sent.
    oauth.read_registration(&id, token).await?;
    if !has_type(headers, "application/json") {
        return Err(refusal::invalid_client_metadata("Send the metadata as application/json."));
    }
    let change = crate::model::registration::read_change(body, &oauth.host().catalog()?.scopes, oauth.settings())?;
    let client = oauth.change_registration(&id, token, change).await?;
    Ok(answer(oauth, client, token))
}

/// Ends the client, with everything given to it; status 204 (RFC 7592 section 2.3).
pub async fn end(oauth: Service, info: RequestInfo, id: Path<String>, headers: HeaderMap) -> Response {
    challenged(delete(&oauth, &info, &id, &headers).await)
}

async fn delete(oauth: &OAuth, info: &RequestInfo, id: &str, headers: &HeaderMap) -> Result<Response> {
    let (id, token) = admit(oauth, info, id, headers).await?;
    oauth.end_registration(&id, token).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

async fn admit<'a>(oauth: &OAuth, info: &RequestInfo, id: &str, headers: &'a HeaderMap) -> Result<(ClientId, &'a str)> {
    oauth.host().limits().take(LimitBucket::Manage, &info.ip.to_string()).await?;
    let token = read_bearer(headers)?.ok_or_else(refusal::no_registration)?;
    Ok((ClientId::from_wire(id), token))
}

/// RFC 7592 section 3: the token that was shown stands in the answer again.
fn answer(oauth: &OAuth, client: RegisteredClient, token: &str) -> Response {
    let registration_token = PlainToken::parse_as(TokenKind::Registration, token);
    let shown = NewClient { client, secret: None, registration_token };
    unkept(StatusCode::OK, &body_of(oauth, &shown))
}

/// RFC 6750 section 3: whoever shows no token that is good is told that one is wanted.
fn challenged(answer: Result<Response, Failure>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
