//! Events at rest: written with the change itself, read by every other process.
//!
//! On Postgres a trigger of the core's migrations notifies the channel `belgie_events` of each row; on SQLite other
//! processes look for rows above the last one they saw.

use sqlx::types::Json;

use super::{Conn, Engine};
use crate::event::Event;
use crate::failure::Result;
use crate::on;
use crate::time::Timestamp;

const INSERT: &str = "INSERT INTO core_events (payload, created_at) VALUES ($1, $2) RETURNING seq";
const AFTER: &str = "SELECT seq, payload FROM core_events WHERE seq > $1 ORDER BY seq LIMIT 1000";
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM core_events";
const LAST_BEFORE: &str = "SELECT COALESCE(MAX(seq), 0) FROM core_events WHERE created_at < $1";
const PURGE: &str = "DELETE FROM core_events WHERE created_at < $1 AND seq <= $2";
/// One line for all transactions with news: see [`line_up`].
const LINE_UP: &str = "SELECT pg_advisory_xact_lock(4701996218503307)";

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

/// Lets transactions with news commit one after the other, so that places in the order become visible in that order and
/// whoever reads behind a place misses nothing. SQLite has one writer anyway; Postgres would do the same a moment later,
/// for the notice. It is the last thing a transaction waits for, so nobody waits in a circle.
pub(super) async fn line_up(conn: &mut Conn) -> Result<()> {
    if let Engine::Postgres(server) = conn.engine() {
        sqlx::query(LINE_UP).execute(server).await?;
    }
    Ok(())
}

/// Writes an event, and gives its place in the order.
pub(super) async fn insert(conn: &mut Conn, event: &Event, now: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(INSERT).bind(Json(event)).bind(now).fetch_one(c).await)?)
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

/// The place of the newest event that is older than a moment, 0 when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn last_event_before(conn: &mut Conn, moment: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(LAST_BEFORE).bind(moment).fetch_one(c).await)?)
}

/// Forgets events older than a moment, which every process has long heard, up to a place everybody has come to.
///
/// # Errors
/// When the database does not answer.
pub async fn purge_events(conn: &mut Conn, before: Timestamp, up_to: i64) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).bind(up_to).execute(c).await.map(drop))?;
    Ok(())
}
