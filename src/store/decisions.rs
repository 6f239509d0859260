//! Tables `core_decisions` and `core_decision_callers`: what was decided about calls and what came of them, and what the
//! callers were at that moment. Rows are added and never changed.

mod many;
mod written;

use belgie_api::db::Conn;
use belgie_api::ports::{AuditFilter, AuditResult, Place, Stretch};
use belgie_api::{DecisionId, OrgId, Result, Timestamp, UserId, on};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

pub use self::many::insert_all;
pub use self::written::list_written;

const INSERT_CALLER: &str =
    "INSERT INTO core_decision_callers (id, at, caller) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const FIND_CALLER: &str = "SELECT caller FROM core_decision_callers WHERE id = $1";
/// One bite at a time, so that nobody waits long for the write lock.
const PURGE: &str = "DELETE FROM core_decisions WHERE (at, id) IN \
     (SELECT at, id FROM core_decisions WHERE at < $1 ORDER BY at, id LIMIT $2)";
const PURGE_CALLERS: &str = "DELETE FROM core_decision_callers WHERE at < $1";
const FIRST: &str = "SELECT MIN(at) FROM core_decisions WHERE at >= $1";
const GROUPS: &str = "SELECT kind, name, decision, rules, user_id, organization_id, client_id, caller_id, \
     COUNT(*) AS count, MIN(at) AS first, MAX(at) AS last FROM core_decisions \
     WHERE at >= $1 AND at < $2 AND caller_id IS NOT NULL \
     GROUP BY kind, name, decision, rules, user_id, organization_id, client_id, caller_id \
     ORDER BY kind, name, first";
const GROUPS_IN_ORGANIZATION: &str = "SELECT kind, name, decision, rules, user_id, organization_id, client_id, caller_id, \
     COUNT(*) AS count, MIN(at) AS first, MAX(at) AS last FROM core_decisions \
     WHERE organization_id = $3 AND at >= $1 AND at < $2 AND caller_id IS NOT NULL \
     GROUP BY kind, name, decision, rules, user_id, organization_id, client_id, caller_id \
     ORDER BY kind, name, first";

/// A stretch of the record; `place` narrows it to an organization or not.
macro_rules! stretch {
    ($place:literal, $before:literal, $order:literal) => {
        concat!(
            "SELECT d.at, d.id, d.organization_id, d.user_id, d.client_id, d.kind, d.name, d.decision, d.outcome, \
             d.took_us, d.request_id, c.caller FROM core_decisions d \
             LEFT JOIN core_decision_callers c ON c.id = d.caller_id WHERE ",
            $place,
            " AND d.at >= $2 AND d.at < $3 AND (d.at, d.id) ",
            $before,
            " ($4, $5) AND ($6 IS NULL OR d.user_id = $6) AND ($7 IS NULL OR d.client_id = $7) \
             AND ($8 IS NULL OR d.name = $8) AND ($9 IS NULL OR $9 = \
             CASE d.outcome WHEN 'done' THEN 'done' WHEN 'refused' THEN 'refused' ELSE 'failed' END) ORDER BY d.at ",
            $order,
            ", d.id ",
            $order,
            " LIMIT $10"
        )
    };
}

const NEWEST: &str = stretch!("$1 IS NULL", "<", "DESC");
const OLDEST: &str = stretch!("$1 IS NULL", ">", "ASC");
const NEWEST_IN_ORGANIZATION: &str = stretch!("d.organization_id = $1", "<", "DESC");
const OLDEST_IN_ORGANIZATION: &str = stretch!("d.organization_id = $1", ">", "ASC");

/// 9999-12-31T23:59:59Z: no entry is younger.
pub(super) const LAST_MOMENT: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

/// A decision, to be put on record.
#[derive(Debug)]
pub struct NewDecision {
    /// When it was made.
    pub at: Timestamp,
    /// The entry.
    pub id: DecisionId,
    /// For which organization the call was made.
    pub organization_id: Option<OrgId>,
    /// Whose call it was; `None` in a gap.
    pub user_id: Option<UserId>,
    /// Through which client.
    pub client_id: Option<String>,
    /// What was to be done.
    pub kind: &'static str,
    /// To what.
    pub name: String,
    /// Whether it was allowed, and if not why.
    pub decision: &'static str,
    /// What came of it.
    pub outcome: &'static str,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// In which request.
    pub request_id: Option<String>,
    /// The fingerprint of the rules that were asked.
    pub rules: i64,
    /// What the caller was.
    pub caller_id: Option<Uuid>,
}

