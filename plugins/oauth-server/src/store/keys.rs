//! Keys that tokens are signed with. Their private parts come and go sealed.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};
use sqlx::types::Json;

use crate::model::key::{KeyAlgorithm, StoredKey};

const INSERT: &str = "INSERT INTO oauth_server_keys \
    (id, algorithm, public_key, private_key, created_at, current_at, needed_until) \
    VALUES ($1, $2, $3, $4, $5, $6, $5) ON CONFLICT DO NOTHING RETURNING id";
const LIST: &str = "SELECT * FROM oauth_server_keys ORDER BY created_at DESC, id";
const HOLD: &str = "UPDATE oauth_server_keys SET needed_until = needed_until \
    WHERE algorithm = $1 AND retired_at IS NULL RETURNING id";
const RETIRE: &str = "UPDATE oauth_server_keys SET retired_at = $2 WHERE id = $1";
const PROMOTE: &str = "UPDATE oauth_server_keys SET current_at = $2 WHERE id = $1";
const NEED: &str = "UPDATE oauth_server_keys \
    SET needed_until = CASE WHEN needed_until < $2 THEN $2 ELSE needed_until END WHERE id = $1 RETURNING id";
const RESEAL: &str = "UPDATE oauth_server_keys SET private_key = $3 WHERE id = $1 AND private_key = $2";
const DELETE: &str = "DELETE FROM oauth_server_keys WHERE id = $1";
const PURGE: &str = "DELETE FROM oauth_server_keys WHERE retired_at < $1 AND needed_until < $1 RETURNING id";

/// Adds a key, unless one of its algorithm is in its place already; whether it was added. `key`: its `needed_until` counts
/// from the moment it is made.
pub async fn insert(conn: &mut Conn, key: &StoredKey) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(INSERT)
        .bind(&key.id)
        .bind(key.algorithm.as_str())
        .bind(Json(&key.public_key))
        .bind(&key.private_key)
        .bind(key.created_at)
        .bind(key.current_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// All keys, the newest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredKey>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredKey>(LIST).fetch_all(c).await)?)
}

/// Holds the keys of an algorithm that wait or sign until the transaction ends: whoever would change them waits.
pub async fn hold(conn: &mut Conn, algorithm: KeyAlgorithm) -> Result<()> {
    on!(conn, c => sqlx::query_scalar::<_, String>(HOLD).bind(algorithm.as_str()).fetch_all(c).await.map(drop))?;
    Ok(())
}

/// Lets a key sign no more.
pub async fn retire(conn: &mut Conn, id: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(RETIRE).bind(id).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Lets a key sign from now on.
pub async fn promote(conn: &mut Conn, id: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PROMOTE).bind(id).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that something a key has signed is in force until then; `false` when the key is gone.
pub async fn need(conn: &mut Conn, id: &str, until: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(NEED).bind(id).bind(until).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Puts a private part that was sealed again in the place of the one it was.
pub async fn reseal(conn: &mut Conn, id: &str, was: &str, sealed: &str) -> Result<()> {
    on!(conn, c => sqlx::query(RESEAL).bind(id).bind(was).bind(sealed).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets a key, wherever in its life it is.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE).bind(id).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets retired keys that nothing has needed since before a moment; which.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<Vec<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(PURGE).bind(before).fetch_all(c).await)?)
}
