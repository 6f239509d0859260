//! What is on record about an organization.

use std::sync::Arc;

use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::ports::{AuditPage, Stretch};
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
        let page = organizations.list_record(&actor, id, &wanted, Stretch::Written(cursor, limit)).await?;
        let AuditPage { records, rest } = page;
        let next = match rest {
            Some(Stretch::Written(cursor, _)) => cursor.to_string(),
            // One asks again later, from the same place on.
            _ => records.last().map_or_else(|| sought.after.trim().to_owned(), |entry| entry.id.clone()),
        };
        return unkept(&json!({ "entries": records, "next": next, "has_more": rest.is_some() }));
    }
    let page = organizations.list_record(&actor, id, &wanted, Stretch::Before(sought.place()?, limit)).await?;
    let looked_to = page.looked_to();
    let next = page.rest.and_then(Stretch::place).map(|place| place.to_string());
    unkept(&json!({
        "entries": page.records, "next": next, "has_more": next.is_some(), "looked_to": looked_to,
    }))
}
