//! Tables `core_decision_batches`, `core_decision_subjects` and `core_decision_callers`: what was decided about calls and what
//! came of them, many in one row; where to look for somebody's; and what the callers were at that moment. Rows are added and
//! never changed.

mod many;

use std::time::Duration;

use belgie_api::db::Conn;
use belgie_api::ports::{AuditFilter, AuditResult, Place, Stretch};
use belgie_api::{Result, Timestamp, on};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

pub use self::many::insert_subjects;

/// No batch is longer.
pub const SPAN: Duration = Duration::from_hours(1);

const INSERT: &str = "INSERT INTO core_decision_batches (id, first_at, last_at, count, body) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const INSERT_CALLER: &str =
    "INSERT INTO core_decision_callers (id, at, caller) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const FIND_CALLER: &str = "SELECT caller FROM core_decision_callers WHERE id = $1";
/// One bite at a time, so that nobody waits long for the write lock.
const PURGE: &str = "DELETE FROM core_decision_batches WHERE id IN \
     (SELECT id FROM core_decision_batches WHERE last_at < $1 ORDER BY last_at, id LIMIT $2)";
const PURGE_SUBJECTS: &str = "DELETE FROM core_decision_subjects WHERE (subject, batch_id) IN \
     (SELECT subject, batch_id FROM core_decision_subjects WHERE last_at < $1 ORDER BY last_at LIMIT $2)";
const PURGE_CALLERS: &str = "DELETE FROM core_decision_callers WHERE at < $1";
const NEXT_END: &str = "SELECT last_at FROM core_decision_batches WHERE last_at >= $1 ORDER BY last_at LIMIT 1";

/// Batches whose decisions lie in a stretch, those of one subject or all, in the order of one of their ends.
macro_rules! batches {
    (all, $end:literal, $before:literal, $order:literal) => {
        concat!(
            "SELECT id, first_at, last_at, body FROM core_decision_batches \
             WHERE $1 IS NULL AND last_at >= $2 AND first_at <= $3 AND (",
            $end,
            ", id) ",
            $before,
            " ($4, $5) ORDER BY ",
            $end,
            $order,
            ", id",
            $order,
            " LIMIT $6"
        )
    };
    (subject, $end:literal, $before:literal, $order:literal) => {
        concat!(
            "SELECT b.id, b.first_at, b.last_at, b.body FROM core_decision_subjects s \
             JOIN core_decision_batches b ON b.id = s.batch_id \
             WHERE s.subject = $1 AND s.last_at >= $2 AND s.first_at <= $3 AND (s.",
            $end,
            ", s.batch_id) ",
            $before,
            " ($4, $5) ORDER BY s.",
            $end,
            $order,
            ", s.batch_id",
            $order,
            " LIMIT $6"
        )
    };
}

const NEWEST: &str = batches!(all, "last_at", "<", " DESC");
const OLDEST: &str = batches!(all, "first_at", ">", " ASC");
const NEWEST_OF_SUBJECT: &str = batches!(subject, "last_at", "<", " DESC");
const OLDEST_OF_SUBJECT: &str = batches!(subject, "first_at", ">", " ASC");

const WRITTEN: &str = "SELECT id, first_at, last_at, body FROM core_decision_batches \
     WHERE $1 IS NULL AND id >= $2 AND id < $3 ORDER BY id LIMIT $4";
const WRITTEN_OF_SUBJECT: &str = "SELECT b.id, b.first_at, b.last_at, b.body FROM core_decision_subjects s \
     JOIN core_decision_batches b ON b.id = s.batch_id \
     WHERE s.subject = $1 AND s.batch_id >= $2 AND s.batch_id < $3 ORDER BY s.batch_id LIMIT $4";

/// Decisions that are written at once.
#[derive(Debug)]
pub struct NewBatch {
    /// The batch.
    pub id: Uuid,
    /// When the first of them was made.
    pub first_at: Timestamp,
    /// When the last of them was made; at most [`SPAN`] later.
    pub last_at: Timestamp,
    /// How many there are.
    pub count: i64,
    /// The decisions, in JSON.
    pub body: String,
    /// The organizations and people there is something of.
    pub subjects: Vec<Uuid>,
}

/// Decisions that were written at once.
#[derive(Debug, sqlx::FromRow)]
pub struct BatchRow {
    /// The batch.
    pub id: Uuid,
    /// When the first of them was made.
    pub first_at: Timestamp,
    /// When the last of them was made.
    pub last_at: Timestamp,
    /// The decisions, in JSON.
    pub body: String,
}

/// Which batches are wanted next.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    /// With something of this organization or person.
    pub subject: Option<Uuid>,
    /// With something from this moment on.
    pub since: Timestamp,
    /// With something up to this moment.
    pub until: Timestamp,
    /// The newest first, by their ends; else the oldest first, by their beginnings.
    pub is_newest_first: bool,
    /// Behind this end, in that order.
    pub after: (Timestamp, Uuid),
    /// At most so many.
    pub limit: i64,
}

/// 9999-12-31T23:59:59Z: no entry is younger.
pub const LAST_MOMENT: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

