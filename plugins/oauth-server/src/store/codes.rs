//! Authorization codes.

use belgie_api::db::Conn;
use belgie_api::{ClientId, GrantId, OrgId, Result, SessionId, Timestamp, TokenHash, UserId, on};
use sqlx::types::Json;

use super::interactions::Answerer;
use super::unspent::Unspent;
use crate::model::request::AuthorizationRequest;

const INSERT: &str = "INSERT INTO oauth_server_codes \
    (code_hash, user_id, session_id, client_id, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const CONSUME: &str = "UPDATE oauth_server_codes SET consumed_at = $4, grant_id = $3 \
    WHERE code_hash = $1 AND client_id = $2 AND consumed_at IS NULL RETURNING user_id, request, expires_at";
const FIND_UNSPENT: &str = "SELECT user_id, request, expires_at FROM oauth_server_codes \
    WHERE code_hash = $1 AND client_id = $2 AND consumed_at IS NULL";
const FIND_ANSWERER: &str =
    "SELECT user_id, session_id FROM oauth_server_codes WHERE code_hash = $1 AND client_id = $2";
const FIND_SPENT: &str = "SELECT grant_id FROM oauth_server_codes \
    WHERE code_hash = $1 AND client_id = $2 AND consumed_at IS NOT NULL AND grant_id IS NOT NULL";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_codes WHERE client_id = $1";
const DELETE_UNSPENT: &str =
    "DELETE FROM oauth_server_codes WHERE user_id = $1 AND client_id = $2 AND consumed_at IS NULL";
const LIST_UNSPENT: &str = "SELECT code_hash, request FROM oauth_server_codes \
    WHERE user_id = $1 AND client_id = $2 AND consumed_at IS NULL";
const DELETE: &str = "DELETE FROM oauth_server_codes WHERE code_hash = $1 AND consumed_at IS NULL";
const PURGE: &str = "DELETE FROM oauth_server_codes WHERE expires_at < $1 AND NOT EXISTS \
    (SELECT 1 FROM oauth_server_grants WHERE oauth_server_grants.id = oauth_server_codes.grant_id)";

/// A code as its request left it.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredCode {
    /// Who allowed it.
    pub user_id: UserId,
    /// What it is bound to.
    #[sqlx(json)]
    pub request: AuthorizationRequest,
    /// When it ended, or ends.
    pub expires_at: Timestamp,
}

/// Adds a code.
pub async fn insert(
    conn: &mut Conn,
    code: TokenHash,
    answerer: Answerer,
    request: &AuthorizationRequest,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(code.as_bytes())
        .bind(answerer.user)
        .bind(answerer.session)
        .bind(&request.client.id)
        .bind(Json(request))
        .bind(now)
        .bind(expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes a code of this client, once, for the grant that is about to be made of it. Whether it is still in time
/// and its session stands, the caller must see.
pub async fn consume(
    conn: &mut Conn,
    code: TokenHash,
    client: &ClientId,
    grant: GrantId,
    now: Timestamp,
) -> Result<Option<StoredCode>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredCode>(CONSUME)
        .bind(code.as_bytes())
        .bind(client)
        .bind(grant)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// A code of this client that nobody has taken yet, in time or not.
pub async fn find_unspent(conn: &mut Conn, code: TokenHash, client: &ClientId) -> Result<Option<StoredCode>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredCode>(FIND_UNSPENT)
        .bind(code.as_bytes())
        .bind(client)
        .fetch_optional(c).await)?)
}

/// Who allowed a code of this client, and in which session.
pub async fn find_answerer(conn: &mut Conn, code: TokenHash, client: &ClientId) -> Result<Option<Answerer>> {
    let found = on!(conn, c => sqlx::query_as::<_, (UserId, SessionId)>(FIND_ANSWERER)
        .bind(code.as_bytes())
        .bind(client)
        .fetch_optional(c).await)?;
    Ok(found.map(|(user, session)| Answerer { user, session }))
}

/// The grant that was made of a spent code of this client.
pub async fn find_spent(conn: &mut Conn, code: TokenHash, client: &ClientId) -> Result<Option<GrantId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, GrantId>(FIND_SPENT)
        .bind(code.as_bytes())
        .bind(client)
        .fetch_optional(c).await)?)
}

/// Forgets the codes of a client.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets codes a client holds of a person and has not redeemed.
pub async fn delete_unspent(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_UNSPENT).bind(user).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets those of them that are for an organization. Only the request says so.
pub async fn delete_unspent_within(
    conn: &mut Conn,
    user: UserId,
    client: &ClientId,
    organization: OrgId,
) -> Result<()> {
    Unspent { list: LIST_UNSPENT, delete: DELETE }.delete_within(conn, user, client, organization).await
}

/// Forgets codes that ended before a moment and whose grant is gone: their replay would change nothing.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
