//! The record of acts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use belgie_api::{Result, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::store::audit::AuditRow;
use crate::web::Web;

const SHOWN: u32 = 200;

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    user: String,
}

/// `GET /admin/audit`
pub async fn page(State(web): State<Arc<Web>>, operator: Operator, Query(wanted): Query<Wanted>) -> Result<Response> {
    let wish = wanted.user.trim();
    let about = match wish.parse::<UserId>() {
        Ok(user) => Some(user),
        Err(_) => web.identity.row_by_email(wish).await?.map(|row| row.id),
    };
    let is_unknown = !wish.is_empty() && about.is_none();
    let acts = if is_unknown { Vec::new() } else { web.identity.acts(about, SHOWN).await? };
    let context = json!({
        "user": wish,
        "is_unknown": is_unknown,
        "acts": describe(&web, &acts).await?,
    });
    web.pages.page(&operator.visitor, "admin_audit.html", "Record", context)
}

/// Acts, with the addresses of those who are still here in place of ids.
pub async fn describe(web: &Web, acts: &[AuditRow]) -> Result<Vec<Value>> {
    let now = web.clock.now();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for user in people_in(acts) {
        if let Some(row) = web.identity.row(user).await? {
            names.insert(user.to_string(), row.email);
        }
    }
    let who = |id: Option<String>| {
        let id = id?;
        let href = names.contains_key(&id).then(|| format!("/admin/users/{id}"));
        Some(json!({ "name": names.get(&id).cloned().unwrap_or(id), "href": href }))
    };
    let describe = |act: &AuditRow| {
        json!({
            "action": act.action,
            "label": label(&act.action),
            "actor": who(act.actor_id.map(|id| id.to_string())),
            "impersonator": who(act.impersonator_id.map(|id| id.to_string())),
            "target": who(act.target.clone()),
            "ip": act.ip,
            "reason": act.details.get("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty()),
            "at": act.at.ago(now),
            "at_iso": act.at,
        })
    };
    Ok(acts.iter().map(describe).collect())
}

fn people_in(acts: &[AuditRow]) -> BTreeSet<UserId> {
    let mut people = BTreeSet::new();
    for act in acts {
        people.extend(act.actor_id);
        people.extend(act.impersonator_id);
        people.extend(act.target.as_ref().and_then(|target| target.parse::<UserId>().ok()));
    }
    people
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
        "access.explained" => "asked why a tool is open or closed to",
        "impersonation.began" => "began to see the pages as",
        "impersonation.ended" => "stopped seeing the pages as",
        other => other,
    }
}