/// Between which moments and places a stretch lies.
pub struct Bounds {
    /// From this moment on.
    pub since: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
    /// Behind this place, in the order that is wanted.
    pub place: Place,
    /// The newest first; else the oldest first.
    pub is_newest_first: bool,
    /// At most so many.
    pub limit: i64,
}

impl Bounds {
    /// Of what is wanted.
    #[must_use]
    pub fn of(wanted: &AuditFilter, stretch: Stretch) -> Self {
        let (since, until) = (wanted.since.unwrap_or(Timestamp::EPOCH), wanted.until.unwrap_or(LAST_MOMENT));
        let (place, is_newest_first, limit) = match stretch {
            Stretch::Before(place, limit) => (place.unwrap_or(Place { at: LAST_MOMENT, id: Uuid::max() }), true, limit),
            Stretch::After(place, limit) => {
                (place.unwrap_or(Place { at: Timestamp::EPOCH, id: Uuid::nil() }), false, limit)
            }
            Stretch::Written(cursor, limit) => (Place { at: Timestamp::EPOCH, id: cursor.uuid() }, false, limit),
        };
        Self { since, until, place, is_newest_first, limit: limit.into() }
    }
}

/// The word for a result in the texts of queries; `None`: any.
#[must_use]
pub const fn outcome_class(result: AuditResult) -> Option<&'static str> {
    match result {
        AuditResult::Any => None,
        AuditResult::Done => Some("done"),
        AuditResult::Refused => Some("refused"),
        AuditResult::Failed => Some("failed"),
    }
}

/// Keeps what a caller was, unless it is kept already.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_caller(conn: &mut Conn, id: Uuid, at: Timestamp, caller: &Value) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT_CALLER).bind(id).bind(at).bind(Json(caller)).execute(c).await.map(drop))?;
    Ok(())
}

/// What a caller was.
///
/// # Errors
/// When the database does not answer.
pub async fn find_caller(conn: &mut Conn, id: Uuid) -> Result<Option<Value>> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Json<Value>>(FIND_CALLER).bind(id).fetch_optional(c).await)?;
    Ok(found.map(|Json(caller)| caller))
}

/// Puts decisions on record, unless the batch is there already.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, batch: &NewBatch) -> Result<()> {
    let count = on!(conn, c => sqlx::query(INSERT)
        .bind(batch.id)
        .bind(batch.first_at)
        .bind(batch.last_at)
        .bind(batch.count)
        .bind(batch.body.as_str())
        .execute(c).await.map(|done| done.rows_affected()))?;
    // Both were written in one transaction, or neither.
    if count > 0 { insert_subjects(conn, batch).await } else { Ok(()) }
}

/// Batches, as sought.
///
/// # Errors
/// When the database does not answer.
pub async fn batches(conn: &mut Conn, sought: &Sought) -> Result<Vec<BatchRow>> {
    let sql = match (sought.subject, sought.is_newest_first) {
        (None, true) => NEWEST,
        (None, false) => OLDEST,
        (Some(_), true) => NEWEST_OF_SUBJECT,
        (Some(_), false) => OLDEST_OF_SUBJECT,
    };
    let (end, id) = sought.after;
    Ok(on!(conn, c => sqlx::query_as::<_, BatchRow>(sql)
        .bind(sought.subject)
        .bind(sought.since)
        .bind(sought.until)
        .bind(end)
        .bind(id)
        .bind(sought.limit)
        .fetch_all(c).await)?)
}

/// Batches in the order of writing, from one id on and before another, those with something of a subject or all.
///
/// # Errors
/// When the database does not answer.
pub async fn batches_written(
    conn: &mut Conn,
    subject: Option<Uuid>,
    (from, before): (Uuid, Uuid),
    limit: i64,
) -> Result<Vec<BatchRow>> {
    let sql = if subject.is_some() { WRITTEN_OF_SUBJECT } else { WRITTEN };
    Ok(on!(conn, c => sqlx::query_as::<_, BatchRow>(sql)
        .bind(subject)
        .bind(from)
        .bind(before)
        .bind(limit)
        .fetch_all(c).await)?)
}

/// A moment before which nothing was decided since another; `None` when nothing was.
///
/// # Errors
/// When the database does not answer.
pub async fn nothing_before(conn: &mut Conn, since: Timestamp) -> Result<Option<Timestamp>> {
    let end = on!(conn, c => sqlx::query_scalar::<_, Timestamp>(NEXT_END).bind(since).fetch_optional(c).await)?;
    // Batches that end later begin at most so much earlier.
    Ok(end.map(|end| end.minus(SPAN).max(since)))
}

/// Takes away at most `limit` batches whose decisions are all older than a moment: how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(conn, c => sqlx::query(PURGE).bind(before).bind(limit).execute(c).await.map(|done| done.rows_affected()))?)
}

/// Takes away at most `limit` rows that led to such batches: how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn purge_subjects(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(conn, c => sqlx::query(PURGE_SUBJECTS).bind(before).bind(limit).execute(c).await
        .map(|done| done.rows_affected()))?)
}

/// Takes away what callers were before a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn purge_callers(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE_CALLERS).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
