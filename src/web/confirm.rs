//! Proving once more to be there, before a dangerous change.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::{SignedIn, Visitor};
use belgie_api::{Caller, Failure, PlainToken, Result};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::by_mail::{browser_mark, limit_mail, needs};
use super::code::{CodePage, read_handle, used_up};
use super::sign_in::{Destination, buttons, limit_sign_in};
use belgie_api::axum::http::HeaderMap;

#[derive(Deserialize)]
pub struct Proof {
    #[serde(default)]
    password: String,
    handle: Option<String>,
    #[serde(default)]
    code: String,
    /// Whether a code is asked for.
    send: Option<String>,
    #[serde(flatten)]
    destination: Destination,
}

/// An operator who wears a session cannot prove that the person is there.
fn refuse_impersonators(caller: &Caller) -> Result<()> {
    if caller.principal().presence().is_some_and(|presence| presence.impersonator.is_some()) {
        return Err(Failure::forbidden("session.impersonated", "This is for the person alone.")
            .hint("End the impersonation first."));
    }
    Ok(())
}

/// `GET /auth/confirm?return_to=`
pub async fn page(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Query(wanted): Query<Destination>,
) -> Result<Response> {
    refuse_impersonators(&caller)?;
    let return_to = wanted.path().unwrap_or_else(|| "/account".to_owned());
    if visitor.is_fresh {
        return Ok(Redirect::to(&return_to).into_response());
    }
    render(&web, &visitor, &caller, &return_to, None).await
}

async fn render(
    web: &Web,
    visitor: &Visitor,
    caller: &Caller,
    return_to: &str,
    error: Option<&str>,
) -> Result<Response> {
    let profile = web.host.accounts().profile(caller.user().id).await?;
    // Any other provider would sign somebody else in, and confirm nothing.
    let ways = web.identity.list_ways_of_plugins_now(caller.user().id).await?;
    let context = json!({
        "return_to": return_to,
        "email": caller.user().email,
        "has_password": profile.is_some_and(|profile| profile.has_password) && web.identity.rules().signs_in_by_password,
        "has_code": web.identity.has_mail(),
        "buttons": buttons(web, Some(return_to), &[], |button| ways.contains(&button.id)),
        "error": error,
    });
    let mut response = web.pages.page(visitor, "confirm.html", "Is it you?", context)?;
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
    if form.send.is_some() {
        return send_code(&web, &visitor, &caller, &return_to).await;
    }
    limit_sign_in(&web, &visitor, &headers, &caller.user().email).await?;
    if !web.identity.rules().signs_in_by_password || !web.identity.is_password_of(&caller, form.password).await? {
        return render(&web, &visitor, &caller, &return_to, Some("This is not your password.")).await;
    }
    done(&web, &caller, "password", &return_to).await
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
