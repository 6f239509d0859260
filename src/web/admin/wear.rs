//! Seeing the pages as somebody else, and coming back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, SessionId, TokenKind, UserId};
use serde_json::json;

use super::operator::PresentOperator;
use super::{person, person_of, users};
use crate::web::Web;

/// What the operator's own session is sealed for; it opens only together with the session it was left for.
const PURPOSE: &str = "core.impersonation";

/// `GET /admin/users/{id}/impersonate`
pub async fn page(
    State(web): State<Arc<Web>>,
    PresentOperator(operator): PresentOperator,
    Path(id): Path<String>,
) -> Result<Response> {
    let row = person::find(&web, person_of(&id)?).await?;
    let context = json!({ "person": users::describe(&row, web.clock.now()) });
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
    let context = context_of(started.session.id);
    let sealed = web.host.seal(PURPOSE, context.as_bytes(), own.expose().as_bytes())?;
    let lifetime = started.session.expires_at.since(started.session.created_at);
    let cookies = [web.cookies.set_session(&started.token, lifetime), web.cookies.set_operator(&sealed, lifetime)];
    Ok(with(Redirect::to("/account").into_response(), cookies))
}

/// `POST /admin/impersonation/end`: back to the operator's own session, if it still stands.
pub async fn end(State(web): State<Arc<Web>>, visitor: Visitor, headers: HeaderMap) -> Result<Response> {
    let worn = visitor.caller.as_ref().and_then(|caller| {
        let operator = caller.principal().presence()?.impersonator?;
        Some((caller.session()?, caller.user().id, operator))
    });
    let (session, user, operator) = worn.ok_or_else(crate::web::errors::nowhere)?;
    let own = own_session(&web, &headers, session, operator).await?;
    web.identity.revoke_session(session, user).await?;
    let (target, cookie) = match own {
        Some((token, lifetime)) => (format!("/admin/users/{user}"), web.cookies.set_session(&token, lifetime)),
        None => ("/auth/signin".to_owned(), web.cookies.clear_session()),
    };
    Ok(with(Redirect::to(&target).into_response(), [cookie, web.cookies.clear_operator()]))
}

/// The operator's own session: what the browser kept must have been left for this worn session, must still stand, and must
/// be the operator's.
async fn own_session(
    web: &Web,
    headers: &HeaderMap,
    worn: SessionId,
    operator: UserId,
) -> Result<Option<(PlainToken, std::time::Duration)>> {
    let Some(sealed) = web.cookies.operator_value(headers) else { return Ok(None) };
    let Ok(opened) = web.host.unseal(PURPOSE, context_of(worn).as_bytes(), &sealed) else { return Ok(None) };
    let token = std::str::from_utf8(&opened).ok().and_then(|text| PlainToken::parse_as(TokenKind::Session, text));
    let Some(token) = token else { return Ok(None) };
    let resumed = web.identity.resume_session(&token).await?;
    let resumed = resumed.filter(|own| own.user.id == operator && own.session.impersonator_id.is_none());
    Ok(resumed.map(|own| (token, own.session.expires_at.since(web.clock.now()))))
}

fn context_of(worn: SessionId) -> String {
    worn.to_string()
}

fn with(mut response: Response, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
