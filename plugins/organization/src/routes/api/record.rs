//! What is on record about an organization.

use std::sync::Arc;

use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::ports::{AuditRecord, Stretch};
use belgie_api::web::Known;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::actor;
use crate::routes::wire::{lines, unkept};
use crate::service::{Organizations, Sought};

/// How many entries come when nobody says how many, and how many at most.
const USUAL: u32 = 100;
const MOST: u32 = 1_000;

/// `GET /auth/organization/{organization}/audit`: the newest entries, or with `format=jsonl` all of them.
pub async fn list(
    State(organizations): State<Arc<Organizations>>,
    Path(named): Path<String>,
    known: Known,
    sought: Result<Query<Sought>, QueryRejection>,
) -> Result<Response> {
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let Query(sought) = sought.map_err(unreadable)?;
    let (actor, id) = (actor(&known), organizations.resolve(&named).await?);
    let wanted = sought.read(&organizations, &actor, id).await?;
    match sought.format.as_str() {
        "" | "json" => {}
        "jsonl" => return Ok(lines(organizations.export_record(&actor, id, wanted, sought.cursor()?).await?, None)),
        _ => return Err(Failure::bad_request("invalid_request", "`format` is json or jsonl.")),
    }
    let limit = sought.limit.unwrap_or(USUAL).clamp(1, MOST);
    if let Some(cursor) = sought.cursor()? {
        let entries = organizations.list_record(&actor, id, &wanted, Stretch::Written(cursor, limit)).await?;
        let next = entries.last().map_or(sought.after.trim(), |entry| entry.id.as_str());
        return unkept(&json!({ "entries": entries, "next": next }));
    }
    let stretch = Stretch::Before(sought.place()?, limit);
    let entries = organizations.list_record(&actor, id, &wanted, stretch).await?;
    let is_full = entries.len() >= limit as usize;
    let next = entries.last().filter(|_| is_full).and_then(AuditRecord::place).map(|place| place.to_string());
    unkept(&json!({ "entries": entries, "next": next }))
}
