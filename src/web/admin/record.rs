//! The record of acts.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use belgie_api::{Result, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::identity::{ActInfo, Named};
use crate::web::Web;

const SHOWN: u32 = 200;

#[derive(Deserialize)]
pub struct RecordQuery {
    #[serde(default)]
    user: String,
}

/// `GET /admin/audit`
pub async fn page(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Query(wanted): Query<RecordQuery>,
) -> Result<Response> {
    let wish = wanted.user.trim();
    let about = match wish.parse::<UserId>() {
        Ok(user) => Some(user),
        Err(_) => web.identity.find_person_by_email(wish).await?.map(|person| person.id),
    };
    let is_unknown = !wish.is_empty() && about.is_none();
    let acts = if is_unknown { Vec::new() } else { web.identity.list_acts(about, SHOWN).await? };
    let context = json!({
        "user": wish,
        "is_unknown": is_unknown,
        "acts": describe(&acts),
    });
    web.pages.page(&operator.visitor, "admin_audit.html", "Record", context)
}

/// Acts, as lists show them.
pub fn describe(acts: &[ActInfo]) -> Vec<Value> {
    acts.iter().map(describe_one).collect()
}

fn describe_one(act: &ActInfo) -> Value {
    let who = |named: &Option<Named>| {
        let named = named.as_ref()?;
        Some(json!({ "name": named.name, "href": named.user.map(|user| format!("/admin/users/{user}")) }))
    };
    json!({
        "action": act.action,
        "label": label(&act.action),
        "actor": who(&act.actor),
        "impersonator": who(&act.impersonator),
        "target": who(&act.target),
        "ip": act.ip,
        "reason": act.reason,
        "at": act.ago,
        "at_iso": act.at,
    })
}

/// The act in words that stand before the one it was done to; an act of a plugin speaks for itself.
fn label(action: &str) -> &str {
    match action {
        "user.banned" => "banned",
        "user.unbanned" => "took back the ban of",
        "user.created" => "made the account",
        "user.deleted" => "deleted the account",
        "user.scopes_set" => "set the permissions of",
        "user.verified" => "marked the address as proven of",
        "session.ended" => "ended a session of",
        "session.all_ended" => "ended all sessions of",
        "connection.ended" => "cut off an agent of",
        "access.explained" => "asked why a tool is open or closed to",
        "consent.given" => "let in",
        "consent.refused" => "did not let in",
        "connection.revoked" => "cut off",
        "impersonation.began" => "began to see the pages as",
        "impersonation.ended" => "stopped seeing the pages as",
        other => other,
    }
}
