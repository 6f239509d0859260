//! The page behind the one-time set-up link. Looking uses nothing up; only the form does.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, ScopeSet, TokenKind};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::by_mail::browser_mark;
use super::sign_in::open_session;
use crate::identity::NewAccount;
use crate::identity::accounts::{AccountProblems, CreateError};
use crate::identity::hold::SameAddress;
use crate::identity::setup::ADMIN;

#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
pub struct FirstAccount {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

fn used_up() -> Failure {
    Failure::not_found("setup.used_up", "This set-up link is not good any more.")
        .hint("If nobody is an administrator yet, restart the server: it prints a new link. `belgie user set-scopes` makes one, too.")
}

fn read(text: &str) -> Result<PlainToken> {
    PlainToken::parse_as(TokenKind::Link, text.trim()).ok_or_else(used_up)
}

/// `GET /auth/setup?token=...`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let token = read(&link.token)?;
    if !web.identity.is_setup_open(&token).await? {
        return Err(used_up());
    }
    let empty = FirstAccount { token: link.token, email: String::new(), name: String::new(), password: String::new() };
    render(&web, &visitor, &empty, None, AccountProblems::default())
}

fn render(
    web: &Web,
    visitor: &Visitor,
    form: &FirstAccount,
    error: Option<&str>,
    problems: AccountProblems,
) -> Result<Response> {
    let has_mistake = error.is_some() || problems != AccountProblems::default();
    let context = json!({
        "token": form.token,
        "email": form.email,
        "name": form.name,
        "error": error,
        "email_error": problems.email,
        "password_error": problems.password,
        "min_password": web.identity.rules().min_password_length,
    });
    let mut response = web.pages.page(visitor, "setup.html", "Set up this host", context)?;
    if has_mistake {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /auth/setup`
pub async fn submit(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<FirstAccount>,
) -> Result<Response> {
    web.limits.take(LimitBucket::SignUp, &visitor.info.ip.to_string()).await?;
    let token = read(&form.token)?;
    if !web.identity.is_setup_open(&token).await? {
        return Err(used_up());
    }
    let mut scopes = ScopeSet::new();
    scopes.insert(ADMIN.parse().map_err(Failure::internal)?);
    let account =
        NewAccount { email: form.email.clone(), name: form.name.clone(), password: form.password.clone(), scopes };
    match web.identity.set_up(&token, account).await {
        Ok(Some(user)) => {
            if web.identity.has_mail() {
                web.identity.send_verification(user.id, &browser_mark(&visitor)).await?;
            }
            open_session(&web, &visitor, &headers, (&user, "setup", &SameAddress(&user)), None).await
        }
        Ok(None) | Err(CreateError::Taken) => Err(used_up()),
        Err(CreateError::Problems(problems)) => render(&web, &visitor, &form, None, problems),
        Err(CreateError::Failure(failure)) => Err(failure),
    }
}
