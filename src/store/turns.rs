//! Table `core_turns`: how often something was asked for, at all nodes together.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const BOOK: &str = "INSERT INTO core_turns (key, taken, ends_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET \
    taken = CASE WHEN core_turns.ends_at <= $4 THEN excluded.taken ELSE core_turns.taken + excluded.taken END, \
    ends_at = CASE WHEN core_turns.ends_at <= $4 THEN excluded.ends_at ELSE core_turns.ends_at END \
    RETURNING taken, ends_at";
const PURGE: &str = "DELETE FROM core_turns WHERE ends_at <= $1";

/// What is booked under a key.
#[derive(Debug, sqlx::FromRow)]
pub struct Booked {
    /// How much, with what was just added.
    pub taken: i64,
    /// Until when it counts.
    pub ends_at: Timestamp,
}

/// Books more under a key; what it held counts from the first booking until it ends.
///
/// # Errors
/// When the database does not answer.
pub async fn book(conn: &mut Conn, key: &[u8], share: i64, ends_at: Timestamp, now: Timestamp) -> Result<Booked> {
    Ok(on!(conn, c => sqlx::query_as::<_, Booked>(BOOK)
        .bind(key)
        .bind(share)
        .bind(ends_at)
        .bind(now)
        .fetch_one(c).await)?)
}

/// Forgets what ended up to a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(until).execute(c).await.map(drop))?;
    Ok(())
}
