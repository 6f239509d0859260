//! Seeing the pages as somebody else, and coming back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::operator::PresentOperator;
use super::{person, person_of, users};
use crate::web::Web;
use crate::web::errors::nowhere;
use crate::web::worn::{self, with_cookies};

/// `GET /admin/users/{id}/impersonate`
pub async fn page(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
) -> Result<Response> {
    let found = person::find(&web, person_of(&id)?).await?;
    let context = json!({ "person": users::describe(&found) });
    web.pages.page(&operator.visitor, "admin_impersonate.html", "See as this person", context)
}

/// `POST /admin/users/{id}/impersonate`
pub async fn begin(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let user = person_of(&id)?;
    let own = web.cookies.session_token(&headers);
    let own = own.ok_or_else(|| Failure::internal("an operator came without a session cookie"))?;
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let info = &operator.visitor.info;
    let started = web.identity.impersonate(user, operator.caller(), info, user_agent).await?;
    let cookies = worn::put_on(&web, &own, &started)?;
    Ok(with_cookies(Redirect::to("/account").into_response(), cookies))
}

/// `POST /admin/impersonation/end`: back to the operator's own session, if it still stands.
pub async fn end(State(web): State<Arc<Web>>, visitor: Visitor, headers: HeaderMap) -> Result<Response> {
    let ended = worn::take_off(&web, &visitor, &headers).await?.ok_or_else(nowhere)?;
    Ok(ended.answer("/auth/signin"))
}
