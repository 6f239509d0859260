//! Decisions in the order of writing.

use belgie_api::db::Conn;
use belgie_api::ports::AuditFilter;
use belgie_api::{Result, Timestamp, on};
use uuid::Uuid;

use super::{DecisionRow, LAST_MOMENT, outcome_class};

/// What was written after one entry and before another; `place` narrows it to an organization or not. `d.id` goes first, so
/// that it is read along the index.
macro_rules! written {
    ($place:literal) => {
        concat!(
            "SELECT d.at, d.id, d.organization_id, d.user_id, d.client_id, d.kind, d.name, d.decision, d.outcome, \
             d.took_us, d.request_id, c.caller FROM core_decisions d \
             LEFT JOIN core_decision_callers c ON c.id = d.caller_id WHERE d.id > $4 AND d.id < $5 AND ",
            $place,
            " AND d.at >= $2 AND d.at < $3 AND ($6 IS NULL OR d.user_id = $6) AND ($7 IS NULL OR d.client_id = $7) \
             AND ($8 IS NULL OR d.name = $8) AND ($9 IS NULL OR $9 = \
             CASE d.outcome WHEN 'done' THEN 'done' WHEN 'refused' THEN 'refused' ELSE 'failed' END) \
             ORDER BY d.id LIMIT $10"
        )
    };
}

const WRITTEN: &str = written!("$1 IS NULL");
const WRITTEN_IN_ORGANIZATION: &str = written!("d.organization_id = $1");

/// What was written after one entry and before another, in the order of writing, as wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn list_written(
    conn: &mut Conn,
    wanted: &AuditFilter,
    (after, before): (Uuid, Uuid),
    limit: u32,
) -> Result<Vec<DecisionRow>> {
    let sql = if wanted.organization.is_some() { WRITTEN_IN_ORGANIZATION } else { WRITTEN };
    Ok(on!(conn, c => sqlx::query_as::<_, DecisionRow>(sql)
        .bind(wanted.organization)
        .bind(wanted.since.unwrap_or(Timestamp::EPOCH))
        .bind(wanted.until.unwrap_or(LAST_MOMENT))
        .bind(after)
        .bind(before)
        .bind(wanted.user)
        .bind(wanted.client.as_ref().map(belgie_api::ClientId::as_str))
        .bind(wanted.name.as_deref())
        .bind(outcome_class(wanted.result))
        .bind(i64::from(limit))
        .fetch_all(c).await)?)
}
