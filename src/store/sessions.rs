//! Table `core_sessions`.

use belgie_api::db::Conn;
use belgie_api::{Result, SessionId, Timestamp, TokenHash, UserId, on};

const INSERT: &str = "INSERT INTO core_sessions \
     (id, user_id, token_hash, created_at, renewed_at, expires_at, last_seen_at, ip, user_agent, authenticated_at, \
     method, impersonator_id) VALUES ($1, $2, $3, $4, $4, $5, $4, $6, $7, $8, $9, $10)";
const FIND: &str = "SELECT id, user_id, created_at, renewed_at, expires_at, last_seen_at, ip, user_agent, \
     authenticated_at, method, impersonator_id FROM core_sessions \
     WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2";
const FIND_BY_ID: &str = "SELECT id, user_id, created_at, renewed_at, expires_at, last_seen_at, ip, user_agent, \
     authenticated_at, method, impersonator_id FROM core_sessions \
     WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2";
const LIST: &str = "SELECT id, user_id, created_at, renewed_at, expires_at, last_seen_at, ip, user_agent, \
     authenticated_at, method, impersonator_id FROM core_sessions WHERE user_id = $1 \
     AND revoked_at IS NULL AND expires_at > $2 ORDER BY last_seen_at DESC";
const RENEW: &str = "UPDATE core_sessions SET renewed_at = $2, last_seen_at = $2, expires_at = $3 \
     WHERE id = $1 AND revoked_at IS NULL";
const CONFIRM: &str = "UPDATE core_sessions SET authenticated_at = $2, method = $3 \
     WHERE id = $1 AND revoked_at IS NULL AND impersonator_id IS NULL";
const HOLD: &str = "UPDATE core_sessions SET last_seen_at = last_seen_at \
     WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id";
const SEEN: &str = "UPDATE core_sessions SET last_seen_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const REVOKE: &str = "UPDATE core_sessions SET revoked_at = $3 \
     WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id, user_id, impersonator_id, expires_at";
const END: &str = "UPDATE core_sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL \
     RETURNING id, user_id, impersonator_id, expires_at";
const END_ALL: &str = "UPDATE core_sessions SET revoked_at = $2 \
     WHERE (user_id = $1 OR impersonator_id = $1) AND revoked_at IS NULL RETURNING id, user_id, impersonator_id, expires_at";
const END_WORN: &str = "UPDATE core_sessions SET revoked_at = $2 \
     WHERE impersonator_id = $1 AND revoked_at IS NULL RETURNING id, user_id, impersonator_id, expires_at";
const COUNT: &str = "SELECT COUNT(*) FROM core_sessions WHERE revoked_at IS NULL AND expires_at > $1";
const REVOKE_OTHERS: &str = "UPDATE core_sessions SET revoked_at = $3 \
     WHERE ((user_id = $1 AND id <> $2) OR impersonator_id = $1) AND revoked_at IS NULL RETURNING id, user_id, impersonator_id, expires_at";
const PURGE: &str = "DELETE FROM core_sessions WHERE expires_at < $1 OR revoked_at < $1";

/// A browser session that is neither expired nor revoked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last prolonged.
    pub renewed_at: Timestamp,
    /// When it ends unless it is prolonged.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// The address it was opened from.
    pub ip: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When the person last proved to be there.
    pub authenticated_at: Timestamp,
    /// How.
    pub method: String,
    /// The operator who wears the session, if it is so.
    pub impersonator_id: Option<UserId>,
}

/// A session that was ended just now.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Ended {
    /// Which.
    pub id: SessionId,
    /// Whose it was.
    pub user_id: UserId,
    /// The operator who wore it, if it was so.
    pub impersonator_id: Option<UserId>,
    /// When it would have ended by itself.
    pub expires_at: Timestamp,
}

/// Adds a session under the hash of its token.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, session: &SessionRow, token: TokenHash) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(session.id)
        .bind(session.user_id)
        .bind(token.as_bytes())
        .bind(session.created_at)
        .bind(session.expires_at)
        .bind(&session.ip)
        .bind(&session.user_agent)
        .bind(session.authenticated_at)
        .bind(&session.method)
        .bind(session.impersonator_id)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The live session of a token.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut Conn, token: TokenHash, now: Timestamp) -> Result<Option<SessionRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, SessionRow>(FIND)
        .bind(token.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?)
}

/// The live session of an id.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_id(conn: &mut Conn, id: SessionId, now: Timestamp) -> Result<Option<SessionRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, SessionRow>(FIND_BY_ID).bind(id).bind(now).fetch_optional(c).await)?)
}

/// The live sessions of a person, the one used last first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<SessionRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, SessionRow>(LIST).bind(user).bind(now).fetch_all(c).await)?)
}

/// Prolongs a session.
///
/// # Errors
/// When the database does not answer.
pub async fn renew(conn: &mut Conn, session: SessionId, now: Timestamp, expires_at: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(RENEW).bind(session).bind(now).bind(expires_at).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that the person behind a session has proved once more to be there.
///
/// # Errors
/// When the database does not answer.
pub async fn confirm(conn: &mut Conn, session: SessionId, now: Timestamp, method: &str) -> Result<()> {
    on!(conn, c => sqlx::query(CONFIRM).bind(session).bind(now).bind(method).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that a session is in use.
///
/// # Errors
/// When the database does not answer.
pub async fn touch(conn: &mut Conn, session: SessionId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SEEN).bind(session).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Holds a session of this person until the transaction ends; `false` when it has been ended or is nobody's.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(conn: &mut Conn, session: SessionId, user: UserId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, SessionId>(HOLD)
        .bind(session)
        .bind(user)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Ends a session of this person; `None` when there is no such live session.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(conn: &mut Conn, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<Ended>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Ended>(REVOKE)
        .bind(session)
        .bind(user)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Ends a session, whoever's it is; `None` when there is no such live session.
///
/// # Errors
/// When the database does not answer.
pub async fn end(conn: &mut Conn, session: SessionId, now: Timestamp) -> Result<Option<Ended>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Ended>(END).bind(session).bind(now).fetch_optional(c).await)?)
}

/// Ends every session of a person and every one the person wears, and says which.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<Ended>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Ended>(END_ALL).bind(user).bind(now).fetch_all(c).await)?)
}

/// Ends every session an operator wears, and says which.
///
/// # Errors
/// When the database does not answer.
pub async fn end_worn(conn: &mut Conn, operator: UserId, now: Timestamp) -> Result<Vec<Ended>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Ended>(END_WORN).bind(operator).bind(now).fetch_all(c).await)?)
}

/// How many sessions are live.
///
/// # Errors
/// When the database does not answer.
pub async fn count(conn: &mut Conn, now: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT).bind(now).fetch_one(c).await)?)
}

/// Ends every session of a person but one, and every one the person wears, and says which.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_others(conn: &mut Conn, user: UserId, keep: SessionId, now: Timestamp) -> Result<Vec<Ended>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Ended>(REVOKE_OTHERS)
        .bind(user)
        .bind(keep)
        .bind(now)
        .fetch_all(c).await)?)
}

/// Forgets sessions that ended before a moment, and says how many.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    Ok(on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(|done| done.rows_affected()))?)
}
