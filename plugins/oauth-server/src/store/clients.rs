//! Registered clients.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, TokenHash, on};
use sqlx::types::Json;

use crate::model::client::RegisteredClient;

const INSERT: &str = "INSERT INTO oauth_server_clients (id, name, uri, origin, auth_method, secret_hash, \
    application_type, redirect_uris, grant_types, scopes, created_at, service_id, organization_id, resources, id_token_algorithm, \
    post_logout_redirect_uris, backchannel_logout_uri, sector, dpop_bound, pushed_only) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
const FIND: &str = "SELECT * FROM oauth_server_clients WHERE id = $1";
const LIST: &str = "SELECT * FROM oauth_server_clients ORDER BY created_at DESC, id LIMIT 1000";
const TOUCH: &str = "UPDATE oauth_server_clients SET last_used_at = $2 WHERE id = $1 RETURNING id";
const NOTE_USE: &str = "UPDATE oauth_server_clients SET last_used_at = $2 \
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)";
const UPDATE: &str = "UPDATE oauth_server_clients SET name = $2, uri = $3, auth_method = $4, application_type = $5, \
    redirect_uris = $6, grant_types = $7, scopes = $8, id_token_algorithm = $9, \
    post_logout_redirect_uris = $10, backchannel_logout_uri = $11, sector = $12, dpop_bound = $13, pushed_only = $14 \
    WHERE id = $1";
const SET_REGISTRATION_TOKEN: &str = "UPDATE oauth_server_clients SET registration_token_hash = $2 WHERE id = $1";
const DELETE: &str = "DELETE FROM oauth_server_clients WHERE id = $1 RETURNING id";
const PURGE: &str = "DELETE FROM oauth_server_clients WHERE origin = 'registration' \
    AND ((last_used_at IS NULL AND created_at < $1) OR (last_used_at < $2 AND trusted_at IS NULL \
    AND NOT EXISTS (SELECT 1 FROM oauth_server_grants WHERE oauth_server_grants.client_id = oauth_server_clients.id)))";

/// Adds a client.
pub async fn insert(conn: &mut Conn, client: &RegisteredClient) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(&client.id)
        .bind(&client.name)
        .bind(&client.uri)
        .bind(&client.origin)
        .bind(&client.auth_method)
        .bind(&client.secret_hash)
        .bind(&client.application_type)
        .bind(Json(&client.redirect_uris))
        .bind(Json(&client.grant_types))
        .bind(Json(&client.scopes))
        .bind(client.created_at)
        .bind(client.service_id)
        .bind(client.organization_id)
        .bind(Json(&client.resources))
        .bind(client.id_token_algorithm.as_str())
        .bind(Json(&client.post_logout_redirect_uris))
        .bind(&client.backchannel_logout_uri)
        .bind(&client.sector)
        .bind(client.rules.dpop_bound)
        .bind(client.rules.pushed_only)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The client of this identifier.
pub async fn find(conn: &mut Conn, id: &ClientId) -> Result<Option<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(FIND).bind(id).fetch_optional(c).await)?)
}

/// The newest 1,000 clients.
pub async fn list(conn: &mut Conn) -> Result<Vec<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(LIST).fetch_all(c).await)?)
}

/// Notes that a grant is being given to the client; `false` when it is gone. Holds the row until the transaction ends,
/// so that nobody deletes the client meanwhile.
pub async fn touch(conn: &mut Conn, id: &ClientId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, ClientId>(TOUCH).bind(id).bind(now).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Notes that the client was seen, unless that was noted after `unless_after`.
pub async fn note_use(conn: &mut Conn, id: &ClientId, now: Timestamp, unless_after: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_USE).bind(id).bind(now).bind(unless_after).execute(c).await.map(drop))?;
    Ok(())
}

/// Writes the metadata of a client.
pub async fn update(conn: &mut Conn, client: &RegisteredClient) -> Result<()> {
    on!(conn, c => sqlx::query(UPDATE)
        .bind(&client.id)
        .bind(&client.name)
        .bind(&client.uri)
        .bind(&client.auth_method)
        .bind(&client.application_type)
        .bind(Json(&client.redirect_uris))
        .bind(Json(&client.grant_types))
        .bind(Json(&client.scopes))
        .bind(client.id_token_algorithm.as_str())
        .bind(Json(&client.post_logout_redirect_uris))
        .bind(&client.backchannel_logout_uri)
        .bind(&client.sector)
        .bind(client.rules.dpop_bound)
        .bind(client.rules.pushed_only)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Keeps what is kept of the token with which a client manages its registration.
pub async fn set_registration_token(conn: &mut Conn, id: &ClientId, token: TokenHash) -> Result<()> {
    on!(conn, c => sqlx::query(SET_REGISTRATION_TOKEN).bind(id).bind(token.as_bytes()).execute(c).await.map(drop))?;
    Ok(())
}

/// Deletes a client; `false` when there was none.
pub async fn delete(conn: &mut Conn, id: &ClientId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, ClientId>(DELETE).bind(id).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Deletes clients that registered themselves before a moment and were never given a grant, and those that were given none since
/// `used_before`, of which none is remembered, and for which no operator vouches.
pub async fn purge(conn: &mut Conn, before: Timestamp, used_before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).bind(used_before).execute(c).await.map(drop))?;
    Ok(())
}
