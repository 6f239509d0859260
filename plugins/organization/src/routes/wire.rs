//! Reading bodies.

use belgie_api::Result;
use belgie_api::axum::http::HeaderMap;
use belgie_api::web::{Visitor, json};
use serde::de::DeserializeOwned;

use crate::model::refusal;

pub use belgie_api::web::json::{created, unkept};

/// The longest body, in KiB: a logo may be in it.
const LONGEST: usize = 128;

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
