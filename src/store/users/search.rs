//! Looking for people, and counting them.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

use super::UserRow;

const SEARCH: &str = "SELECT id, email, email_verified_at, name, image, password_hash, scopes, banned_at, banned_until, \
     ban_reason, ban_notice, secured_at, created_at, updated_at FROM core_users \
     WHERE (email LIKE $1 ESCAPE '\\' OR LOWER(name) LIKE $1 ESCAPE '\\') AND email > $2 ORDER BY email LIMIT $3";
const COUNT: &str = "SELECT COUNT(*) FROM core_users";
const COUNT_SINCE: &str = "SELECT COUNT(*) FROM core_users WHERE created_at >= $1";
const COUNT_BANNED: &str =
    "SELECT COUNT(*) FROM core_users WHERE banned_at IS NOT NULL AND (banned_until IS NULL OR banned_until > $1)";
const COUNT_HOLDERS: &str = "SELECT COUNT(*) FROM core_users WHERE CAST(scopes AS TEXT) LIKE $1";

/// Figures about all accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// How many there are.
    pub all: i64,
    /// How many were made since the moment asked about.
    pub new: i64,
    /// How many are banned now.
    pub banned: i64,
    /// How many hold the scope asked about.
    pub holders: i64,
}

/// People whose address or name begins with a text, by address, behind an address; the empty text finds everybody.
///
/// # Errors
/// When the database does not answer.
pub async fn search(conn: &mut Conn, prefix: &str, after: &str, limit: i64) -> Result<Vec<UserRow>> {
    let mut pattern = String::new();
    for letter in super::normalize_email(prefix).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(SEARCH)
        .bind(&pattern)
        .bind(after)
        .bind(limit)
        .fetch_all(c).await)?)
}

/// Counts.
///
/// # Errors
/// When the database does not answer.
pub async fn figures(conn: &mut Conn, scope: &str, since: Timestamp, now: Timestamp) -> Result<Figures> {
    let pattern = format!("%\"{scope}\"%");
    Ok(Figures {
        all: on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT).fetch_one(c).await)?,
        new: on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_SINCE).bind(since).fetch_one(c).await)?,
        banned: on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_BANNED).bind(now).fetch_one(c).await)?,
        holders: on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_HOLDERS).bind(&pattern).fetch_one(c).await)?,
    })
}
