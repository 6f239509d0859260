//! Linked accounts.

use belgie_api::db::Conn;
use belgie_api::{LinkedAccountId, Result, Timestamp, UserId, on};

use crate::model::account::{Identity, LinkedAccount};

const INSERT: &str = "INSERT INTO oauth_client_accounts (id, user_id, provider, issuer, subject, email, token_type, \
    scope, access_token, refresh_token, id_token, access_expires_at, refresh_expires_at, created_at, updated_at, \
    last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15) \
    ON CONFLICT (provider, issuer, subject) DO NOTHING RETURNING id";
const FIND: &str = "SELECT * FROM oauth_client_accounts WHERE provider = $1 AND issuer = $2 AND subject = $3";
const FIND_BY_ID: &str = "SELECT * FROM oauth_client_accounts WHERE id = $1 AND user_id = $2";
const FIND_OWNER: &str = "SELECT user_id FROM oauth_client_accounts WHERE id = $1";
const LIST_USERS: &str =
    "SELECT DISTINCT user_id FROM oauth_client_accounts WHERE issuer = $1 AND subject = $2 LIMIT 2";
const LIST_BY_SUBJECT: &str =
    "SELECT * FROM oauth_client_accounts WHERE provider = $1 AND subject = $2 ORDER BY created_at, id LIMIT 2";
const SET_EMAIL: &str = "UPDATE oauth_client_accounts SET email = $2, updated_at = $3 WHERE id = $1";
const LIST: &str = "SELECT * FROM oauth_client_accounts WHERE user_id = $1 ORDER BY created_at, id LIMIT 200";
const NOTE_SIGN_IN: &str =
    "UPDATE oauth_client_accounts SET email = $2, last_used_at = $3, updated_at = $3 WHERE id = $1";
const SET_TOKENS: &str = "UPDATE oauth_client_accounts SET token_type = $2, scope = $3, access_token = $4, \
    refresh_token = $5, id_token = $6, access_expires_at = $7, refresh_expires_at = $8, lease_until = NULL, \
    updated_at = $9 WHERE id = $1";
const KEEP_TOKENS: &str = "UPDATE oauth_client_accounts SET token_type = $2, scope = $3, access_token = $4, \
    refresh_token = $5, id_token = $6, access_expires_at = $7, refresh_expires_at = $8, lease_until = NULL, \
    updated_at = $9 WHERE id = $1 AND lease_until = $10 RETURNING id";
const LOCK_ALL: &str = "UPDATE oauth_client_accounts SET updated_at = updated_at WHERE user_id = $1";
const DELETE: &str = "DELETE FROM oauth_client_accounts WHERE id = $1 AND user_id = $2 RETURNING id";
const DELETE_ALL: &str = "DELETE FROM oauth_client_accounts WHERE user_id = $1 RETURNING provider";
const LEASE: &str = "UPDATE oauth_client_accounts SET lease_until = $2 \
    WHERE id = $1 AND (lease_until IS NULL OR lease_until <= $3) RETURNING id";
const RELEASE: &str = "UPDATE oauth_client_accounts SET lease_until = NULL WHERE id = $1 AND lease_until = $2";

/// Adds an account; `false` when somebody has it already.
pub async fn insert(conn: &mut Conn, account: &LinkedAccount) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, LinkedAccountId>(INSERT)
        .bind(account.id)
        .bind(account.user_id)
        .bind(&account.provider)
        .bind(&account.issuer)
        .bind(&account.subject)
        .bind(&account.email)
        .bind(&account.token_type)
        .bind(&account.scope)
        .bind(&account.access_token)
        .bind(&account.refresh_token)
        .bind(&account.id_token)
        .bind(account.access_expires_at)
        .bind(account.refresh_expires_at)
        .bind(account.created_at)
        .bind(account.last_used_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The linked account of somebody elsewhere.
pub async fn find(conn: &mut Conn, identity: &Identity) -> Result<Option<LinkedAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkedAccount>(FIND)
        .bind(&identity.provider)
        .bind(&identity.issuer)
        .bind(&identity.subject)
        .fetch_optional(c).await)?)
}

