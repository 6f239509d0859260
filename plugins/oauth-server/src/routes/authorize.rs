//! `GET` and `POST /authorize` (OAuth 2.1 section 4.1.1).

use std::sync::Arc;

use belgie_api::axum::extract::{RawQuery, State};
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::{FormAction, SignedIn, Visitor};
use belgie_api::{Caller, Failure, Result};

use super::wire::onward;
use crate::model::params::Params;
use crate::model::redirect::form_action_of;
use crate::model::refusal;
use crate::model::request::AuthorizationRequest;
use crate::model::step::{AppPages, Step};
use crate::model::wish::{Wish, read_ticks};
use crate::pages;
use crate::service::{Allowed, Decision, ErrorReply, OAuth, Refusal};

/// The longest query, in bytes; room for a long `state`.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// Checks a request and asks the person.
pub async fn ask(
    State(oauth): State<Arc<OAuth>>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Err(refusal::invalid_request("The request is too long."));
    }
    match answer_to(&oauth, &visitor, &query).await? {
        Reached::Onward(location) => onward(&headers, &location),
        Reached::Refused(reply) => refuse(&oauth, &visitor, &headers, &reply).await,
        Reached::Asked(request) => {
            let way = pages::Way { here: &format!("/authorize?{query}"), user_code: None };
            show(&oauth, (&visitor, &headers), &request, way).await
        }
    }
}

/// How far a request gets.
enum Reached {
    /// The browser goes elsewhere.
    Onward(String),
    /// The client is told why not.
    Refused(ErrorReply),
    /// The person is asked.
    Asked(Box<AuthorizationRequest>),
}

async fn answer_to(oauth: &OAuth, visitor: &Visitor, query: &str) -> Result<Reached> {
    let waiting = oauth.read_waiting(query, visitor.caller.as_ref().and_then(Caller::session));
    let asked = match oauth.read_brought(waiting.query).await {
        Ok(asked) => asked,
        Err(Refusal::Onward(location)) => return Ok(Reached::Onward(location)),
        Err(Refusal::Page(failure)) => return Err(failure),
        Err(Refusal::Reply(reply)) => return Ok(Reached::Refused(reply)),
    };
    let (wishes, is_operators, is_trusted) = (asked.wishes.clone(), asked.is_operators, asked.is_trusted);
    let is_there = |caller: &&Caller| asked.means(caller) && oauth.is_there_enough(&wishes, caller, waiting.since);
    let Some(caller) = visitor.caller.as_ref().filter(is_there) else {
        if wishes.is_silent {
            return Ok(Reached::Refused(oauth.refuse_absent(&asked.request, is_operators, visitor.caller.is_some())));
        }
        return Ok(Reached::Onward(oauth.first_step(visitor, &asked, &waiting).await?));
    };
    let request = match oauth.limit_to_person(caller, asked) {
        Ok(request) => request,
        Err(reply) => return Ok(Reached::Refused(reply)),
    };
    let step = oauth.next_step(caller, &request, &wishes, waiting.done).await?;
    if let Some(step) = step {
        let page = if wishes.is_silent { None } else { oauth.begin_step(visitor, step, &request, &waiting).await? };
        let refused = || Reached::Refused(oauth.refuse_step(&request, is_operators, step));
        return Ok(page.map_or_else(refused, Reached::Onward));
    }
    // Our own consent page offers to go on as somebody else.
    let must_ask = wishes.must_ask || (wishes.selects && !waiting.done.select_account);
    if !must_ask && let Some(location) = oauth.answer_remembered(caller, &request).await? {
        return Ok(Reached::Onward(location));
    }
    if !must_ask && let Some(location) = oauth.answer_trusted(caller, &request, is_trusted).await? {
        return Ok(Reached::Onward(location));
    }
    if wishes.is_silent {
        return Ok(Reached::Refused(oauth.refuse_silent(&request, is_operators)));
    }
    Ok(Reached::Asked(Box::new(request)))
}

/// The consent page, ours or the application's.
pub(super) async fn show(
    oauth: &OAuth,
    (visitor, headers): (&Visitor, &HeaderMap),
    request: &AuthorizationRequest,
    way: pages::Way<'_>,
) -> Result<Response> {
    let caller = visitor.caller.as_ref().ok_or_else(unreadable)?;
    let handle = oauth.ask(caller, request).await?;
    if let Some(page) = oauth.settings().pages.of(Step::Consent) {
        return onward(headers, &AppPages::address(page, &oauth.interaction(visitor, &handle), way.user_code));
    }
    let asked = pages::AskedPerson::find(oauth, caller, request, way).await?;
    let context = pages::consent(&oauth.host().catalog()?.scopes, caller, request, &handle, &asked);
    let mut page = oauth.host().pages().page(visitor, pages::CONSENT, "Allow access", context)?;
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(source) = form_action_of(&request.reply.redirect_uri) {
        page.extensions_mut().insert(FormAction(source));
    }
    Ok(page)
}

/// Takes the person's answer. That the form comes from a page of this origin was checked before (its forgery token).
pub async fn answer(
    State(oauth): State<Arc<OAuth>>,
    SignedIn { visitor, .. }: SignedIn,
    headers: HeaderMap,
    body: String,
) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let params = Params::read(body.as_bytes()).filter(|params| !params.has_repetition()).ok_or_else(unreadable)?;
    let decision = match params.get("decision") {
        Some("allow") => Decision::Allow(Allowed {
            wish: Wish::read(&params).map_err(|_| unreadable())?,
            ticked: read_ticks(&params),
        }),
        Some("deny") => Decision::Deny,
        _ => return Err(unreadable()),
    };
    let location = oauth.answer(&visitor, params.get("request").unwrap_or_default(), decision).await?;
    onward(&headers, &location)
}

/// Tells a client what is wrong. Nobody is sent to a client that neither the operator nor they themselves have dealt with, but
/// reads it and decides (RFC 9700 section 4.11.2).
async fn refuse(oauth: &OAuth, visitor: &Visitor, headers: &HeaderMap, reply: &ErrorReply) -> Result<Response> {
    let is_known = match &visitor.caller {
        _ if reply.is_operators => true,
        Some(caller) => !oauth.is_new_client(caller, &reply.client).await?,
        None => false,
    };
    if is_known {
        return onward(headers, &reply.location);
    }
    let mut page = oauth.host().pages().page(visitor, pages::REFUSED, "Not possible", pages::refused(reply))?;
    *page.status_mut() = StatusCode::BAD_REQUEST;
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(page)
}

fn unreadable() -> Failure {
    Failure::bad_request("authorize.no_answer", "The form says neither yes nor no.")
        .hint("Start again from your agent.")
}
