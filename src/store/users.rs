//! Table `core_users`.

use belgie_api::db::Conn;
use belgie_api::{Result, ScopeSet, Timestamp, UserId, on};
use sqlx::types::Json;

const INSERT: &str = "INSERT INTO core_users (id, email, name, password_hash, scopes, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (email) DO NOTHING";
const FIND: &str = "SELECT id, email, name, password_hash, scopes, created_at FROM core_users WHERE id = $1";
const FIND_BY_EMAIL: &str =
    "SELECT id, email, name, password_hash, scopes, created_at FROM core_users WHERE email = $1";
const LIST: &str =
    "SELECT id, email, name, password_hash, scopes, created_at FROM core_users ORDER BY email LIMIT 1000";
const ANY: &str = "SELECT 1 FROM core_users LIMIT 1";
const DELETE: &str = "DELETE FROM core_users WHERE id = $1";

/// A person. The address is kept in the form [`normalize_email`] gives it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    /// The account.
    pub id: UserId,
    /// The address the account signs in with.
    pub email: String,
    /// The name the person gave; may be empty.
    pub name: String,
    /// Argon2id in PHC form; `None` when the account has no password.
    pub password_hash: Option<String>,
    /// Scopes of the account itself.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The one spelling under which an address is stored and looked up: trimmed and in lower case.
#[must_use]
pub fn normalize_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Adds a person; `false` when the address is taken.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(conn: &mut Conn, user: &UserRow) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(INSERT)
        .bind(user.id)
        .bind(&user.email)
        .bind(&user.name)
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

/// Removes a person with everything that hangs on the account; `false` when there was none.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(conn: &mut Conn, user: UserId) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(DELETE).bind(user).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}