/// A linked account of this person.
pub async fn find_by_id(conn: &mut Conn, id: LinkedAccountId, user: UserId) -> Result<Option<LinkedAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkedAccount>(FIND_BY_ID).bind(id).bind(user).fetch_optional(c).await)?)
}

/// Whose way in a linked account is.
pub async fn find_owner(conn: &mut Conn, id: LinkedAccountId) -> Result<Option<UserId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, UserId>(FIND_OWNER).bind(id).fetch_optional(c).await)?)
}

/// The linked accounts of this id at a provider, of any issuer, two at most.
pub async fn list_by_subject(conn: &mut Conn, provider: &str, subject: &str) -> Result<Vec<LinkedAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkedAccount>(LIST_BY_SUBJECT)
        .bind(provider)
        .bind(subject)
        .fetch_all(c).await)?)
}

/// Whose way in a person at this issuer is, whatever the provider is called here; two at most.
pub async fn list_users(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Vec<UserId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, UserId>(LIST_USERS).bind(issuer).bind(subject).fetch_all(c).await)?)
}

/// Notes the address there.
pub async fn set_email(conn: &mut Conn, id: LinkedAccountId, email: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SET_EMAIL).bind(id).bind(email).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// The linked accounts of a person, the oldest first, 200 at most.
pub async fn list(conn: &mut Conn, user: UserId) -> Result<Vec<LinkedAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LinkedAccount>(LIST).bind(user).fetch_all(c).await)?)
}

/// Notes that somebody signed in with it, and the address there.
pub async fn note_sign_in(conn: &mut Conn, id: LinkedAccountId, email: Option<&str>, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_SIGN_IN).bind(id).bind(email).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Stores the sealed tokens of an account for whoever holds this lease, and gives it back; `false` when somebody else
/// has it, or brought tokens, by now.
pub async fn keep_tokens(conn: &mut Conn, account: &LinkedAccount, lease: Timestamp, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, LinkedAccountId>(KEEP_TOKENS)
        .bind(account.id)
        .bind(&account.token_type)
        .bind(&account.scope)
        .bind(&account.access_token)
        .bind(&account.refresh_token)
        .bind(&account.id_token)
        .bind(account.access_expires_at)
        .bind(account.refresh_expires_at)
        .bind(now)
        .bind(lease)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Stores the sealed tokens of an account whoever holds the lease, and ends it: what a sign-in brings is the latest.
pub async fn set_tokens(conn: &mut Conn, account: &LinkedAccount, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SET_TOKENS)
        .bind(account.id)
        .bind(&account.token_type)
        .bind(&account.scope)
        .bind(&account.access_token)
        .bind(&account.refresh_token)
        .bind(&account.id_token)
        .bind(account.access_expires_at)
        .bind(account.refresh_expires_at)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Holds all accounts of a person until the transaction ends, so that two cannot take away the last one together.
pub async fn lock_all(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(LOCK_ALL).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes an account of this person; `false` when there was none.
pub async fn delete(conn: &mut Conn, id: LinkedAccountId, user: UserId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, LinkedAccountId>(DELETE)
        .bind(id)
        .bind(user)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Removes every account of a person, however many, and gives their providers.
pub async fn delete_all(conn: &mut Conn, user: UserId) -> Result<Vec<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(DELETE_ALL).bind(user).fetch_all(c).await)?)
}

/// Takes the lease to refresh an account; `false` when another node has it.
pub async fn lease(conn: &mut Conn, id: LinkedAccountId, until: Timestamp, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, LinkedAccountId>(LEASE)
        .bind(id)
        .bind(until)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Gives a lease back without new tokens; nothing when somebody else has it by now.
pub async fn release(conn: &mut Conn, id: LinkedAccountId, lease: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(RELEASE).bind(id).bind(lease).execute(c).await.map(drop))?;
    Ok(())
}
