//! The password: another, a first, or none.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::{Present, Visitor};
use belgie_api::{Caller, Result};
use serde::Deserialize;
use serde_json::json;

use super::super::Web;
use super::super::by_mail::needs;
use super::super::sign_in::{device_cookie, with_cookie};
use super::facts;
use crate::identity::{Replaced, Then};

#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    password: String,
    end_others: Option<String>,
}

async fn render(web: &Web, visitor: &Visitor, caller: &Caller, error: Option<&str>) -> Result<Response> {
    let context = json!({
        "account": facts(web, caller).await?,
        "ways_in": web.identity.ways_in_now(caller.user().id).await?,
        "min_password": web.identity.rules().min_password_length,
        "error": error,
    });
    let mut response = web.pages.page(visitor, "account_password.html", "Your password", context)?;
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Hashing is work, so a person changes a password only so often.
async fn limit(web: &Web, caller: &Caller) -> Result<()> {
    web.limits.take(LimitBucket::SignInByAccount, &caller.user().id.to_string()).await
}

/// Whether the person gets one more notice. Their own bucket: nobody else can empty it so that a change goes unnoticed.
async fn may_write(web: &Web, caller: &Caller) -> bool {
    web.limits.take(LimitBucket::MailToRecipient, &format!("notice to {}", caller.user().id)).await.is_ok()
}

/// `GET /account/password`
pub async fn page(State(web): State<Arc<Web>>, Present { caller, visitor }: Present) -> Result<Response> {
    needs(web.identity.rules().signs_in_by_password)?;
    render(&web, &visitor, &caller, None).await
}

/// `POST /account/password`
pub async fn save(
    State(web): State<Arc<Web>>,
    Present { caller, visitor }: Present,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    needs(web.identity.rules().signs_in_by_password)?;
    limit(&web, &caller).await?;
    let then = Then { ends_others: form.end_others.is_some(), tells: may_write(&web, &caller).await };
    match web.identity.set_password(&caller, &visitor.info, form.password, then).await? {
        Replaced::Done(at) => {
            // Of the browsers that were known only the one in which this is done still is.
            let known = then.ends_others.then(|| device_cookie(&web, &headers, caller.user(), at)).flatten();
            Ok(with_cookie(Redirect::to("/account?done=password").into_response(), known))
        }
        Replaced::Problem(problem) => render(&web, &visitor, &caller, Some(&problem)).await,
    }
}

/// `POST /account/password/remove`
pub async fn remove(State(web): State<Arc<Web>>, Present { caller, visitor }: Present) -> Result<Response> {
    limit(&web, &caller).await?;
    let tells = may_write(&web, &caller).await;
    web.identity.remove_password(&caller, &visitor.info, tells).await?;
    Ok(Redirect::to("/account?done=password-removed").into_response())
}

/// `GET /account/password/remove`: where whoever had to prove to be there first comes back to.
pub async fn back(State(_): State<Arc<Web>>) -> Response {
    Redirect::to("/account/password").into_response()
}
