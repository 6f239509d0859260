//! Invitations to register a client.

use belgie_api::db::Conn;
use belgie_api::{ClientInvitationId, Result, Timestamp, TokenHash, on};

use crate::model::invitation::Invitation;

const INSERT: &str = "INSERT INTO oauth_server_invitations (id, token_hash, name, uses_left, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const USE: &str = "UPDATE oauth_server_invitations SET uses_left = uses_left - 1 \
    WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2 RETURNING *";
const IS_GOOD: &str = "SELECT COUNT(*) FROM oauth_server_invitations \
    WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2";
const LIST: &str = "SELECT * FROM oauth_server_invitations WHERE uses_left > 0 AND expires_at > $1 \
    ORDER BY created_at DESC, id DESC LIMIT 1000";
const DELETE: &str = "DELETE FROM oauth_server_invitations WHERE id = $1 RETURNING id";
const PURGE: &str = "DELETE FROM oauth_server_invitations WHERE expires_at < $1";

/// Adds an invitation.
pub async fn insert(conn: &mut Conn, invitation: &Invitation, token: TokenHash) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(invitation.id)
        .bind(token.as_bytes())
        .bind(&invitation.name)
        .bind(invitation.uses_left)
        .bind(invitation.created_at)
        .bind(invitation.expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Uses an invitation once; `None` when there is none of this token, or it is used up or over.
pub async fn consume(conn: &mut Conn, token: TokenHash, now: Timestamp) -> Result<Option<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(USE).bind(token.as_bytes()).bind(now).fetch_optional(c).await)?)
}

/// Whether an invitation would let somebody in.
pub async fn is_good(conn: &mut Conn, token: TokenHash, now: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(IS_GOOD).bind(token.as_bytes()).bind(now).fetch_one(c).await)? > 0)
}

/// The invitations that still let somebody in, newest first, 1,000 at most.
pub async fn list(conn: &mut Conn, now: Timestamp) -> Result<Vec<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(LIST).bind(now).fetch_all(c).await)?)
}

/// Takes an invitation back; `false` when there was none.
pub async fn delete(conn: &mut Conn, id: ClientInvitationId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, ClientInvitationId>(DELETE).bind(id).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Forgets invitations that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
