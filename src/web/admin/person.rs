//! One person: who it is, where they are signed in, what was done.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use belgie_api::{Result, Timestamp, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::{person_of, record, unknown, users};
use crate::identity::device_name;
use crate::store::sessions::SessionRow;
use crate::store::users::UserRow;
use crate::web::Web;

const LATEST: u32 = 20;

#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// `GET /admin/users/{id}`
pub async fn page(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Path(id): Path<String>,
    Query(Done { done }): Query<Done>,
) -> Result<Response> {
    let user = person_of(&id)?;
    let row = find(&web, user).await?;
    let now = web.clock.now();
    let sessions = web.identity.list_sessions(user).await?;
    let acts = web.identity.acts(Some(user), LATEST).await?;
    let is_self = operator.caller().user().id == user;
    let context = json!({
        "person": users::describe(&row, now),
        "is_self": is_self,
        "ways_in": web.identity.ways_in_now(user).await?,
        "sessions": sessions.iter().map(|session| describe(session, now)).collect::<Vec<_>>(),
        "acts": record::describe(&web, &acts).await?,
        "notice": done.as_deref().and_then(notice),
    });
    web.pages.page(&operator.visitor, "admin_user.html", &row.email, context)
}

/// Everything about the person, banned or not.
pub async fn find(web: &Web, user: UserId) -> Result<UserRow> {
    web.identity.row(user).await?.ok_or_else(unknown)
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "banned" => "The account is banned. Its sessions have ended and its tokens are refused.",
        "unbanned" => "The ban is taken back.",
        "verified" => "The address counts as proven.",
        "scopes" => "The permissions are set.",
        "session-ended" => "The session has ended.",
        "sessions-ended" => "All sessions of this person have ended.",
        _ => return None,
    })
}

fn describe(session: &SessionRow, now: Timestamp) -> Value {
    json!({
        "id": session.id,
        "device": device_name(&session.user_agent),
        "ip": session.ip,
        "method": session.method,
        "created_at": session.created_at.day(),
        "created_at_iso": session.created_at,
        "last_seen_at": session.last_seen_at.ago(now),
        "last_seen_at_iso": session.last_seen_at,
        "is_worn": session.impersonator_id.is_some(),
    })
}
