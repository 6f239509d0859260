//! Table `core_users`.

pub mod lock;
pub mod search;
pub mod standing;

use std::fmt;

use belgie_api::db::Conn;
pub use belgie_api::ports::normalize_email;
use belgie_api::{Result, ScopeSet, Timestamp, UserId, on};
use sqlx::types::Json;

const INSERT: &str = "INSERT INTO core_users \
     (id, email, email_verified_at, name, image, password_hash, scopes, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (email) DO NOTHING";
const FIND: &str = "SELECT id, email, email_verified_at, name, image, password_hash, scopes, banned_at, banned_until, \
     ban_reason, ban_notice, secured_at, created_at, updated_at FROM core_users WHERE id = $1";
const FIND_BY_EMAIL: &str = "SELECT id, email, email_verified_at, name, image, password_hash, scopes, banned_at, \
     banned_until, ban_reason, ban_notice, secured_at, created_at, updated_at FROM core_users WHERE email = $1";
const LIST: &str = "SELECT id, email, email_verified_at, name, image, password_hash, scopes, banned_at, banned_until, \
     ban_reason, ban_notice, secured_at, created_at, updated_at FROM core_users ORDER BY email LIMIT 1000";
const ANY: &str = "SELECT 1 FROM core_users LIMIT 1";
// Scopes are kept as a JSON list of words that need no escapes.
const ANY_WITH: &str = "SELECT 1 FROM core_users WHERE CAST(scopes AS text) LIKE '%\"' || $1 || '\"%' LIMIT 1";
const IS_TAKEN: &str = "SELECT COUNT(*) FROM core_users WHERE email = $1 AND id <> $2";
const UPDATE: &str = "UPDATE core_users SET email = $2, email_verified_at = $3, name = $4, image = $5, scopes = $6, \
     updated_at = $7 WHERE id = $1";
const SET_PASSWORD: &str = "UPDATE core_users SET password_hash = $2, updated_at = $3 WHERE id = $1";
const NOTE_SECURED: &str = "UPDATE core_users SET secured_at = $2, updated_at = $2 WHERE id = $1";
const NOTE_VERIFIED: &str = "UPDATE core_users SET email_verified_at = $2, updated_at = $2 \
     WHERE id = $1 AND email_verified_at IS NULL";
const DELETE: &str = "DELETE FROM core_users WHERE id = $1";

/// A person. The address is kept in the form [`normalize_email`] gives it.
#[derive(Clone, sqlx::FromRow)]
pub struct UserRow {
    /// The account.
    pub id: UserId,
    /// The address the account signs in with.
    pub email: String,
    /// When it was proven that the person reads mail sent there.
    pub email_verified_at: Option<Timestamp>,
    /// The name the person gave; may be empty.
    pub name: String,
    /// A picture: an https or `data:` URL.
    pub image: Option<String>,
    /// Argon2id in PHC form; `None` when the account has no password.
    pub password_hash: Option<String>,
    /// Scopes of the account itself.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// When the account was banned, if it was.
    pub banned_at: Option<Timestamp>,
    /// When the ban ends by itself.
    pub banned_until: Option<Timestamp>,
    /// Why it was banned, for operators.
    pub ban_reason: Option<String>,
    /// What the person is told besides.
    pub ban_notice: Option<String>,
    /// When whoever else may have been in the account was last put out of it: what a browser learned before does not count.
    pub secured_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Who it is, and neither the hash of the password nor anything else a log should not hold.
impl fmt::Debug for UserRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRow").field("id", &self.id).finish_non_exhaustive()
    }
}

impl UserRow {
    /// Whether the account is banned at this moment.
    #[must_use]
    pub fn is_banned(&self, now: Timestamp) -> bool {
        self.banned_at.is_some() && self.banned_until.is_none_or(|until| now < until)
    }

    /// Whether what a browser learned of the account at that moment still counts.
    #[must_use]
    pub fn trusts_what_is_of(&self, moment: Timestamp) -> bool {
        self.secured_at.is_none_or(|secured| secured <= moment)
    }
}

