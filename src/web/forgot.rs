//! A forgotten password.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use belgie_api::Result;
use belgie_api::web::Visitor;
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::by_mail::{Choice, Link, LinkPage, limit_mail_here, look_into_mail, message, needs, over, read_token};
use super::sign_in::{device_cookie, with_cookie};
use crate::identity::accounts::is_email;
use crate::identity::reset::{Chosen, Reset};

const SENT: &str = "If there is an account with this address, a link to choose a new password is on its way to it. It works \
     once, for an hour.";
const DONE: &str = "Every browser was signed out. Agents, personal access tokens and linked sign-in methods work as before; \
     you can look through them on your account page. Sign in with the new password.";
const DONE_AND_CUT_OFF: &str = "Every browser was signed out, agents and personal access tokens were cut off, and linked \
     sign-in methods were removed. Sign in with the new password, then connect again what is yours.";
const CUT_OFF: &str = "Also disconnect agents and remove linked sign-in methods";
const CUT_OFF_HINT: &str = "Tick this if somebody else may have been in your account. Personal access tokens end as well. \
     Every browser is signed out either way.";

#[derive(Deserialize)]
pub struct Forgotten {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
    /// Whether everything else that lets somebody in ends as well.
    cut_off: Option<String>,
}

fn is_offered(web: &Web) -> Result<()> {
    needs(web.identity.has_mail() && web.identity.rules().signs_in_by_password)
}

fn render(web: &Web, visitor: &Visitor, email: &str, error: Option<&str>) -> Result<Response> {
    let context = json!({ "email": email, "error": error });
    let mut response = web.pages.page(visitor, "forgot.html", "Choose a new password", context)?;
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `GET /auth/forgot`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor) -> Result<Response> {
    is_offered(&web)?;
    render(&web, &visitor, "", None)
}

/// `POST /auth/forgot`
pub async fn ask(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Forgotten>,
) -> Result<Response> {
    is_offered(&web)?;
    if !is_email(form.email.trim()) {
        return render(&web, &visitor, &form.email, Some("This is not an e-mail address."));
    }
    limit_mail_here(&web, &visitor, &headers, &form.email).await?;
    web.identity.ask_to_reset(&form.email).await?;
    look_into_mail(&web, &visitor, &form.email, SENT)
}

fn choose(
    web: &Web,
    visitor: &Visitor,
    (token, email): (&str, &str),
    error: Option<String>,
    cuts_off: bool,
) -> Result<Response> {
    let page = LinkPage {
        title: "Choose a new password",
        lede: "This is the password from now on for".to_owned(),
        warning: None,
        action: "/auth/reset",
        token,
        label: "Use this password",
        password: Some("new"),
        choice: Some(Choice { name: "cut_off", label: CUT_OFF, hint: CUT_OFF_HINT, is_checked: cuts_off }),
        error,
        email,
    };
    page.render(web, visitor)
}

/// `GET /auth/reset?token=`
pub async fn reset_page(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    is_offered(&web)?;
    let token = read_token(&link.token)?;
    let email = web.identity.look_at_reset(&token).await?.ok_or_else(over)?;
    choose(&web, &visitor, (token.expose(), &email), None, false)
}

/// `POST /auth/reset`
pub async fn reset(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    is_offered(&web)?;
    let token = read_token(&form.token)?;
    let email = web.identity.look_at_reset(&token).await?.ok_or_else(over)?;
    let cuts_off = form.cut_off.is_some();
    let chosen = Chosen { password: form.password, cuts_off };
    match web.identity.reset_password(&token, chosen, &visitor.info).await? {
        Reset::Done { user, cut_off, at } => {
            let words = ("Your password is changed", if cut_off { DONE_AND_CUT_OFF } else { DONE });
            let page = message(&web, &visitor, "success", words, Some(("/auth/signin", "Sign in")))?;
            // No browser counts as the owner's any more, but for the one in which the mail was read.
            Ok(with_cookie(page, device_cookie(&web, &headers, &user, at)))
        }
        Reset::Problem(problem) => choose(&web, &visitor, (token.expose(), &email), Some(problem), cuts_off),
        Reset::Over => Err(over()),
    }
}
