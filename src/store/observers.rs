//! Table `core_observers`: how far each observer has come, and which process hands it the news just now.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const BEGIN: &str = "INSERT INTO core_observers (name, seq) \
     VALUES ($1, (SELECT COALESCE(MAX(seq), 0) FROM core_events)) ON CONFLICT (name) DO NOTHING";
const FIND: &str = "SELECT seq FROM core_observers WHERE name = $1";
const HOLD: &str = "UPDATE core_observers SET held_by = $2, held_until = $4 \
     WHERE name = $1 AND (held_by IS NULL OR held_by = $2 OR held_until < $3) RETURNING seq";
const ADVANCE: &str = "UPDATE core_observers SET seq = $4, held_until = $5 \
     WHERE name = $1 AND held_by = $2 AND seq = $3";
const RELEASE: &str = "UPDATE core_observers SET held_by = NULL, held_until = NULL WHERE name = $1 AND held_by = $2";
const SLOWEST: &str = "SELECT MIN(seq) FROM core_observers";
const SKIP: &str = "UPDATE core_observers SET seq = $1 WHERE seq < $1 RETURNING name";

/// Enters an observer that was never here before: it hears what happens from now on.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(conn: &mut Conn, name: &str) -> Result<()> {
    on!(conn, c => sqlx::query(BEGIN).bind(name).execute(c).await.map(drop))?;
    Ok(())
}

/// The place an observer has come to; `None` when it was never entered.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<i64>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(FIND).bind(name).fetch_optional(c).await)?)
}

/// Takes it upon this process to hand an observer its news until a moment; gives the place it has come to, or `None` when
/// another process does it.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(conn: &mut Conn, name: &str, node: &str, now: Timestamp, until: Timestamp) -> Result<Option<i64>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HOLD)
        .bind(name)
        .bind(node)
        .bind(now)
        .bind(until)
        .fetch_optional(c).await)?)
}

/// Notes that an observer has come from one place to the next, and goes on holding it; `false` when another process has
/// taken over meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn advance(
    conn: &mut Conn,
    name: &str,
    node: &str,
    (from, to): (i64, i64),
    until: Timestamp,
) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(ADVANCE)
        .bind(name)
        .bind(node)
        .bind(from)
        .bind(to)
        .bind(until)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Lets go of an observer.
///
/// # Errors
/// When the database does not answer.
pub async fn release(conn: &mut Conn, name: &str, node: &str) -> Result<()> {
    on!(conn, c => sqlx::query(RELEASE).bind(name).bind(node).execute(c).await.map(drop))?;
    Ok(())
}

/// The place everybody has come to; `None` when there are no observers.
///
/// # Errors
/// When the database does not answer.
pub async fn slowest(conn: &mut Conn) -> Result<Option<i64>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, Option<i64>>(SLOWEST).fetch_one(c).await)?)
}

/// Moves whoever is behind a place there, and says who that was.
///
/// # Errors
/// When the database does not answer.
pub async fn skip(conn: &mut Conn, to: i64) -> Result<Vec<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(SKIP).bind(to).fetch_all(c).await)?)
}