/// Adds a person; `false` when the address is taken.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, user: &UserRow) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(INSERT)
        .bind(user.id)
        .bind(&user.email)
        .bind(user.email_verified_at)
        .bind(&user.name)
        .bind(&user.image)
        .bind(&user.password_hash)
        .bind(Json(&user.scopes))
        .bind(user.created_at)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// A person by id.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut Conn, user: UserId) -> Result<Option<UserRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(FIND).bind(user).fetch_optional(c).await)?)
}

/// A person by address, in any spelling.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_email(conn: &mut Conn, email: &str) -> Result<Option<UserRow>> {
    let email = normalize_email(email);
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(FIND_BY_EMAIL).bind(&email).fetch_optional(c).await)?)
}

/// Everybody, by address; at most 1,000.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut Conn) -> Result<Vec<UserRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, UserRow>(LIST).fetch_all(c).await)?)
}

/// Whether anybody has an account.
///
/// # Errors
/// When the database does not answer.
pub async fn is_anybody_there(conn: &mut Conn) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query(ANY).fetch_optional(c).await.map(|row| row.is_some()))?)
}

/// Whether somebody holds this user scope.
///
/// # Errors
/// When the database does not answer.
pub async fn is_anybody(conn: &mut Conn, scope: &str) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query(ANY_WITH).bind(scope).fetch_optional(c).await.map(|row| row.is_some()))?)
}

/// Whether somebody else has this address, in any spelling.
///
/// # Errors
/// When the database does not answer.
pub async fn is_taken(conn: &mut Conn, email: &str, by_other_than: UserId) -> Result<bool> {
    let email = normalize_email(email);
    let count = on!(conn, c => sqlx::query_scalar::<_, i64>(IS_TAKEN)
        .bind(&email)
        .bind(by_other_than)
        .fetch_one(c).await)?;
    Ok(count > 0)
}

/// Writes address, name, picture and scopes of a person down as they are in the row.
///
/// # Errors
/// When the database does not answer, or another has the address.
pub async fn update(conn: &mut Conn, user: &UserRow, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(UPDATE)
        .bind(user.id)
        .bind(&user.email)
        .bind(user.email_verified_at)
        .bind(&user.name)
        .bind(&user.image)
        .bind(Json(&user.scopes))
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Gives a person another password, or none. `hash`: Argon2id in PHC form.
///
/// # Errors
/// When the database does not answer.
pub async fn set_password(conn: &mut Conn, user: UserId, hash: Option<&str>, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SET_PASSWORD).bind(user).bind(hash).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that whoever else may have been in an account has just been put out of it.
///
/// # Errors
/// When the database does not answer.
pub async fn note_secured(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_SECURED).bind(user).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that a person has proved to read mail at the address.
///
/// # Errors
/// When the database does not answer.
pub async fn note_verified(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_VERIFIED).bind(user).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes a person with everything that hangs on the account; `false` when there was none.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(conn: &mut Conn, user: UserId) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(DELETE).bind(user).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

#[cfg(test)]
mod tests {
    use belgie_api::clock::SystemClock;
    use belgie_api::entropy::SystemEntropy;
    use belgie_api::{ScopeSet, Timestamp, UserId};

    use super::UserRow;

    #[test]
    fn a_person_in_a_log_is_an_id_and_nothing_more() {
        let row = UserRow {
            id: UserId::new(&SystemClock, &SystemEntropy),
            email: "ada@example.org".to_owned(),
            email_verified_at: None,
            name: "Ada".to_owned(),
            image: None,
            password_hash: Some("$argon2id$secret".to_owned()),
            scopes: ScopeSet::default(),
            banned_at: None,
            banned_until: None,
            ban_reason: Some("for operators".to_owned()),
            ban_notice: Some("for the person".to_owned()),
            secured_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        let shown = format!("{row:?} {:?}", Some(&row));
        assert!(shown.contains(&format!("{:?}", row.id)), "{shown}");
        for secret in ["argon2id", "ada@", "Ada", "operators", "person"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
