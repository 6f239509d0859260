//! What Stripe told us, as it was told.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const RESERVE: &str = "INSERT INTO stripe_events (event_id, kind, payload, received_at, attempts, due_at) \
    VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (event_id) DO NOTHING RETURNING event_id";
const FIND: &str = "SELECT * FROM stripe_events WHERE event_id = $1";
const CLAIM: &str = "UPDATE stripe_events SET due_at = $2 WHERE event_id IN ( \
    SELECT event_id FROM stripe_events WHERE due_at <= $1 ORDER BY due_at, event_id LIMIT $3) \
    AND due_at <= $1 RETURNING event_id, kind, payload, received_at, attempts, due_at, processed_at, failed_at, note";
const DONE: &str = "UPDATE stripe_events SET processed_at = $2, due_at = NULL, failed_at = NULL, note = $3, \
    attempts = attempts + 1 WHERE event_id = $1";
const FAILED: &str = "UPDATE stripe_events SET attempts = attempts + 1, due_at = $2, failed_at = $3, note = $4 \
    WHERE event_id = $1 AND processed_at IS NULL";
const LIST_FAILED: &str = "SELECT * FROM stripe_events WHERE failed_at IS NOT NULL \
    ORDER BY received_at DESC, event_id DESC LIMIT 200";
const LIST_GIVEN_UP: &str = "SELECT * FROM stripe_events WHERE failed_at IS NOT NULL AND (received_at, event_id) > ($1, $2) \
    ORDER BY received_at, event_id LIMIT 200";
const LIST: &str = "SELECT * FROM stripe_events ORDER BY received_at DESC, event_id DESC LIMIT 200";
const PURGE_FAILED: &str = "DELETE FROM stripe_events WHERE event_id IN ( \
    SELECT event_id FROM stripe_events WHERE failed_at < $1 ORDER BY failed_at LIMIT 500)";
const PURGE: &str = "DELETE FROM stripe_events WHERE event_id IN ( \
    SELECT event_id FROM stripe_events WHERE received_at < $1 AND processed_at IS NOT NULL \
    ORDER BY received_at LIMIT 500)";

/// An event as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Kept {
    /// Stripe's id.
    pub event_id: String,
    /// What happened.
    pub kind: String,
    /// The body as it was sent.
    pub payload: String,
    /// When it came.
    pub received_at: Timestamp,
    /// How often it was looked at.
    pub attempts: i64,
    /// When it is tried again.
    pub due_at: Option<Timestamp>,
    /// When it was done.
    pub processed_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// What came of it.
    pub note: Option<String>,
}

/// Keeps an event; `false` when it was told before. Whoever keeps it looks at it; if they cannot, it is due.
pub async fn reserve(conn: &mut Conn, new: &Kept) -> Result<bool> {
    let reserved = on!(conn, c => sqlx::query_scalar::<_, String>(RESERVE)
        .bind(&new.event_id)
        .bind(&new.kind)
        .bind(&new.payload)
        .bind(new.received_at)
        .bind(new.due_at)
        .fetch_optional(c).await)?;
    Ok(reserved.is_some())
}

/// The event of this id.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Kept>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Kept>(FIND).bind(id).fetch_optional(c).await)?)
}

/// Takes what was due at a moment, `most` at most, until `until`: whoever has taken it and says nothing by then has died.
pub async fn claim(conn: &mut Conn, due: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Kept>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(on!(conn, c => sqlx::query_as::<_, Kept>(CLAIM).bind(due).bind(until).bind(most).fetch_all(c).await)?)
}

/// Notes that an event is done.
pub async fn note_done(conn: &mut Conn, id: &str, now: Timestamp, note: Option<&str>) -> Result<()> {
    on!(conn, c => sqlx::query(DONE).bind(id).bind(now).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that an event could not be dealt with: it is due again, or given up.
pub async fn note_failure(
    conn: &mut Conn,
    id: &str,
    due_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    note: &str,
) -> Result<()> {
    on!(conn, c => sqlx::query(FAILED).bind(id).bind(due_at).bind(failed_at).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// The last 200 events, or of those that were given up.
pub async fn list(conn: &mut Conn, only_failed: bool) -> Result<Vec<Kept>> {
    let sql = if only_failed { LIST_FAILED } else { LIST };
    Ok(on!(conn, c => sqlx::query_as::<_, Kept>(sql).fetch_all(c).await)?)
}

/// The next 200 events that were given up, behind one of this moment and id: the oldest first.
pub async fn list_given_up(conn: &mut Conn, (received_at, id): (Timestamp, &str)) -> Result<Vec<Kept>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Kept>(LIST_GIVEN_UP).bind(received_at).bind(id).fetch_all(c).await)?)
}

/// Forgets events that came before a moment and are done, and those that were given up before another: 500 of each at most, so
/// that nobody waits long for it.
pub async fn purge(conn: &mut Conn, before: Timestamp, given_up_before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    on!(conn, c => sqlx::query(PURGE_FAILED).bind(given_up_before).execute(c).await.map(drop))?;
    Ok(())
}
