//! Table `core_audit`: who did what to whom. Rows are added and never changed.

use belgie_api::db::Conn;
use belgie_api::ports::AuditEntry;
use belgie_api::{AuditId, Result, Timestamp, UserId, on};
use serde_json::Value;
use sqlx::types::Json;

const INSERT: &str = "INSERT INTO core_audit \
     (id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, details) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const LATEST: &str = "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, \
     details FROM core_audit ORDER BY at DESC, id DESC LIMIT $1";
const ABOUT: &str = "SELECT id, at, action, outcome, actor_id, impersonator_id, client_id, target, request_id, ip, \
     details FROM core_audit WHERE target = $1 OR actor_id = $2 OR impersonator_id = $2 ORDER BY at DESC, id DESC LIMIT $3";

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
