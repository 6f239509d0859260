//! People, looked at once more and held.
//!
//! Whoever decides by what a row says, and then writes, reads it here: under READ COMMITTED another transaction may have
//! changed it since, and what it did would be undone or passed over.

use belgie_api::db::Conn;
use belgie_api::{Result, UserId, on};

use super::UserRow;

const LOCK: &str = "UPDATE core_users SET updated_at = updated_at WHERE id = $1 \
     RETURNING id, email, email_verified_at, name, image, password_hash, scopes, banned_at, banned_until, ban_reason, \
     ban_notice, secured_at, created_at, updated_at";
const LOCK_BY_EMAIL: &str = "UPDATE core_users SET updated_at = updated_at WHERE email = $1 \
     RETURNING id, email, email_verified_at, name, image, password_hash, scopes, banned_at, banned_until, ban_reason, \
     ban_notice, secured_at, created_at, updated_at";

/// A person by id as they are now, and stay until the transaction ends. In one transaction people come before their
/// sessions and whatever else hangs on them, and operators before a single person: so nobody waits in a circle.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(conn: &mut Conn, user: UserId) -> Result<Option<UserRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(LOCK).bind(user).fetch_optional(c).await)?)
}

/// A person by address, in any spelling, held as [`lock`] does.
///
/// # Errors
/// When the database does not answer.
pub async fn lock_by_email(conn: &mut Conn, email: &str) -> Result<Option<UserRow>> {
    let email = super::normalize_email(email);
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(LOCK_BY_EMAIL).bind(&email).fetch_optional(c).await)?)
}
