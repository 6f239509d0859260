//! `GET` and `POST /userinfo` (OpenID Connect Core 1.0 section 5.3): what a token tells of its person.

use std::sync::Arc;

use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use belgie_api::{Failure, Result};
use serde_json::Value;

use super::wire::unkept;
use crate::service::{NotTold, OAuth};

/// Takes the token from the `Authorization` header alone (RFC 6750 section 2.1).
pub async fn show(State(oauth): State<Arc<OAuth>>, info: RequestInfo, headers: HeaderMap) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::UserInfo, &info.ip.to_string()).await?;
    let Some(token) = read_bearer(&headers) else {
        return Ok(refuse(StatusCode::UNAUTHORIZED, "invalid_token", "A bearer token is needed.", "Bearer"));
    };
    match oauth.userinfo(token).await {
        Ok(claims) => Ok(unkept(StatusCode::OK, &Value::Object(claims))),
        Err(NotTold::Failure(failure)) => Err(failure),
        Err(NotTold::InvalidToken) => Ok(refuse(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The token is not good here.",
            "Bearer error=\"invalid_token\"",
        )),
        Err(NotTold::InsufficientScope) => Ok(refuse(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "The token has not the scope openid.",
            "Bearer error=\"insufficient_scope\", scope=\"openid\"",
        )),
    }
}

fn refuse(status: StatusCode, code: &'static str, message: &'static str, challenge: &'static str) -> Response {
    let mut response = Failure::with_status(status, code, message).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

fn read_bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (only, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
