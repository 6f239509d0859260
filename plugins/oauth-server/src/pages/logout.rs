//! The page on which people sign out on the word of a client, and what they see afterwards.

use belgie_api::Caller;
use serde_json::{Value, json};

use crate::model::redirect::host_of;
use crate::service::LogoutRequest;

/// The page.
pub const LOGOUT: &str = "oauth-server/logout.html";

/// What it asks. `query`: the request, which comes back with the answer and is checked once more. `means_another`: whether it is
/// about somebody else, or another session.
pub fn ask_to_sign_out(request: &LogoutRequest, caller: &Caller, query: &str, means_another: bool) -> Value {
    let user = caller.user();
    let name = if user.name.is_empty() { &user.email } else { &user.name };
    json!({
        "is_done": false,
        "client_name": name_of(request),
        "account": { "name": name, "email": user.email },
        "query": query,
        "means_another": means_another,
        "back": back_of(request),
        "here": null,
    })
}

/// What it says before it is known who is signed in. `here`: the way on, from a page of ours.
pub fn come_again(request: &LogoutRequest, here: &str) -> Value {
    json!({
        "is_done": false,
        "client_name": name_of(request),
        "account": null,
        "query": "",
        "means_another": false,
        "back": null,
        "here": here,
    })
}

/// What it says when nobody is signed in.
pub fn signed_out(request: &LogoutRequest) -> Value {
    json!({
        "is_done": true,
        "client_name": name_of(request),
        "account": null,
        "query": "",
        "means_another": false,
        "back": back_of(request),
        "here": null,
    })
}

fn name_of(request: &LogoutRequest) -> Option<&str> {
    request.client.as_ref().map(|client| client.name.as_str()).filter(|name| !name.is_empty())
}

fn back_of(request: &LogoutRequest) -> Option<Value> {
    request.back.as_ref().map(|back| json!({ "host": host_of(back), "location": back }))
}
