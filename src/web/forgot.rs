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
use super::by_mail::{Link, LinkPage, limit_mail_here, look_into_mail, message, needs, over, read_token};
use crate::identity::accounts::is_email;
use crate::identity::reset::Reset;

const SENT: &str = "If there is an account with this address, a link to choose a new password is on its way to it. It works once, \
     for an hour.";
const DONE: &str = "Every browser was signed out. Sign in with the new password.";

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

fn choose(web: &Web, visitor: &Visitor, token: &str, email: &str, error: Option<String>) -> Result<Response> {
    let page = LinkPage {
        title: "Choose a new password",
        lede: "This is the password from now on for".to_owned(),
        warning: None,
        action: "/auth/reset",
        token,
        label: "Use this password",
        password: Some("new"),
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
    choose(&web, &visitor, token.expose(), &email, None)
}

/// `POST /auth/reset`
pub async fn reset(State(web): State<Arc<Web>>, visitor: Visitor, Form(form): Form<NewPassword>) -> Result<Response> {
    is_offered(&web)?;
    let token = read_token(&form.token)?;
    let email = web.identity.look_at_reset(&token).await?.ok_or_else(over)?;
    match web.identity.reset_password(&token, form.password, &visitor.info).await? {
        Reset::Done(_) => {
            let words = ("Your password is changed", DONE);
            message(&web, &visitor, "success", words, Some(("/auth/signin", "Sign in")))
        }
        Reset::Problem(problem) => choose(&web, &visitor, token.expose(), &email, Some(problem)),
        Reset::Over => Err(over()),
    }
}
