//! Deleting one's account.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use belgie_api::ports::normalize_email;
use belgie_api::web::{Present, Visitor};
use belgie_api::{Caller, Result};
use serde::Deserialize;
use serde_json::json;

use super::super::Web;
use super::super::by_mail::message;
use super::facts;

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    email: String,
}

async fn render(web: &Web, visitor: &Visitor, caller: &Caller, error: Option<&str>) -> Result<Response> {
    let context = json!({ "account": facts(web, caller).await?, "error": error });
    let mut response = web.pages.page(visitor, "account_delete.html", "Delete your account", context)?;
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `GET /account/delete`
pub async fn page(State(web): State<Arc<Web>>, Present { caller, visitor }: Present) -> Result<Response> {
    render(&web, &visitor, &caller, None).await
}

/// `POST /account/delete`
pub async fn delete(
    State(web): State<Arc<Web>>,
    Present { caller, visitor }: Present,
    Form(form): Form<Typed>,
) -> Result<Response> {
    if normalize_email(&form.email) != caller.user().email {
        let error = "This is not your address. Type it as it stands above.";
        return render(&web, &visitor, &caller, Some(error)).await;
    }
    web.identity.close_account(&caller, &visitor.info).await?;
    let nobody = Visitor { caller: None, is_fresh: false, ..visitor };
    let words = ("Your account is deleted", "Everything in it is gone. Good-bye.");
    let mut response = message(&web, &nobody, "success", words, Some(("/", "Go to the start page")))?;
    if let Some(cookie) = web.cookies.clear_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
