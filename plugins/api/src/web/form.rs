//! Reading forms, and what a form says when it was not taken.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::failure::{Failure, Result};

/// The fields of a form, any of which may come several times.
pub type Fields = Vec<(String, String)>;

/// The value of a field; empty when it is not there.
#[must_use]
pub fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// All values of a field.
#[must_use]
pub fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
}

/// Sends the browser to a page of ours.
#[must_use]
pub fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// What the person can put right is said on the form; everything else is a page of its own.
///
/// # Errors
/// The failure, when a form cannot help.
pub fn said(failure: Failure) -> Result<String> {
    let can_be_put_right = matches!(
        failure.status(),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    if !can_be_put_right {
        return Err(failure);
    }
    Ok(match failure.remedy() {
        Some(remedy) => format!("{} {remedy}", failure.message()),
        None => failure.message().to_owned(),
    })
}

/// A form that was not taken.
#[must_use]
pub fn not_taken(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}
