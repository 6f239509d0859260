//! Authorization requests that wait for a person's answer.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, SessionId, Timestamp, TokenHash, UserId, on};
use sqlx::types::Json;

use crate::model::request::AuthorizationRequest;

const INSERT: &str = "INSERT INTO oauth_server_interactions \
    (handle_hash, user_id, session_id, client_id, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const CONSUME: &str = "UPDATE oauth_server_interactions SET consumed_at = $4 \
    WHERE handle_hash = $1 AND user_id = $2 AND session_id = $3 AND consumed_at IS NULL AND expires_at > $4 \
    RETURNING request";
const FIND: &str = "SELECT request FROM oauth_server_interactions \
    WHERE handle_hash = $1 AND user_id = $2 AND session_id = $3 AND consumed_at IS NULL AND expires_at > $4";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_interactions WHERE client_id = $1";
const PURGE: &str = "DELETE FROM oauth_server_interactions WHERE expires_at < $1";

/// Who may answer: one person in one browser session.
#[derive(Clone, Copy, Debug)]
pub struct Answerer {
    /// The person.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// Adds a request.
pub async fn insert(
    conn: &mut Conn,
    handle: TokenHash,
    answerer: Answerer,
    request: &AuthorizationRequest,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(handle.as_bytes())
        .bind(answerer.user)
        .bind(answerer.session)
        .bind(&request.client.id)
        .bind(Json(request))
        .bind(now)
        .bind(expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes the request behind a handle; it can be taken once, in time, and by the person and session it was made for.
pub async fn consume(
    conn: &mut Conn,
    handle: TokenHash,
    answerer: Answerer,
    now: Timestamp,
) -> Result<Option<AuthorizationRequest>> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Json<AuthorizationRequest>>(CONSUME)
        .bind(handle.as_bytes())
        .bind(answerer.user)
        .bind(answerer.session)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.map(|Json(request)| request))
}

/// The same, and it stays there.
pub async fn find(
    conn: &mut Conn,
    handle: TokenHash,
    answerer: Answerer,
    now: Timestamp,
) -> Result<Option<AuthorizationRequest>> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Json<AuthorizationRequest>>(FIND)
        .bind(handle.as_bytes())
        .bind(answerer.user)
        .bind(answerer.session)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.map(|Json(request)| request))
}

/// Forgets what a client asked for.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets requests that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
