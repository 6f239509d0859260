//! Clients that are still to be told that a session has ended.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, on};

use super::logins::Login;

const INSERT: &str = "INSERT INTO oauth_server_logouts (id, client_id, sid, subject, attempts, created_at, next_at) \
    SELECT $1, id, $3, $4, 0, $5, $5 FROM oauth_server_clients WHERE id = $2 AND backchannel_logout_uri IS NOT NULL";
// What a client known by its metadata document wants, that says when it is told.
const INSERT_PUBLISHED: &str = "INSERT INTO oauth_server_logouts (id, client_id, sid, subject, attempts, created_at, next_at) \
    VALUES ($1, $2, $3, $4, 0, $5, $5)";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_logouts WHERE client_id = $1";
// A row somebody else claimed meanwhile is due later, so the outer condition leaves it to them.
const CLAIM: &str = "UPDATE oauth_server_logouts SET attempts = attempts + 1, next_at = $2 WHERE next_at <= $1 AND id IN \
    (SELECT id FROM oauth_server_logouts WHERE next_at <= $1 ORDER BY next_at, id LIMIT $3) \
    RETURNING id, client_id, sid, subject, attempts";
const HAS_DUE: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM oauth_server_logouts WHERE next_at <= $1 LIMIT 1) AS found";
const AGAIN: &str = "UPDATE oauth_server_logouts SET next_at = $2 WHERE id = $1";
const DELETE: &str = "DELETE FROM oauth_server_logouts WHERE id = $1";

/// A client to be told.
#[derive(Debug, sqlx::FromRow)]
pub struct Logout {
    /// The message, by which the client knows it again.
    pub id: String,
    /// The client.
    pub client_id: ClientId,
    /// What it knows the session by.
    pub sid: String,
    /// What it knows the person by.
    pub subject: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// Adds a message, due at once, if the client wants to be told.
pub async fn insert(conn: &mut Conn, id: &str, login: &Login, now: Timestamp) -> Result<()> {
    let insert = if login.client_id.is_metadata_url() { INSERT_PUBLISHED } else { INSERT };
    on!(conn, c => sqlx::query(insert)
        .bind(id)
        .bind(&login.client_id)
        .bind(&login.sid)
        .bind(&login.subject)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what a client was to be told.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether any message is due.
pub async fn has_due(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS_DUE).bind(now).fetch_one(c).await)? > 0)
}

/// Takes messages that are due for this node alone, until `lease`.
pub async fn claim(conn: &mut Conn, now: Timestamp, lease: Timestamp, most: i64) -> Result<Vec<Logout>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Logout>(CLAIM).bind(now).bind(lease).bind(most).fetch_all(c).await)?)
}

/// Tries again then.
pub async fn again(conn: &mut Conn, id: &str, at: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(AGAIN).bind(id).bind(at).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets a message: it was taken, or never will be.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE).bind(id).execute(c).await.map(drop))?;
    Ok(())
}
