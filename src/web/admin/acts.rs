//! What operators do without being asked once more who they are. Each act leads back to the person it was done to.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::{Failure, Result, SessionId, UserId};
use serde::Deserialize;

use super::operator::Operator;
use super::person_of;
use crate::web::Web;

/// Back to the person, with word of what was done.
pub fn back_to(user: UserId, done: &str) -> Response {
    Redirect::to(&format!("/admin/users/{user}?done={done}")).into_response()
}

/// `POST /admin/users/{id}/unban`
pub async fn unban(State(web): State<Arc<Web>>, operator: Operator, Path(id): Path<String>) -> Result<Response> {
    let user = person_of(&id)?;
    web.identity.unban(user, operator.by()).await?;
    Ok(back_to(user, "unbanned"))
}

#[derive(Deserialize)]
pub struct Chosen {
    session_id: Option<String>,
}

/// `POST /admin/users/{id}/sessions/end`: one session of the person, or all when none is named.
pub async fn end_sessions(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Path(id): Path<String>,
    Form(form): Form<Chosen>,
) -> Result<Response> {
    let user = person_of(&id)?;
    let Some(chosen) = form.session_id else {
        web.identity.end_sessions_by(user, operator.by()).await?;
        return Ok(back_to(user, "sessions-ended"));
    };
    let unknown = || Failure::not_found("session.not_found", "There is no such session any more.");
    let session: SessionId = chosen.parse().map_err(|_| unknown())?;
    if !web.identity.end_session_by(session, operator.by()).await? {
        return Err(unknown());
    }
    Ok(back_to(user, "session-ended"))
}

#[derive(Deserialize)]
pub struct ChosenConnection {
    #[serde(default)]
    connection_id: String,
}

/// `POST /admin/users/{id}/connections/end`: one agent or token of the person.
pub async fn end_connection(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Path(id): Path<String>,
    Form(form): Form<ChosenConnection>,
) -> Result<Response> {
    let user = person_of(&id)?;
    web.identity.end_connection_by(user, &form.connection_id, operator.by()).await?;
    Ok(back_to(user, "connection-ended"))
}
