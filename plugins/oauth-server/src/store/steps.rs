//! Authorization requests whose person is at a page of the application.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, SessionId, Timestamp, TokenHash, on};
use sqlx::FromRow;

const INSERT: &str = "INSERT INTO oauth_server_steps \
    (handle_hash, client_id, session_id, step, query, done, since, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const FIND: &str = "SELECT session_id, step, query, done, since, expires_at FROM oauth_server_steps \
    WHERE handle_hash = $1 AND taken_at IS NULL AND expires_at > $2";
const TAKE: &str = "UPDATE oauth_server_steps SET taken_at = $2 \
    WHERE handle_hash = $1 AND taken_at IS NULL AND expires_at > $2 \
    RETURNING session_id, step, query, done, since, expires_at";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_steps WHERE client_id = $1";
const PURGE: &str = "DELETE FROM oauth_server_steps WHERE expires_at < $1";

/// A step as stored.
#[derive(Debug, FromRow)]
pub struct StoredStep {
    /// The session it began in; `None` for a stranger's.
    pub session_id: Option<SessionId>,
    /// Which.
    pub step: String,
    /// The request as the browser brought it.
    pub query: String,
    /// The steps before.
    pub done: String,
    /// Since when the request waits for its person.
    pub since: Timestamp,
    /// Until when the person may come back.
    pub expires_at: Timestamp,
}

/// Adds a step of a client's request.
pub async fn insert(conn: &mut Conn, handle: TokenHash, client: &ClientId, step: &StoredStep) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(handle.as_bytes())
        .bind(client)
        .bind(step.session_id)
        .bind(&step.step)
        .bind(&step.query)
        .bind(&step.done)
        .bind(step.since)
        .bind(step.expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// A step nobody has come back from.
pub async fn find(conn: &mut Conn, handle: TokenHash, now: Timestamp) -> Result<Option<StoredStep>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredStep>(FIND)
        .bind(handle.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Takes a step, once and in time.
pub async fn take(conn: &mut Conn, handle: TokenHash, now: Timestamp) -> Result<Option<StoredStep>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredStep>(TAKE)
        .bind(handle.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Forgets the steps of a client's requests.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets steps that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
