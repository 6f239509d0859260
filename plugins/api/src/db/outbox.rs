//! Events at rest: written with the change itself, read by every other process.
//!
//! On Postgres a trigger of the core's migrations notifies the channel `belgie_events` of each row; on SQLite other
//! processes look for rows above the last one they saw.

use sqlx::types::Json;

use super::Conn;
use crate::event::Event;
use crate::failure::Result;
use crate::on;
use crate::time::Timestamp;

const INSERT: &str = "INSERT INTO core_events (payload, created_at) VALUES ($1, $2)";
const AFTER: &str = "SELECT seq, payload FROM core_events WHERE seq > $1 ORDER BY seq LIMIT 1000";
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM core_events";
const PURGE: &str = "DELETE FROM core_events WHERE created_at < $1";

/// An event and its place in the order of events.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredEvent {
    /// Grows with every event; gaps are possible.
    pub seq: i64,
    #[sqlx(json)]
    payload: serde_json::Value,
}

impl StoredEvent {
    /// The event. A kind this version does not know, written by a newer one, may have made anything untrue.
    #[must_use]
    pub fn into_event(self) -> Event {
        serde_json::from_value(self.payload).unwrap_or(Event::NewsMissed)
    }
}

pub(super) async fn insert(conn: &mut Conn, event: &Event, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT).bind(Json(event)).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// The events after a place in the order, at most 1,000 of them.
///
/// # Errors
/// When the database does not answer.
pub async fn events_after(conn: &mut Conn, seq: i64) -> Result<Vec<StoredEvent>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredEvent>(AFTER).bind(seq).fetch_all(c).await)?)
}

/// The place of the newest event, 0 when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn last_event(conn: &mut Conn) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(LAST).fetch_one(c).await)?)
}

/// Forgets events older than a moment; every process has long heard them.
///
/// # Errors
/// When the database does not answer.
pub async fn purge_events(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
