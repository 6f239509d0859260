//! Bodies of the room for programs: read strictly, answered so that nobody keeps them.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

/// One text or several, as scripts send them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrSeveral {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl OneOrSeveral {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// JSON that nobody may keep.
///
/// # Errors
/// When it cannot be written.
pub fn unkept(body: &impl Serialize) -> Result<Response> {
    let body = serde_json::to_string(body).map_err(Failure::internal)?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}

/// The same for what was made (RFC 9110 section 15.3.2).
///
/// # Errors
/// When it cannot be written.
pub fn created(body: &impl Serialize) -> Result<Response> {
    let mut response = unkept(body)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Reads a JSON body of at most `longest` KiB; none at all is an empty object. Only JSON will do: a page of another site
/// cannot send that without being asked first.
///
/// # Errors
/// `invalid_request`, with what is wrong and without what was sent.
pub fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8], longest: usize) -> Result<T> {
    let refuse = |status, message: String| Failure::with_status(status, "invalid_request", message);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"));
    if !is_json && !body.is_empty() {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.".to_owned()));
    }
    if body.len() > longest * 1024 {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {longest} KiB.")));
    }
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = if error.is_data() { "is not what this address takes" } else { "is no JSON" };
        refuse(StatusCode::BAD_REQUEST, format!("The body {what} ({place})."))
            .hint("See the fields in the README of the plugin; unknown ones are refused.")
    })
}
