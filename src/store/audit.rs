//! Table `core_audit`: who did what to whom. Rows are added and never changed.

use belgie_api::db::Conn;
use belgie_api::ports::{AuditEntry, AuditFilter, Stretch};
use belgie_api::{AuditId, OrgId, Result, ServiceId, Timestamp, UserId, on};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::decisions::{Bounds, LAST_MOMENT, outcome_class};

const INSERT: &str = "INSERT INTO core_audit \
     (id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, details, organization_id, \
     service_id, service_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const LATEST: &str = "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, \
     details, organization_id, service_id, service_name FROM core_audit ORDER BY at DESC, id DESC LIMIT $1";
const ABOUT: &str = "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, \
     details, organization_id, service_id, service_name FROM core_audit \
     WHERE target = $1 OR actor_id = $2 OR impersonator_id = $2 ORDER BY at DESC, id DESC LIMIT $3";
/// One bite at a time, so that nobody waits long for the write lock.
const PURGE: &str =
    "DELETE FROM core_audit WHERE id IN (SELECT id FROM core_audit WHERE at < $1 ORDER BY at, id LIMIT $2)";

/// A stretch of the record; `place` narrows it to an organization or not.
macro_rules! stretch {
    ($place:literal, $before:literal, $order:literal) => {
        concat!(
            "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, details, \
             organization_id, service_id, service_name FROM core_audit WHERE ",
            $place,
            " AND at >= $2 AND at < $3 AND (at, id) ",
            $before,
            " ($4, $5) AND ($6 IS NULL OR actor_id = $6 OR impersonator_id = $6 OR target = $7) \
             AND ($8 IS NULL OR client_id = $8) \
             AND ($9 IS NULL OR $9 = CASE outcome WHEN 'done' THEN 'done' WHEN 'refused' THEN 'refused' ELSE 'failed' END) \
             ORDER BY at ",
            $order,
            ", id ",
            $order,
            " LIMIT $10"
        )
    };
}

/// What was written after another entry, up to one.
macro_rules! written {
    ($place:literal) => {
        concat!(
            "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, details, \
             organization_id, service_id, service_name FROM core_audit WHERE ",
            $place,
            " AND at >= $2 AND at < $3 AND id > $4 AND id < $5 \
             AND ($6 IS NULL OR actor_id = $6 OR impersonator_id = $6 OR target = $7) \
             AND ($8 IS NULL OR client_id = $8) \
             AND ($9 IS NULL OR $9 = CASE outcome WHEN 'done' THEN 'done' WHEN 'refused' THEN 'refused' ELSE 'failed' END) \
             ORDER BY id LIMIT $10"
        )
    };
}

const WRITTEN: &str = written!("$1 IS NULL");
const WRITTEN_IN_ORGANIZATION: &str = written!("organization_id = $1");
const NEWEST: &str = stretch!("$1 IS NULL", "<", "DESC");
const OLDEST: &str = stretch!("$1 IS NULL", ">", "ASC");
const NEWEST_IN_ORGANIZATION: &str = stretch!("organization_id = $1", "<", "DESC");
const OLDEST_IN_ORGANIZATION: &str = stretch!("organization_id = $1", ">", "ASC");

/// An act on record.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// The entry.
    pub id: AuditId,
    /// When it was done.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// Who did it.
    pub actor_id: Option<UserId>,
    /// The operator who wore the actor's session.
    pub impersonator_id: Option<UserId>,
    /// Through which client.
    pub client_id: Option<String>,
    /// To whom or what.
    pub target: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// From which address.
    pub ip: Option<String>,
    /// What else is worth knowing.
    #[sqlx(json)]
    pub details: Value,
    /// In which organization.
    pub organization_id: Option<OrgId>,
    /// The program of an organization's own that did it.
    pub service_id: Option<ServiceId>,
    /// What it was called then.
    pub service_name: Option<String>,
}

/// Adds an act.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, id: AuditId, at: Timestamp, entry: &AuditEntry) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(id)
        .bind(at)
        .bind(entry.action)
        .bind(entry.outcome)
        .bind(entry.actor)
        .bind(entry.impersonator)
        .bind(entry.client.as_ref().map(belgie_api::ClientId::as_str))
        .bind(&entry.target)
        .bind(entry.request_id.as_deref())
        .bind(entry.ip.map(|ip| ip.to_string()))
        .bind(Json(&entry.details))
        .bind(entry.organization)
        .bind(entry.service.as_ref().map(|service| service.id))
        .bind(entry.service.as_ref().map(|service| &service.name))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The latest acts, the last one first.
///
/// # Errors
/// When the database does not answer.
pub async fn latest(conn: &mut Conn, limit: i64) -> Result<Vec<AuditRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, AuditRow>(LATEST).bind(limit).fetch_all(c).await)?)
}

/// The latest acts that a person did, in whosever session, or that were done to the person, the last one first.
///
/// # Errors
/// When the database does not answer.
pub async fn about(conn: &mut Conn, user: UserId, limit: i64) -> Result<Vec<AuditRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, AuditRow>(ABOUT)
        .bind(user.to_string())
        .bind(user)
        .bind(limit)
        .fetch_all(c).await)?)
}

/// A stretch of the record, as wanted. What is about a tool or was done with a grant is no act, so with either there are none.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut Conn, wanted: &AuditFilter, stretch: Stretch) -> Result<Vec<AuditRow>> {
    if wanted.name.is_some() || wanted.grant.is_some() {
        return Ok(Vec::new());
    }
    let bounds = Bounds::of(wanted, stretch);
    let sql = match (wanted.organization, bounds.is_newest_first) {
        (None, true) => NEWEST,
        (None, false) => OLDEST,
        (Some(_), true) => NEWEST_IN_ORGANIZATION,
        (Some(_), false) => OLDEST_IN_ORGANIZATION,
    };
    Ok(on!(conn, c => sqlx::query_as::<_, AuditRow>(sql)
        .bind(wanted.organization)
        .bind(bounds.since)
        .bind(bounds.until)
        .bind(bounds.place.at)
        .bind(bounds.place.id)
        .bind(wanted.user)
        .bind(wanted.user.map(|user| user.to_string()))
        .bind(wanted.client.as_ref().map(belgie_api::ClientId::as_str))
        .bind(outcome_class(wanted.result))
        .bind(bounds.limit)
        .fetch_all(c).await)?)
}

/// What was written after one entry and before another, in the order of writing, as wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn list_written(
    conn: &mut Conn,
    wanted: &AuditFilter,
    (after, before): (Uuid, Uuid),
    limit: u32,
) -> Result<Vec<AuditRow>> {
    if wanted.name.is_some() || wanted.grant.is_some() {
        return Ok(Vec::new());
    }
    let sql = if wanted.organization.is_some() { WRITTEN_IN_ORGANIZATION } else { WRITTEN };
    Ok(on!(conn, c => sqlx::query_as::<_, AuditRow>(sql)
        .bind(wanted.organization)
        .bind(wanted.since.unwrap_or(Timestamp::EPOCH))
        .bind(wanted.until.unwrap_or(LAST_MOMENT))
        .bind(after)
        .bind(before)
        .bind(wanted.user)
        .bind(wanted.user.map(|user| user.to_string()))
        .bind(wanted.client.as_ref().map(belgie_api::ClientId::as_str))
        .bind(outcome_class(wanted.result))
        .bind(i64::from(limit))
        .fetch_all(c).await)?)
}

/// Takes away at most `limit` acts that are older than a moment: how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(conn, c => sqlx::query(PURGE).bind(before).bind(limit).execute(c).await.map(|done| done.rows_affected()))?)
}
