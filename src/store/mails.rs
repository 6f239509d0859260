//! Table `core_mails`: mail that waits to be handed on. The content is sealed, and goes with the mail.

use belgie_api::db::Conn;
use belgie_api::{MailId, Result, Timestamp, on};

const INSERT: &str =
    "INSERT INTO core_mails (id, sealed, created_at, next_try_at, sent_at) VALUES ($1, $2, $3, $3, $4)";
// A row somebody else claimed meanwhile is due later, so the outer condition leaves it to them.
const CLAIM: &str = "UPDATE core_mails SET attempts = attempts + 1, next_try_at = $2 \
     WHERE sent_at IS NULL AND failed_at IS NULL AND next_try_at <= $1 AND id IN ( \
     SELECT id FROM core_mails WHERE sent_at IS NULL AND failed_at IS NULL AND next_try_at <= $1 \
     ORDER BY next_try_at LIMIT $3) RETURNING id, sealed, attempts, created_at";
const SENT: &str = "UPDATE core_mails SET sent_at = $2, sealed = '' WHERE id = $1";
const AGAIN: &str = "UPDATE core_mails SET next_try_at = $2 WHERE id = $1 AND sent_at IS NULL";
const FAILED: &str = "UPDATE core_mails SET failed_at = $2, sealed = '' WHERE id = $1 AND sent_at IS NULL";
const WAITING: &str = "SELECT id, sealed, attempts, created_at FROM core_mails \
     WHERE sent_at IS NULL AND failed_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1";
const PURGE: &str = "DELETE FROM core_mails WHERE created_at < $1";

/// A mail that waits.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MailRow {
    /// The mail.
    pub id: MailId,
    /// What is in it, sealed.
    pub sealed: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Adds a mail, due at once. With `sent_at` it is one that only takes the time of a mail.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    conn: &mut Conn,
    id: MailId,
    sealed: &str,
    now: Timestamp,
    sent_at: Option<Timestamp>,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(id)
        .bind(sealed)
        .bind(now)
        .bind(sent_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes mails that are due for this node alone, until `lease`.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(conn: &mut Conn, now: Timestamp, lease: Timestamp, most: i64) -> Result<Vec<MailRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, MailRow>(CLAIM)
        .bind(now)
        .bind(lease)
        .bind(most)
        .fetch_all(c).await)?)
}

/// Notes that a mail was handed on, and forgets what was in it.
///
/// # Errors
/// When the database does not answer.
pub async fn note_sent(conn: &mut Conn, id: MailId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SENT).bind(id).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Puts a mail off.
///
/// # Errors
/// When the database does not answer.
pub async fn put_off(conn: &mut Conn, id: MailId, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(AGAIN).bind(id).bind(until).execute(c).await.map(drop))?;
    Ok(())
}

/// Gives a mail up, and forgets what was in it.
///
/// # Errors
/// When the database does not answer.
pub async fn give_up(conn: &mut Conn, id: MailId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(FAILED).bind(id).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// The mails that wait, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list_waiting(conn: &mut Conn, most: i64) -> Result<Vec<MailRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, MailRow>(WAITING).bind(most).fetch_all(c).await)?)
}

/// Forgets mails written before a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
