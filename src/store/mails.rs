//! Table `core_mails`: mail that waits to be handed on. The content is sealed.

use belgie_api::db::Conn;
use belgie_api::{MailId, Result, Timestamp, on};

const INSERT: &str = "INSERT INTO core_mails (id, sealed, created_at, next_try_at) VALUES ($1, $2, $3, $3)";

/// Adds a mail, due at once.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, id: MailId, sealed: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT).bind(id).bind(sealed).bind(now).execute(c).await.map(drop))?;
    Ok(())
}
