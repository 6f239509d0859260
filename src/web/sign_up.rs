//! Making an account, when the operator lets strangers do so.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result, ScopeSet};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::sign_in::{Destination, leave_for_clients, limit_sign_in, open_session};
use crate::identity::NewAccount;
use crate::identity::accounts::{AccountProblems, CreateError};

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(flatten)]
    destination: Destination,
}

/// What the form shows again after a mistake.
#[derive(Default)]
struct Shown<'a> {
    email: &'a str,
    name: &'a str,
    error: Option<&'a str>,
    problems: AccountProblems,
}

fn is_open(web: &Web) -> Result<()> {
    if web.identity.rules().sign_up_open {
        return Ok(());
    }
    Err(Failure::not_found("sign_up.closed", "This host does not take new accounts by itself.")
        .hint("Ask its operator for an account."))
}

/// `GET /auth/signup`
pub async fn page(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Query(wanted): Query<Destination>,
) -> Result<Response> {
    is_open(&web)?;
    let return_to = wanted.path();
    if visitor.caller.is_some() {
        return Ok(Redirect::to(return_to.as_deref().unwrap_or(&web.rules.signin_redirect)).into_response());
    }
    render(&web, &visitor, return_to, Shown::default())
}

fn render(web: &Web, visitor: &Visitor, return_to: Option<String>, shown: Shown<'_>) -> Result<Response> {
    let has_mistake = shown.error.is_some() || shown.problems != AccountProblems::default();
    let context = json!({
        "return_to": return_to,
        "email": shown.email,
        "name": shown.name,
        "error": shown.error,
        "email_error": shown.problems.email,
        "password_error": shown.problems.password,
        "min_password": web.identity.rules().min_password_length,
    });
    let mut response = web.pages.page(visitor, "sign_up.html", "Create an account", context)?;
    leave_for_clients(&mut response, return_to.as_deref());
    if has_mistake {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /auth/signup`. A taken address is treated as an attempt to sign in, so that the answer tells no more than the
/// sign-in page does.
pub async fn submit(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Wanted>,
) -> Result<Response> {
    is_open(&web)?;
    web.limits.take(LimitBucket::SignUp, &visitor.info.ip.to_string()).await?;
    let Wanted { email, name, password, destination } = form;
    let return_to = destination.path();
    let account =
        NewAccount { email: email.clone(), name: name.clone(), password: password.clone(), scopes: ScopeSet::new() };
    let user = match web.identity.create(account).await {
        Ok(user) => Some(user),
        Err(CreateError::Taken) => {
            limit_sign_in(&web, &visitor, &email).await?;
            web.identity.check_password(&email, password).await?
        }
        Err(CreateError::Problems(problems)) => {
            return render(&web, &visitor, return_to, Shown { email: &email, name: &name, error: None, problems });
        }
        Err(CreateError::Failure(failure)) => return Err(failure),
    };
    match user {
        Some(user) => open_session(&web, &visitor, &headers, (user.id, "password"), return_to).await,
        None => {
            let error = Some("No account could be made with these details. If you have one already, sign in.");
            let shown = Shown { email: &email, name: &name, error, problems: AccountProblems::default() };
            render(&web, &visitor, return_to, shown)
        }
    }
}
