//! Table `core_links`: one-time links. A link is consumed in one statement, so two clicks cannot both win.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, TokenHash, on};

const INSERT: &str = "INSERT INTO core_links (token_hash, purpose, created_at, expires_at) VALUES ($1, $2, $3, $4)";
const IS_OPEN: &str = "SELECT COUNT(*) FROM core_links \
     WHERE token_hash = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3";
const CONSUME: &str = "UPDATE core_links SET consumed_at = $3 \
     WHERE token_hash = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3";
const WITHDRAW: &str = "DELETE FROM core_links WHERE purpose = $1 AND consumed_at IS NULL";
const PURGE: &str = "DELETE FROM core_links WHERE expires_at < $1";

/// Adds a link.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    conn: &mut Conn,
    token: TokenHash,
    purpose: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .bind(expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Whether a link could still be consumed.
///
/// # Errors
/// When the database does not answer.
pub async fn is_open(conn: &mut Conn, token: TokenHash, purpose: &str, now: Timestamp) -> Result<bool> {
    let count = on!(conn, c => sqlx::query_scalar::<_, i64>(IS_OPEN)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .fetch_one(c).await)?;
    Ok(count == 1)
}

/// Uses a link up; `false` when it was used, has expired or never was.
///
/// # Errors
/// When the database does not answer.
pub async fn consume(conn: &mut Conn, token: TokenHash, purpose: &str, now: Timestamp) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(CONSUME)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Takes back every unused link of one purpose.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(conn: &mut Conn, purpose: &str) -> Result<()> {
    on!(conn, c => sqlx::query(WITHDRAW).bind(purpose).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets links that ended before a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