/// A decision on record.
#[derive(Debug, sqlx::FromRow)]
pub struct DecisionRow {
    /// When it was made.
    pub at: Timestamp,
    /// The entry.
    pub id: DecisionId,
    /// For which organization the call was made.
    pub organization_id: Option<OrgId>,
    /// Whose call it was.
    pub user_id: Option<UserId>,
    /// Through which client.
    pub client_id: Option<String>,
    /// What was to be done.
    pub kind: String,
    /// To what.
    pub name: String,
    /// Whether it was allowed, and if not why.
    pub decision: String,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// In which request.
    pub request_id: Option<String>,
    /// What the caller was.
    pub caller: Option<Json<Value>>,
}

/// Decisions that are the same but for their moments.
#[derive(Debug, sqlx::FromRow)]
pub struct DecisionGroup {
    /// What was to be done.
    pub kind: String,
    /// To what.
    pub name: String,
    /// Whether it was allowed, and if not why.
    pub decision: String,
    /// The fingerprint of the rules that were asked.
    pub rules: i64,
    /// Whose calls they were.
    pub user_id: Option<UserId>,
    /// For which organization.
    pub organization_id: Option<OrgId>,
    /// Through which client.
    pub client_id: Option<String>,
    /// What the caller was.
    pub caller_id: Uuid,
    /// How many.
    pub count: i64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// Between which moments and places a stretch lies.
pub(super) struct Bounds {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) place: Place,
    pub(super) is_newest_first: bool,
    pub(super) limit: i64,
}

impl Bounds {
    pub(super) fn of(wanted: &AuditFilter, stretch: Stretch) -> Self {
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

/// The word for a result in the texts above.
pub(super) const fn outcome_class(result: AuditResult) -> Option<&'static str> {
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

/// A stretch of the record, as wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut Conn, wanted: &AuditFilter, stretch: Stretch) -> Result<Vec<DecisionRow>> {
    let bounds = Bounds::of(wanted, stretch);
    let sql = match (wanted.organization, bounds.is_newest_first) {
        (None, true) => NEWEST,
        (None, false) => OLDEST,
        (Some(_), true) => NEWEST_IN_ORGANIZATION,
        (Some(_), false) => OLDEST_IN_ORGANIZATION,
    };
    Ok(on!(conn, c => sqlx::query_as::<_, DecisionRow>(sql)
        .bind(wanted.organization)
        .bind(bounds.since)
        .bind(bounds.until)
        .bind(bounds.place.at)
        .bind(bounds.place.id)
        .bind(wanted.user)
        .bind(wanted.client.as_ref().map(belgie_api::ClientId::as_str))
        .bind(wanted.name.as_deref())
        .bind(outcome_class(wanted.result))
        .bind(bounds.limit)
        .fetch_all(c).await)?)
}

/// When the first decision was made that is not older than a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn first_since(conn: &mut Conn, since: Timestamp) -> Result<Option<Timestamp>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, Option<Timestamp>>(FIRST).bind(since).fetch_one(c).await)?)
}

/// The decisions between two moments, of one organization or all, those put together that are the same.
///
/// # Errors
/// When the database does not answer.
pub async fn groups(
    conn: &mut Conn,
    (since, until): (Timestamp, Timestamp),
    organization: Option<OrgId>,
) -> Result<Vec<DecisionGroup>> {
    let rows = match organization {
        None => on!(conn, c => sqlx::query_as::<_, DecisionGroup>(GROUPS).bind(since).bind(until).fetch_all(c).await),
        Some(organization) => on!(conn, c => sqlx::query_as::<_, DecisionGroup>(GROUPS_IN_ORGANIZATION)
            .bind(since)
            .bind(until)
            .bind(organization)
            .fetch_all(c).await),
    };
    Ok(rows?)
}

/// Takes away at most `limit` decisions that are older than a moment: how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(conn, c => sqlx::query(PURGE).bind(before).bind(limit).execute(c).await.map(|done| done.rows_affected()))?)
}

/// Takes away what callers were before a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn purge_callers(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE_CALLERS).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
