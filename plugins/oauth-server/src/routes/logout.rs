//! `GET` and `POST /logout` (OpenID Connect RP-Initiated Logout 1.0 section 2): a client sends a person here to sign out.

use std::sync::Arc;

use belgie_api::axum::extract::{RawQuery, State};
use belgie_api::axum::http::{HeaderValue, header};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::{FormAction, Visitor};
use belgie_api::{Failure, Result};
use url::form_urlencoded;

use super::wire::see_other;
use crate::model::params::Params;
use crate::model::redirect::form_action_of;
use crate::model::refusal;
use crate::pages;
use crate::service::{LOGOUT, LOGOUT_PARAMS, LogoutRequest, Meant, OAuth};

/// The longest request, in bytes; room for an id token and a long `state`.
const MAX_BYTES: usize = 8 * 1024;

/// Says that a person comes from a page of ours, with all their cookies.
const FROM_HERE: &str = "&belgie_here=1";

/// Ends the session a client has shown to mean, and asks about any other.
pub async fn ask(State(oauth): State<Arc<OAuth>>, visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let query = query.unwrap_or_default();
    if query.len() > MAX_BYTES {
        return Err(refusal::invalid_request("The request is too long."));
    }
    let request = oauth.read_logout(query.as_bytes()).await?;
    let Some(caller) = &visitor.caller else {
        // A strict cookie stays at home on the way from another site: somebody may be signed in all the same.
        if oauth.host().urls().has_strict_session() && !query.ends_with(FROM_HERE) {
            return show(&oauth, &visitor, pages::come_again(&request, &format!("{LOGOUT}?{query}{FROM_HERE}")));
        }
        return leave(&oauth, &visitor, &request, request.is_operators());
    };
    let meant = oauth.meant_by(&request, caller).await?;
    if meant == Meant::Nobody && oauth.proves_session(&request, caller).await? {
        return sign_out(&oauth, &visitor, &request).await;
    }
    let context = pages::ask_to_sign_out(&request, caller, &query, meant == Meant::Another);
    let mut page = show(&oauth, &visitor, context)?;
    if let Some(source) = request.back.as_deref().and_then(form_action_of) {
        page.extensions_mut().insert(FormAction(source));
    }
    Ok(page)
}

/// Another site may send a form, with which cookies do not travel: the same as a link, with which they do.
pub async fn put_aside(body: String) -> Result<Response> {
    let params = Params::read(body.as_bytes()).filter(|params| !params.has_repetition() && body.len() <= MAX_BYTES);
    let params = params.ok_or_else(unreadable)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(LOGOUT_PARAMS.iter().filter_map(|name| Some((*name, params.get(name)?))));
    see_other(&format!("{LOGOUT}?{}", query.finish()))
}

/// The person wants it. That the form comes from our own page was checked before (its forgery token).
pub async fn confirm(State(oauth): State<Arc<OAuth>>, visitor: Visitor, body: String) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let params = Params::read(body.as_bytes()).ok_or_else(unreadable)?;
    let request = oauth.read_logout(params.get("query").unwrap_or_default().as_bytes()).await?;
    sign_out(&oauth, &visitor, &request).await
}

async fn sign_out(oauth: &OAuth, visitor: &Visitor, request: &LogoutRequest) -> Result<Response> {
    let cookies = match &visitor.caller {
        Some(_) => oauth.host().sessions().end(visitor).await?,
        None => Vec::new(),
    };
    let nobody = Visitor { caller: None, ..visitor.clone() };
    let mut response = leave(oauth, &nobody, request, true)?;
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where the person goes when nobody is signed in any more. `is_certain`: whether they, or the operator, know the client.
fn leave(oauth: &OAuth, visitor: &Visitor, request: &LogoutRequest, is_certain: bool) -> Result<Response> {
    match &request.back {
        Some(back) if is_certain => see_other(back),
        _ => show(oauth, visitor, pages::signed_out(request)),
    }
}

fn show(oauth: &OAuth, visitor: &Visitor, context: serde_json::Value) -> Result<Response> {
    let mut page = oauth.host().pages().page(visitor, pages::LOGOUT, "Sign out", context)?;
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(page)
}

fn unreadable() -> Failure {
    refusal::invalid_request("The request cannot be read.")
}
