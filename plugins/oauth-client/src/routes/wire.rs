//! Reading bodies and writing redirects.

use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::{Failure, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::return_to::with_parameter;
use crate::service::Lost;

/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Sends the browser elsewhere with a GET, with these cookies.
///
/// # Errors
/// When the address cannot stand in a header.
pub fn see_other(location: &str, cookies: Vec<HeaderValue>) -> Result<Response> {
    let location = HeaderValue::from_str(location).map_err(Failure::internal)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok(with_cookies((StatusCode::SEE_OTHER, headers).into_response(), cookies))
}

/// Adds cookies to an answer.
pub fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Where an error goes, when the flow or the settings say so: `?error=code`.
pub fn error_target(lost: &Lost) -> Option<String> {
    lost.error_to.as_deref().map(|to| with_parameter(to, "error", lost.failure.code()))
}

/// JSON that nobody may keep.
pub fn unkept(body: &impl Serialize) -> Result<Response> {
    let body = serde_json::to_string(body).map_err(Failure::internal)?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}

/// Reads a JSON body. Only JSON will do: a page of another site cannot send that without being asked first.
///
/// # Errors
/// `invalid_request`, with what is wrong and without what was sent.
pub fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    let refuse = |status, message: String| Failure::with_status(status, "invalid_request", message);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.".to_owned()));
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 64 KiB.".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = if error.is_data() { "is not what this address takes" } else { "is no JSON" };
        refuse(StatusCode::BAD_REQUEST, format!("The body {what} ({place})."))
            .hint("See the fields in the README of oauth-client; unknown ones are refused.")
    })
}

/// As [`read_json`]; no body at all is an empty one.
///
/// # Errors
/// As [`read_json`].
pub fn read_optional_json<T: DeserializeOwned + Default>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    if body.is_empty() { Ok(T::default()) } else { read_json(headers, body) }
}
