//! Proving once more to be there, before a dangerous change.

mod offer;

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::{FormAction, SignedIn, Visitor};
use belgie_api::{Caller, Failure, PlainToken, Result, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use self::offer::Offer;
use super::Web;
use super::by_mail::{browser_mark, limit_mail, needs};
use super::code::{CodePage, read_handle, used_up};
use super::sign_in::{Destination, leave_for_clients, limit_sign_in};

/// Where to go afterwards, what went wrong at a provider, and since when the person must have proved to be there (microseconds since
/// 1970) where a while ago will not do.
#[derive(Deserialize)]
pub struct ConfirmQuery {
    error: Option<String>,
    after: Option<String>,
    #[serde(flatten)]
    destination: Destination,
}

#[derive(Deserialize)]
pub struct Proof {
    #[serde(default)]
    password: String,
    handle: Option<String>,
    #[serde(default)]
    code: String,
    /// Whether a code is asked for.
    send: Option<String>,
    /// The provider to pass through.
    provider: Option<String>,
    #[serde(flatten)]
    destination: Destination,
}

/// An operator who wears a session cannot prove that the person is there.
pub(super) fn refuse_impersonators(caller: &Caller) -> Result<()> {
    if caller.is_worn() {
        return Err(Failure::forbidden("session.impersonated", "This is for the person alone.")
            .hint("End the impersonation first."));
    }
    Ok(())
}

/// `GET /auth/confirm?return_to=`
pub async fn page(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Query(wanted): Query<ConfirmQuery>,
) -> Result<Response> {
    refuse_impersonators(&caller)?;
    let return_to = wanted.destination.path().unwrap_or_else(|| "/account".to_owned());
    if is_there(&visitor, &caller, wanted.after.as_deref()) {
        return Ok(Redirect::to(&return_to).into_response());
    }
    let error = wanted.error.as_deref().map(of_provider);
    render(&web, &visitor, &caller, &return_to, error).await
}

fn is_there(visitor: &Visitor, caller: &Caller, after: Option<&str>) -> bool {
    let after = after.and_then(|text| text.parse().ok()).map(Timestamp::from_unix_micros);
    match (after, caller.principal().presence()) {
        (Some(after), Some(presence)) => presence.authenticated_at >= after,
        _ => visitor.is_fresh,
    }
}

/// What to say to somebody whom a provider sent back. The code may be anybody's, so the words are ours.
fn of_provider(code: &str) -> &'static str {
    match code {
        "presence_not_proven" => "That did not show that you are there just now. Confirm in another way.",
        "another_account" => "That account does not open yours here. Choose the one you have linked.",
        _ => "That did not work. Try again, or confirm in another way.",
    }
}

async fn render(
    web: &Web,
    visitor: &Visitor,
    caller: &Caller,
    return_to: &str,
    error: Option<&str>,
) -> Result<Response> {
    let offer = Offer::to(web, caller).await?;
    let buttons: Vec<Value> = web
        .buttons
        .iter()
        .filter(|button| offer.providers.contains(&button.id))
        .map(|button| json!({ "id": button.id, "label": button.label, "icon": button.icon }))
        .collect();
    let leaves = !buttons.is_empty();
    let context = json!({
        "return_to": return_to,
        "email": caller.user().email,
        "has_password": offer.has_password,
        "has_code": offer.has_code,
        "buttons": buttons,
        "error": error,
    });
    let mut response = web.pages.page(visitor, "confirm.html", "Is it you?", context)?;
    if leaves {
        response.extensions_mut().insert(FormAction(String::new()));
    }
    leave_for_clients(&mut response, Some(return_to));
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /auth/confirm`
pub async fn submit(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    headers: HeaderMap,
    Form(form): Form<Proof>,
) -> Result<Response> {
    refuse_impersonators(&caller)?;
    let return_to = form.destination.path().unwrap_or_else(|| "/account".to_owned());
    if let Some(handle) = form.handle.as_deref() {
        return check_code(&web, &visitor, &caller, (&read_handle(handle)?, &form.code), &return_to).await;
    }
    if let Some(provider) = form.provider.as_deref() {
        return pass_through(&web, &visitor, &headers, provider, &return_to).await;
    }
    if form.send.is_some() {
        return send_code(&web, &visitor, &caller, &return_to).await;
    }
    limit_sign_in(&web, &visitor, &headers, &caller.user().email).await?;
    if !web.identity.rules().signs_in_by_password || !web.identity.is_password_of(&caller, form.password).await? {
        return render(&web, &visitor, &caller, &return_to, Some("This is not your password.")).await;
    }
    done(&web, &caller, "password", &return_to).await
}

/// Sends somebody through a provider, if that is offered to them. The flow that begins here is the only one that can make
/// the session fresh.
async fn pass_through(
    web: &Web,
    visitor: &Visitor,
    headers: &HeaderMap,
    provider: &str,
    return_to: &str,
) -> Result<Response> {
    let caller = visitor.caller.as_ref().ok_or_else(not_offered)?;
    if !Offer::to(web, caller).await?.providers.iter().any(|offered| offered == provider) {
        return Err(not_offered());
    }
    for ways in &web.hooks.ways_in {
        if let Some(departure) = ways.begin_to_confirm(provider, (visitor, headers), return_to).await? {
            let mut response = Redirect::to(&departure.location).into_response();
            for cookie in departure.cookies {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            return Ok(response);
        }
    }
    Err(not_offered())
}

fn not_offered() -> Failure {
    Failure::not_found("confirm.not_offered", "This way to confirm is not offered to you.")
        .hint("Choose one of those on the page.")
}

async fn done(web: &Web, caller: &Caller, method: &str, return_to: &str) -> Result<Response> {
    if let Some(session) = caller.session() {
        web.sessions.confirm(session, method).await?;
    }
    Ok(Redirect::to(return_to).into_response())
}

async fn send_code(web: &Web, visitor: &Visitor, caller: &Caller, return_to: &str) -> Result<Response> {
    needs(web.identity.has_mail())?;
    limit_mail(web, visitor, &caller.user().email).await?;
    let handle = web.identity.ask_to_confirm(caller.user().id, &browser_mark(visitor)).await?;
    show_code(web, visitor, caller, handle.expose(), return_to, None)
}

fn show_code(
    web: &Web,
    visitor: &Visitor,
    caller: &Caller,
    handle: &str,
    return_to: &str,
    error: Option<&str>,
) -> Result<Response> {
    let email = &caller.user().email;
    CodePage { action: "/auth/confirm", email, handle, return_to: Some(return_to), error }.render(web, visitor)
}

async fn check_code(
    web: &Web,
    visitor: &Visitor,
    caller: &Caller,
    (handle, code): (&PlainToken, &str),
    return_to: &str,
) -> Result<Response> {
    let user = caller.user().id;
    match web.identity.try_to_confirm(user, handle, code, &browser_mark(visitor)).await? {
        Some(true) => done(web, caller, "code", return_to).await,
        Some(false) => {
            let error = Some("This is not the code. Look at the newest mail.");
            show_code(web, visitor, caller, handle.expose(), return_to, error)
        }
        None => Err(used_up()),
    }
}
