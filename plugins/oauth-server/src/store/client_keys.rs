//! Keys with which clients prove who they are, and which grants were given to a client that did.

use belgie_api::db::Conn;
use belgie_api::{ClientId, GrantId, Result, TokenHash, on};
use sqlx::types::Json;

use crate::model::foreign_keys::ClientKeys;

const SET: &str = "UPDATE oauth_server_clients SET keys = $2 WHERE id = $1";
const NOTE_PROOF: &str = "UPDATE oauth_server_grants SET client_auth = 'private_key_jwt' WHERE id = $1";
const NEEDS_PROOF: &str = "SELECT COUNT(*) FROM oauth_server_grants g \
    JOIN oauth_server_refresh_tokens r ON r.grant_id = g.id WHERE r.token_hash = $1 AND g.client_auth IS NOT NULL";

/// Gives a client these keys, in the place of those it had.
pub async fn set(conn: &mut Conn, id: &ClientId, keys: &ClientKeys) -> Result<()> {
    on!(conn, c => sqlx::query(SET).bind(id).bind(Json(keys)).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that a grant was given to a client that proved who it is, though it has no row.
pub async fn note_proof(conn: &mut Conn, grant: GrantId) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_PROOF).bind(grant).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether a refresh token was given to such a client, so that it proves it again.
pub async fn needs_proof(conn: &mut Conn, refresh: TokenHash) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(NEEDS_PROOF).bind(refresh.as_bytes()).fetch_one(c).await)? > 0)
}
