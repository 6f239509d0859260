//! `GET` and `POST /authorize` (OAuth 2.1 section 4.1.1).

use std::sync::Arc;

use belgie_api::axum::extract::{RawQuery, State};
use belgie_api::axum::http::{HeaderValue, StatusCode, header};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::{FormAction, SignedIn, Visitor};
use belgie_api::{Caller, Failure, Result};

use super::wire::see_other;
use crate::model::consent::remembered_host;
use crate::model::params::Params;
use crate::model::redirect::form_action_of;
use crate::model::refusal;
use crate::model::request::AuthorizationRequest;
use crate::model::wish::{Wish, read_ticks};
use crate::pages;
use crate::service::{Allowed, Decision, ErrorReply, OAuth, Refusal};

/// The longest query, in bytes; room for a long `state`.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// Checks a request and asks the person.
pub async fn ask(State(oauth): State<Arc<OAuth>>, visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Err(refusal::invalid_request("The request is too long."));
    }
    let waiting = oauth.read_waiting(&query);
    let asked = match oauth.read_brought(waiting.query).await {
        Ok(asked) => asked,
        Err(Refusal::Onward(location)) => return see_other(&location),
        Err(Refusal::Page(failure)) => return Err(failure),
        Err(Refusal::Reply(reply)) => return refuse(&oauth, &visitor, &reply).await,
    };
    let here = format!("/authorize?{query}");
    let (wishes, is_operators, is_trusted) = (asked.wishes.clone(), asked.is_operators, asked.is_trusted);
    let is_there = |caller: &&Caller| asked.means(caller) && oauth.is_there_enough(&wishes, caller, waiting.since);
    let Some(caller) = visitor.caller.as_ref().filter(is_there) else {
        if wishes.is_silent {
            let reply = oauth.refuse_absent(&asked.request, is_operators, visitor.caller.is_some());
            return refuse(&oauth, &visitor, &reply).await;
        }
        return see_other(&oauth.first_step(&asked, &waiting, visitor.caller.as_ref()));
    };
    let request = match oauth.limit_to_person(caller, asked) {
        Ok(request) => request,
        Err(reply) => return refuse(&oauth, &visitor, &reply).await,
    };
    if !wishes.must_ask
        && let Some(location) = oauth.answer_remembered(caller, &request).await?
    {
        return see_other(&location);
    }
    if !wishes.must_ask
        && let Some(location) = oauth.answer_trusted(caller, &request, is_trusted).await?
    {
        return see_other(&location);
    }
    if wishes.is_silent {
        return refuse(&oauth, &visitor, &oauth.refuse_silent(&request, is_operators)).await;
    }
    show(&oauth, &visitor, caller, &request, pages::Way { here: &here, user_code: None }).await
}

/// The consent page.
pub(super) async fn show(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    request: &AuthorizationRequest,
    way: pages::Way<'_>,
) -> Result<Response> {
    let handle = oauth.ask(caller, request).await?;
    let asked = pages::AskedPerson {
        is_new_client: oauth.is_new_client(caller, &request.client.id).await?,
        choices: oauth.list_choices(caller, request).await?,
        last_choice: oauth.last_binding(caller, &request.client.id).await?,
        is_remembered: oauth.settings().remember_consent && remembered_host(request).is_some(),
        way,
    };
    let context = pages::consent(&oauth.host().catalog()?.scopes, caller, request, &handle, &asked);
    let mut page = oauth.host().pages().page(visitor, pages::CONSENT, "Allow access", context)?;
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(source) = form_action_of(&request.reply.redirect_uri) {
        page.extensions_mut().insert(FormAction(source));
    }
    Ok(page)
}

/// Takes the person's answer. That the form comes from our own page was checked before (its forgery token).
pub async fn answer(State(oauth): State<Arc<OAuth>>, signed_in: SignedIn, body: String) -> Result<Response> {
    let params = Params::read(body.as_bytes()).filter(|params| !params.has_repetition()).ok_or_else(unreadable)?;
    let decision = match params.get("decision") {
        Some("allow") => Decision::Allow(Allowed {
            wish: Wish::read(&params).map_err(|_| unreadable())?,
            ticked: read_ticks(&params),
        }),
        Some("deny") => Decision::Deny,
        _ => return Err(unreadable()),
    };
    let location = oauth.answer(&signed_in.caller, params.get("request").unwrap_or_default(), decision).await?;
    see_other(&location)
}

/// Tells a client what is wrong. Nobody is sent to a client that neither the operator nor they themselves have dealt with, but
/// reads it and decides (RFC 9700 section 4.11.2).
async fn refuse(oauth: &OAuth, visitor: &Visitor, reply: &ErrorReply) -> Result<Response> {
    let is_known = match &visitor.caller {
        _ if reply.is_operators => true,
        Some(caller) => !oauth.is_new_client(caller, &reply.client).await?,
        None => false,
    };
    if is_known {
        return see_other(&reply.location);
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
