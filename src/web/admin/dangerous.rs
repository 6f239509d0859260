//! What operators do only after proving once more that they are there. Each act but one has a page of its own, whose form goes
//! to the address of the page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::ports::normalize_email;
use belgie_api::{Failure, Result, ScopeSet, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::back_to;
use super::operator::{Operator, PresentOperator};
use super::{person, person_of, users};
use crate::identity::Ban;
use crate::web::Web;

/// What one of the pages says beside the person it is about.
struct Said {
    template: &'static str,
    title: &'static str,
    value: Value,
    error: Option<String>,
}

async fn show(web: &Web, operator: &Operator, user: UserId, said: Said) -> Result<Response> {
    let found = person::find(web, user).await?;
    let has_error = said.error.is_some();
    let context = json!({
        "person": users::describe(&found),
        "value": said.value,
        "error": said.error,
    });
    let mut page = web.pages.page(&operator.visitor, said.template, said.title, context)?;
    if has_error {
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(page)
}

fn ban_said(value: Value, error: Option<String>) -> Said {
    Said { template: "admin_ban.html", title: "Ban", value, error }
}

/// `GET /admin/users/{id}/ban`
pub async fn ban_page(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
) -> Result<Response> {
    show(&web, &operator, person_of(&id)?, ban_said(json!({ "reason": "", "notice": "", "days": "" }), None)).await
}

#[derive(Deserialize)]
pub struct BanForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    notice: String,
    #[serde(default)]
    days: String,
}

/// `POST /admin/users/{id}/ban`
pub async fn ban(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
    Form(form): Form<BanForm>,
) -> Result<Response> {
    let user = person_of(&id)?;
    let lasts = match form.days.trim() {
        "" => None,
        text => match text.parse::<u32>() {
            Ok(days @ 1..=3650) => Some(Duration::from_hours(24 * u64::from(days))),
            _ => {
                let value = json!({ "reason": form.reason, "notice": form.notice, "days": form.days });
                let error = "Write a number of days from 1 to 3650, or nothing.".to_owned();
                return show(&web, &operator, user, ban_said(value, Some(error))).await;
            }
        },
    };
    web.identity.ban(user, &Ban { reason: form.reason, notice: form.notice, lasts }, operator.by()).await?;
    Ok(back_to(user, "banned"))
}

fn delete_said(error: Option<String>) -> Said {
    Said { template: "admin_delete.html", title: "Delete", value: Value::Null, error }
}

/// `GET /admin/users/{id}/delete`
pub async fn delete_page(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
) -> Result<Response> {
    show(&web, &operator, person_of(&id)?, delete_said(None)).await
}

#[derive(Deserialize)]
pub struct DeleteForm {
    #[serde(default)]
    email: String,
}

/// `POST /admin/users/{id}/delete`: only with the address typed, since nothing brings an account back.
pub async fn delete(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
    Form(form): Form<DeleteForm>,
) -> Result<Response> {
    let user = person_of(&id)?;
    if normalize_email(&form.email) != person::find(&web, user).await?.email {
        let error = "This is not the address of the account.".to_owned();
        return show(&web, &operator, user, delete_said(Some(error))).await;
    }
    web.identity.delete_by(user, operator.by()).await?;
    Ok(Redirect::to("/admin/users").into_response())
}

fn scopes_said(value: &str, error: Option<String>) -> Said {
    Said { template: "admin_scopes.html", title: "Permissions", value: json!(value), error }
}

/// `GET /admin/users/{id}/scopes`
pub async fn scopes_page(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
) -> Result<Response> {
    let user = person_of(&id)?;
    let scopes = person::find(&web, user).await?.scopes.to_string();
    show(&web, &operator, user, scopes_said(&scopes, None)).await
}

#[derive(Deserialize)]
pub struct ScopesForm {
    #[serde(default)]
    scopes: String,
}

/// `POST /admin/users/{id}/scopes`
pub async fn set_scopes(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
    Form(form): Form<ScopesForm>,
) -> Result<Response> {
    let user = person_of(&id)?;
    let scopes: ScopeSet = match form.scopes.split_whitespace().collect::<Vec<_>>().join(" ").parse() {
        Ok(scopes) => scopes,
        Err(_) => {
            let error = "Write names without spaces or quotation marks in them, with a space between two.".to_owned();
            return show(&web, &operator, user, scopes_said(&form.scopes, Some(error))).await;
        }
    };
    match web.identity.set_scopes(user, scopes, operator.by()).await {
        Ok(()) => Ok(back_to(user, "scopes")),
        Err(failure) => said_on_the_page(&web, &operator, user, &form.scopes, failure).await,
    }
}

/// What clashes is said beside the field, where it can be corrected.
async fn said_on_the_page(
    web: &Web,
    operator: &Operator,
    user: UserId,
    typed: &str,
    failure: Failure,
) -> Result<Response> {
    if failure.status() != StatusCode::CONFLICT {
        return Err(failure);
    }
    let words = [Some(failure.message()), failure.remedy()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    show(web, operator, user, scopes_said(typed, Some(words))).await
}

#[derive(Deserialize)]
pub struct Verified {
    /// Whether the owner of the address made the account, so that everything in it stays.
    is_theirs: Option<String>,
}

/// `POST /admin/users/{id}/verify`: from the page of the person, which has the form.
pub async fn verify(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
    Form(form): Form<Verified>,
) -> Result<Response> {
    let user = person_of(&id)?;
    web.identity.mark_verified(user, form.is_theirs.is_some(), operator.by()).await?;
    Ok(back_to(user, "verified"))
}

/// `GET /admin/users/{id}/verify`: where whoever had to prove to be there first comes back to.
pub async fn verify_back(_: Operator, Path(id): Path<String>) -> Result<Response> {
    Ok(Redirect::to(&format!("/admin/users/{}", person_of(&id)?)).into_response())
}
