//! Secrets of clients, and failed attempts to show one.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, on};

use crate::model::client::RegisteredClient;
use crate::model::secret::Rotation;

const SET_END: &str = "UPDATE oauth_server_clients SET secret_expires_at = $2 WHERE id = $1";
const HOLD: &str = "UPDATE oauth_server_clients SET secret_hash = secret_hash WHERE id = $1 RETURNING *";
const ROTATE: &str = "UPDATE oauth_server_clients SET secret_hash = $2, secret_expires_at = $3, \
    previous_secret_hash = CASE WHEN $4 IS NULL THEN NULL ELSE secret_hash END, previous_secret_ends_at = $4 WHERE id = $1";
const FORGET_PREVIOUS: &str = "UPDATE oauth_server_clients SET previous_secret_hash = NULL, previous_secret_ends_at = NULL \
    WHERE previous_secret_ends_at <= $1";

const COUNTED: &str =
    "SELECT key, failures, ends_at FROM oauth_server_attempts WHERE key IN ($1, $2, $3) AND ends_at > $4";
const COUNT: &str = "INSERT INTO oauth_server_attempts (key, failures, ends_at) VALUES ($1, 1, $4), ($2, 1, $4), ($3, 1, $4) \
    ON CONFLICT (key) DO UPDATE SET \
    failures = CASE WHEN oauth_server_attempts.ends_at <= $5 THEN 1 ELSE oauth_server_attempts.failures + 1 END, \
    ends_at = CASE WHEN oauth_server_attempts.ends_at <= $5 THEN excluded.ends_at ELSE oauth_server_attempts.ends_at END";
const PURGE: &str = "DELETE FROM oauth_server_attempts WHERE ends_at <= $1";

/// Notes when the secret of a client ends.
pub async fn set_end(conn: &mut Conn, id: &ClientId, end: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SET_END).bind(id).bind(end).execute(c).await.map(drop))?;
    Ok(())
}

/// The client, held until the transaction ends.
pub async fn hold(conn: &mut Conn, id: &ClientId) -> Result<Option<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(HOLD).bind(id).fetch_optional(c).await)?)
}

/// Puts a new secret in the place of the present one, which goes on as the one before it, if it does.
pub async fn rotate(conn: &mut Conn, id: &ClientId, rotation: &Rotation) -> Result<()> {
    on!(conn, c => sqlx::query(ROTATE)
        .bind(id)
        .bind(rotation.hash.as_bytes())
        .bind(rotation.expires_at)
        .bind(rotation.previous_ends_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets secrets that went on beside newer ones up to a moment.
pub async fn forget_previous(conn: &mut Conn, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_PREVIOUS).bind(until).execute(c).await.map(drop))?;
    Ok(())
}

/// How often something has failed, and until when that counts.
#[derive(Debug, sqlx::FromRow)]
pub struct Counted {
    /// What is counted.
    pub key: Vec<u8>,
    /// How often.
    pub failures: i64,
    /// When counting begins anew.
    pub ends_at: Timestamp,
}

/// What is counted now under these keys.
pub async fn counted(conn: &mut Conn, keys: [&[u8]; 3], now: Timestamp) -> Result<Vec<Counted>> {
    let [first, second, third] = keys;
    Ok(on!(conn, c => sqlx::query_as::<_, Counted>(COUNTED)
        .bind(first)
        .bind(second)
        .bind(third)
        .bind(now)
        .fetch_all(c).await)?)
}

/// Counts one failure under each of these keys, which are in order, so that nobody waits in a circle. What ended begins anew, until
/// `ends_at`.
pub async fn count(conn: &mut Conn, keys: [&[u8]; 3], ends_at: Timestamp, now: Timestamp) -> Result<()> {
    let [first, second, third] = keys;
    on!(conn, c => sqlx::query(COUNT)
        .bind(first)
        .bind(second)
        .bind(third)
        .bind(ends_at)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what does not count any more.
pub async fn purge_attempts(conn: &mut Conn, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(now).execute(c).await.map(drop))?;
    Ok(())
}
