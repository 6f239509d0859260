//! `GET` and `POST /userinfo` (OpenID Connect Core 1.0 section 5.3): what a token tells of its person.

use std::sync::Arc;

use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::{DPOP_NONCE, LimitBucket, NotProven};
use belgie_api::web::RequestInfo;
use belgie_api::{Failure, Result};
use serde_json::Value;

use super::wire::unkept;
use crate::model::dpop::Binding;
use crate::model::foreign_keys::ALGORITHM_NAMES;
use crate::model::refusal;
use crate::service::{NotTold, OAuth, ToldTo};

/// Takes the token from the `Authorization` header alone (RFC 6750 section 2.1, RFC 9449 section 7.1).
pub async fn show(
    State(oauth): State<Arc<OAuth>>,
    info: RequestInfo,
    method: Method,
    headers: HeaderMap,
) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::UserInfo, &info.ip.to_string()).await?;
    let binding = oauth.settings().dpop.binding;
    let Some((token, is_bound)) = read_token(&headers, binding) else {
        let none = Challenge { binding, is_bound: false, error: "", more: "" };
        return Ok(refuse(StatusCode::UNAUTHORIZED, "invalid_token", "A bearer token is needed.", &none));
    };
    let challenge = |error, more| Challenge { binding, is_bound, error, more };
    match oauth.userinfo(ToldTo { token, is_bound, method: &method, headers: &headers }).await {
        Ok(claims) => {
            Ok(with_nonce(unkept(StatusCode::OK, &Value::Object(claims)), oauth.next_nonce().filter(|_| is_bound)))
        }
        Err(NotTold::Failure(failure) | NotTold::NotProven(NotProven::Failure(failure))) => Err(failure),
        Err(NotTold::InvalidToken | NotTold::NotProven(NotProven::Key)) => {
            let challenge = challenge("invalid_token", "");
            Ok(refuse(StatusCode::UNAUTHORIZED, "invalid_token", "The token is not good here.", &challenge))
        }
        Err(NotTold::NotProven(NotProven::Proof)) => {
            let challenge = challenge(refusal::INVALID_PROOF, "");
            Ok(refuse(StatusCode::UNAUTHORIZED, refusal::INVALID_PROOF, "The DPoP proof is not good here.", &challenge))
        }
        Err(NotTold::NotProven(NotProven::Nonce(nonce))) => {
            let challenge = challenge(refusal::NONCE_WANTED, "");
            let said = "The DPoP proof needs the nonce that comes with this answer.";
            Ok(with_nonce(refuse(StatusCode::UNAUTHORIZED, refusal::NONCE_WANTED, said, &challenge), Some(nonce)))
        }
        Err(NotTold::InsufficientScope) => {
            let challenge = challenge("insufficient_scope", ", scope=\"openid\"");
            Ok(refuse(StatusCode::FORBIDDEN, "insufficient_scope", "The token has not the scope openid.", &challenge))
        }
    }
}

/// What a client is told to come with.
struct Challenge {
    binding: Binding,
    is_bound: bool,
    error: &'static str,
    more: &'static str,
}

impl Challenge {
    /// That of the scheme that was used, and without one of what is good here (RFC 6750 section 3, RFC 9449 section 7.1).
    fn values(&self) -> Vec<String> {
        let error =
            if self.error.is_empty() { String::new() } else { format!(" error=\"{}\"{}", self.error, self.more) };
        let bearer = format!("Bearer{error}");
        let separator = if error.is_empty() { "" } else { "," };
        let bound = format!("DPoP{error}{separator} algs=\"{ALGORITHM_NAMES}\"");
        match (self.binding, self.is_bound) {
            (Binding::Off, _) => vec![bearer],
            (_, true) | (Binding::Required, _) => vec![bound],
            (Binding::Accepted, false) if self.error == "insufficient_scope" => vec![bearer],
            (Binding::Accepted, false) => vec![bearer, format!("DPoP algs=\"{ALGORITHM_NAMES}\"")],
        }
    }
}

fn refuse(status: StatusCode, code: &'static str, message: &'static str, challenge: &Challenge) -> Response {
    let mut response = Failure::with_status(status, code, message).into_response();
    for value in challenge.values().into_iter().filter_map(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().append(header::WWW_AUTHENTICATE, value);
    }
    response
}

fn with_nonce(mut response: Response, nonce: Option<String>) -> Response {
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}

/// The token, and whether it is shown as bound to a key.
fn read_token(headers: &HeaderMap, binding: Binding) -> Option<(&str, bool)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (only, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    let is_bound = binding != Binding::Off && scheme.eq_ignore_ascii_case("dpop");
    (is_bound || scheme.eq_ignore_ascii_case("bearer")).then_some((token.trim(), is_bound))
}
