//! Table `core_links`: single-use links and handles. One is consumed in one statement, so two clicks cannot both win.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, TokenHash, UserId, on};

const INSERT: &str = "INSERT INTO core_links (token_hash, purpose, user_id, payload, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const FIND: &str = "SELECT user_id, payload, attempts FROM core_links \
     WHERE token_hash = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3";
const CONSUME: &str = "UPDATE core_links SET consumed_at = $3 \
     WHERE token_hash = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3 \
     RETURNING user_id, payload, attempts";
const TRY: &str = "UPDATE core_links SET attempts = attempts + 1 \
     WHERE token_hash = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3 AND attempts < $4 \
     RETURNING user_id, payload, attempts";
const WITHDRAW: &str = "DELETE FROM core_links WHERE purpose = $1 AND consumed_at IS NULL";
const WITHDRAW_OF: &str = "DELETE FROM core_links WHERE purpose = $1 AND user_id = $2 AND consumed_at IS NULL";
const WITHDRAW_ALL_OF: &str = "DELETE FROM core_links WHERE user_id = $1 AND created_at >= $2 AND consumed_at IS NULL";
const WITHDRAW_OTHERS_OF: &str = "DELETE FROM core_links WHERE user_id = $1 AND purpose <> $2 AND consumed_at IS NULL";
const PURGE: &str = "DELETE FROM core_links WHERE expires_at < $1";

/// A link that could still be consumed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LinkRow {
    /// Whose it is, if it is somebody's.
    pub user_id: Option<UserId>,
    /// What is kept under it, sealed.
    pub payload: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
}

/// What a new link is.
pub struct NewLink<'a> {
    /// The hash of its token.
    pub token: TokenHash,
    /// What it is for.
    pub purpose: &'a str,
    /// Whose it is, if it is somebody's.
    pub user: Option<UserId>,
    /// What is kept under it, sealed.
    pub payload: Option<&'a str>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Adds a link.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, link: &NewLink<'_>, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(link.token.as_bytes())
        .bind(link.purpose)
        .bind(link.user)
        .bind(link.payload)
        .bind(now)
        .bind(link.expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// A link that could still be consumed.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut Conn, token: TokenHash, purpose: &str, now: Timestamp) -> Result<Option<LinkRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkRow>(FIND)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Uses a link up; `None` when it was used, has expired or never was.
///
/// # Errors
/// When the database does not answer.
pub async fn consume(conn: &mut Conn, token: TokenHash, purpose: &str, now: Timestamp) -> Result<Option<LinkRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkRow>(CONSUME)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Counts one more try at what a link guards, at most `most` of them; `None` when there are no more, or no such link.
///
/// # Errors
/// When the database does not answer.
pub async fn count_try(
    conn: &mut Conn,
    token: TokenHash,
    purpose: &str,
    now: Timestamp,
    most: i64,
) -> Result<Option<LinkRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkRow>(TRY)
        .bind(token.as_bytes())
        .bind(purpose)
        .bind(now)
        .bind(most)
        .fetch_optional(c).await)?)
}

/// Takes back every unused link of one purpose.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(conn: &mut Conn, purpose: &str) -> Result<()> {
    on!(conn, c => sqlx::query(WITHDRAW).bind(purpose).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes back every unused link of one purpose and one person.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw_of(conn: &mut Conn, purpose: &str, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(WITHDRAW_OF).bind(purpose).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes back every unused link of one person made at a moment or later, whatever it is for.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw_all_of(conn: &mut Conn, user: UserId, since: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(WITHDRAW_ALL_OF).bind(user).bind(since).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes back every unused link of one person but those of one purpose.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw_others_of(conn: &mut Conn, user: UserId, keep: &str) -> Result<()> {
    on!(conn, c => sqlx::query(WITHDRAW_OTHERS_OF).bind(user).bind(keep).execute(c).await.map(drop))?;
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
