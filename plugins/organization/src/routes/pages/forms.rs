//! Reading forms, and what a form says when it was not taken.

use belgie_api::axum::http::{HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Redirect, Response};
use belgie_api::{Failure, Result};
use serde::Deserialize;

/// The fields of a form, any of which may come several times.
pub type Fields = Vec<(String, String)>;

/// The value of a field; empty when it is not there.
pub fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// All values of a field.
pub fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
}

/// What has been done, in the query of the page that says so.
#[derive(Deserialize)]
pub struct Told {
    #[serde(default)]
    pub done: String,
    #[serde(default)]
    pub page: u32,
}

/// What the word in the query stands for; nothing, when somebody made it up.
pub fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "created" => "The organization is there. Invite the others.",
        "saved" => "The changes are saved.",
        "invited" => "The invitation is on its way.",
        "resent" => "A new invitation is on its way; the earlier one does not work any more.",
        "canceled" => "The invitation is taken back.",
        "roles" => "The roles are set.",
        "removed" => "The member is removed.",
        "transferred" => "The organization is handed on. You are an administrator of it now.",
        "role-created" => "The role is there.",
        "role-saved" => "The role is changed, for everybody who has it.",
        "role-deleted" => "The role is deleted.",
        "agent-cut" => "The agent is cut off. Whatever it was doing here has ended.",
        "service-ended" => "The service has ended, with its token.",
        "left" => "You are no member of it any more.",
        "deleted" => "The organization is deleted.",
        "declined" => "The invitation is declined.",
        "joined" => "Welcome. You are a member now.",
        _ => return None,
    })
}

/// Sends the browser to a page of ours.
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
pub fn not_taken(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}

/// Nobody learns the address of a page with a token from us.
pub fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
