//! One person: who it is, where they are signed in, what acts for them, what was done.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use belgie_api::{Result, Scope, Timestamp, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::{person_of, record, unknown, users};
use crate::identity::{ConnectionInfo, PersonInfo, SessionInfo};
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
    let person = find(&web, user).await?;
    let sessions = web.identity.list_sessions(user).await?;
    let connections = web.identity.list_connections(user).await?;
    let acts = web.identity.list_acts(Some(user), LATEST).await?;
    let is_self = operator.caller().user().id == user;
    let context = json!({
        "person": users::describe(&person),
        "is_self": is_self,
        "ways_in": web.identity.ways_in_now(user).await?,
        "sessions": sessions.iter().map(describe).collect::<Vec<_>>(),
        "connections": connections.iter().map(describe_connection).collect::<Vec<_>>(),
        "acts": record::describe(&acts),
        "notice": done.as_deref().and_then(notice),
    });
    web.pages.page(&operator.visitor, "admin_user.html", &person.email, context)
}

/// The person, banned or not.
pub async fn find(web: &Web, user: UserId) -> Result<PersonInfo> {
    web.identity.find_person(user).await?.ok_or_else(unknown)
}

fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "banned" => "The account is banned. Its sessions have ended and its tokens are refused.",
        "unbanned" => "The ban is taken back.",
        "verified" => "The address counts as proven.",
        "scopes" => "The permissions are set.",
        "connection-ended" => "The agent is cut off. It is refused from its next call on.",
        "session-ended" => "The session has ended.",
        "sessions-ended" => "All sessions of this person have ended.",
        _ => return None,
    })
}

fn describe(session: &SessionInfo) -> Value {
    json!({
        "id": session.id,
        "device": session.device,
        "ip": session.ip,
        "method": session.method,
        "created_at": session.created_at.day(),
        "created_at_iso": session.created_at,
        "last_seen_at": session.last_seen_ago,
        "last_seen_at_iso": session.last_seen_at,
        "is_worn": session.impersonator.is_some(),
    })
}

fn describe_connection(shown: &ConnectionInfo) -> Value {
    let ConnectionInfo { connection, last_used_ago } = shown;
    json!({
        "id": connection.id,
        "name": connection.name,
        "host": connection.host,
        "is_token": connection.is_token,
        "scopes": connection.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "created_at": connection.created_at.day(),
        "created_at_iso": connection.created_at,
        "last_used_at": last_used_ago,
        "last_used_at_iso": connection.last_used_at,
        "expires_at": connection.expires_at.map(Timestamp::day),
    })
}
