//! Tokens of clients without a person.

use belgie_api::db::Conn;
use belgie_api::{ClientId, OrgId, Result, ScopeSet, ServiceId, Timestamp, TokenHash, TokenId, on};
use sqlx::types::Json;

const INSERT: &str = "INSERT INTO oauth_server_client_tokens \
    (id, token_hash, client_id, service_id, organization_id, scopes, resources, created_at, expires_at, key_id, \
    key_thumbprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const FIND_LIVE: &str = "SELECT t.id, t.client_id, t.service_id, t.organization_id, t.scopes, t.resources, t.expires_at, \
    t.key_thumbprint, c.name AS client_name FROM oauth_server_client_tokens t JOIN oauth_server_clients c ON c.id = t.client_id \
    WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > $2";
const OWNER: &str = "SELECT id, client_id FROM oauth_server_client_tokens WHERE token_hash = $1";
const REVOKE: &str = "UPDATE oauth_server_client_tokens SET revoked_at = $2 \
    WHERE id = $1 AND revoked_at IS NULL RETURNING id";
const REVOKE_SIGNED: &str = "UPDATE oauth_server_client_tokens SET revoked_at = $2 \
    WHERE key_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id";
const PURGE: &str = "DELETE FROM oauth_server_client_tokens WHERE expires_at < $1";

/// A token of a client without a person.
#[derive(Debug, sqlx::FromRow)]
pub struct ClientToken {
    /// Its row.
    pub id: TokenId,
    /// Who was given it.
    pub client_id: ClientId,
    /// What the client is called.
    pub client_name: String,
    /// What the client acts as.
    pub service_id: ServiceId,
    /// For which organization; `None` for itself alone.
    pub organization_id: Option<OrgId>,
    /// What it may be used for.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Where it may be used.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The thumbprint of the key whose holder alone may use it, if it is bound to one.
    pub key_thumbprint: Option<String>,
}

/// Adds a token, with what signed it.
pub async fn insert(
    conn: &mut Conn,
    token: &ClientToken,
    (hash, key): (TokenHash, Option<&str>),
    now: Timestamp,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(token.id)
        .bind(hash.as_bytes())
        .bind(&token.client_id)
        .bind(token.service_id)
        .bind(token.organization_id)
        .bind(Json(&token.scopes))
        .bind(Json(&token.resources))
        .bind(now)
        .bind(token.expires_at)
        .bind(key)
        .bind(&token.key_thumbprint)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The token of this hash, if it is in force.
pub async fn find_live(conn: &mut Conn, hash: TokenHash, now: Timestamp) -> Result<Option<ClientToken>> {
    Ok(on!(conn, c => sqlx::query_as::<_, ClientToken>(FIND_LIVE)
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?)
}

/// The token of this hash, in force or not, and to whom it was given.
pub async fn find_owner(conn: &mut Conn, hash: TokenHash) -> Result<Option<(TokenId, ClientId)>> {
    Ok(on!(conn, c => sqlx::query_as::<_, (TokenId, ClientId)>(OWNER)
        .bind(hash.as_bytes())
        .fetch_optional(c).await)?)
}

/// Revokes a token; `false` when it was revoked before.
pub async fn revoke(conn: &mut Conn, token: TokenId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE).bind(token).bind(now).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Revokes every token in force that a key has signed; which.
pub async fn revoke_signed(conn: &mut Conn, key: &str, now: Timestamp) -> Result<Vec<TokenId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE_SIGNED).bind(key).bind(now).fetch_all(c).await)?)
}

/// Forgets tokens that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
