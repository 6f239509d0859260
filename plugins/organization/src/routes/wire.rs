//! Reading bodies and writing answers.

use belgie_api::Result;
use belgie_api::axum::body::Body;
use belgie_api::axum::http::{HeaderMap, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::web::{Visitor, json};
use serde::de::DeserializeOwned;

use crate::model::refusal;

pub use belgie_api::web::json::{created, unkept};

/// The longest body, in KiB: a logo may be in it.
const LONGEST: usize = 128;

/// JSON objects, one on each line, that nobody may keep; under a name, when they are to become a file.
pub fn lines(body: Body, name: Option<&str>) -> Response {
    let disposition = name.map_or_else(|| "inline".to_owned(), |name| format!("attachment; filename=\"{name}\""));
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

/// Reads a JSON body.
///
/// # Errors
/// As [`json::read_json`].
pub fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    json::read_json(headers, body, LONGEST)
}

/// What only people do who proved a moment ago to be there.
///
/// # Errors
/// 403 in a session that is not fresh.
pub fn must_be_fresh(visitor: &Visitor) -> Result<()> {
    if visitor.is_fresh { Ok(()) } else { Err(refusal::not_fresh()) }
}
