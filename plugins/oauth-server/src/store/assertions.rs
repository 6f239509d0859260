//! Assertions that were taken.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const RESERVE: &str = "INSERT INTO oauth_server_assertions (assertion_hash, expires_at) VALUES ($1, $2) \
    ON CONFLICT DO NOTHING RETURNING assertion_hash";
const PURGE: &str = "DELETE FROM oauth_server_assertions WHERE expires_at < $1";

/// Takes an assertion; `false` when somebody was first.
pub async fn reserve(conn: &mut Conn, hash: &[u8; 32], until: Timestamp) -> Result<bool> {
    let taken = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(RESERVE)
        .bind(hash.as_slice())
        .bind(until)
        .fetch_optional(c).await)?;
    Ok(taken.is_some())
}

/// Forgets assertions that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
