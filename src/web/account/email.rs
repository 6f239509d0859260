//! Another address: asked for here, confirmed with a link to the new one, taken back with a link to the old one.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::{Present, SignedIn, Visitor};
use belgie_api::{Caller, Failure, Result};
use serde::Deserialize;
use serde_json::json;

use super::super::Web;
use super::super::by_mail::{Link, LinkPage, limit_mail, message, needs, over, read_token};
use super::facts;
use crate::identity::change_email::EmailChange;

#[derive(Deserialize)]
pub struct NewEmail {
    #[serde(default)]
    email: String,
}

fn taken() -> Failure {
    Failure::conflict("email.taken", "Another account uses this address by now.")
}

async fn render(
    web: &Web,
    visitor: &Visitor,
    caller: &Caller,
    (email, error): (&str, Option<&str>),
) -> Result<Response> {
    let context = json!({ "account": facts(web, caller).await?, "email": email, "error": error });
    let mut response = web.pages.page(visitor, "account_email.html", "Your address", context)?;
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `GET /account/email`
pub async fn page(State(web): State<Arc<Web>>, Present { caller, visitor }: Present) -> Result<Response> {
    needs(web.identity.has_mail())?;
    render(&web, &visitor, &caller, ("", None)).await
}

/// `POST /account/email`
pub async fn ask(
    State(web): State<Arc<Web>>,
    Present { caller, visitor }: Present,
    Form(form): Form<NewEmail>,
) -> Result<Response> {
    needs(web.identity.has_mail())?;
    limit_mail(&web, &visitor, &form.email).await?;
    match web.identity.ask_to_change_email(&caller, &form.email).await? {
        None => Ok(Redirect::to("/account?done=email-sent").into_response()),
        Some(problem) => render(&web, &visitor, &caller, (&form.email, Some(&problem))).await,
    }
}

/// `GET /auth/email/confirm?token=`
pub async fn confirm_page(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Query(link): Query<Link>,
) -> Result<Response> {
    let token = read_token(&link.token)?;
    let email = web.identity.look_at_email_change(&caller, &token).await?.ok_or_else(over)?;
    let page = LinkPage {
        title: "Use this address?",
        lede: "From now on your account uses".to_owned(),
        warning: None,
        action: "/auth/email/confirm",
        token: token.expose(),
        label: "Use this address",
        password: None,
        choice: None,
        error: None,
        email: &email,
    };
    page.render(&web, &visitor)
}

/// `POST /auth/email/confirm`
pub async fn confirm(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Form(link): Form<Link>,
) -> Result<Response> {
    match web.identity.change_email(&caller, &read_token(&link.token)?, &visitor.info).await? {
        EmailChange::Done(_) => Ok(Redirect::to("/account?done=email").into_response()),
        EmailChange::Taken => Err(taken()),
        EmailChange::Over => Err(over()),
    }
}

/// `GET /auth/email/undo?token=`
pub async fn undo_page(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let token = read_token(&link.token)?;
    let email = web.identity.look_at_email_undo(&token).await?.ok_or_else(over)?;
    let page = LinkPage {
        title: "Was it not you?",
        lede: "Your account gets this address back, every browser is signed out, every agent is cut off, and the password is \
               removed. A mail with a link to choose a new one goes to"
            .to_owned(),
        warning: None,
        action: "/auth/email/undo",
        token: token.expose(),
        label: "Take the account back",
        password: None,
        choice: None,
        error: None,
        email: &email,
    };
    page.render(&web, &visitor)
}

/// `POST /auth/email/undo`
pub async fn undo(State(web): State<Arc<Web>>, visitor: Visitor, Form(link): Form<Link>) -> Result<Response> {
    match web.identity.undo_email_change(&read_token(&link.token)?, &visitor.info).await? {
        EmailChange::Done(_) => {
            let words =
                ("The account is yours again", "Look into your mail: there is a link to choose a new password.");
            message(&web, &visitor, "success", words, None)
        }
        EmailChange::Taken => Err(taken()),
        EmailChange::Over => Err(over()),
    }
}
