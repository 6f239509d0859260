//! Forms, and what a page says after one of them.

use belgie_api::Failure;
use belgie_api::axum::http::{HeaderValue, header};
use belgie_api::axum::response::Response;
use serde::Deserialize;
use url::form_urlencoded;

use crate::model::refusal;

pub use belgie_api::web::form::{Fields, not_taken, said, to, value, values};

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
        "agent-less" => "It does less from its next call on. Whatever it was doing here has ended.",
        "service-ended" => "The service has ended, with its token.",
        "left" => "You are no member of it any more.",
        "deleted" => "The organization is deleted.",
        "declined" => "The invitation is declined.",
        "joined" => "Welcome. You are a member now.",
        _ => return None,
    })
}

/// Where somebody goes who has to prove first that they are there, to come back to the page of the form: it is filled in anew.
pub fn to_confirm(failure: &Failure, page: &str) -> Option<Response> {
    let query = || form_urlencoded::Serializer::new(String::new()).append_pair("return_to", page).finish();
    (failure.code() == refusal::not_fresh().code()).then(|| to(&format!("/auth/confirm?{}", query())))
}

/// Nobody learns the address of a page with a token from us.
pub fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
