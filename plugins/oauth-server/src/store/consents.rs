//! Remembered consents.

use belgie_api::db::Conn;
use belgie_api::{ClientId, ConsentId, OrgId, Result, Timestamp, UserId, on};
use sqlx::types::Json;

use crate::model::consent::Consent;

const REPLACE: &str = "DELETE FROM oauth_server_consents WHERE user_id = $1 AND client_id = $2 AND redirect_host = $3 \
    AND organization_id IS NOT DISTINCT FROM $4";
const INSERT: &str = "INSERT INTO oauth_server_consents (id, user_id, client_id, client_name, client_host, redirect_host, \
    scopes, resources, organization_id, team_ids, membership_ids, created_at, sector) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const LIST_FOR: &str = "SELECT * FROM oauth_server_consents WHERE user_id = $1 AND client_id = $2 AND redirect_host = $3 \
    ORDER BY created_at DESC, id DESC LIMIT 100";
const HOLD: &str = "UPDATE oauth_server_consents SET created_at = created_at WHERE id = $1 RETURNING id";
const LIST: &str = "SELECT * FROM oauth_server_consents WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 200";
const DELETE: &str = "DELETE FROM oauth_server_consents WHERE id = $1 AND user_id = $2 RETURNING client_id";
const DELETE_OF_USER: &str = "DELETE FROM oauth_server_consents WHERE user_id = $1";
const DELETE_GIVEN_TO: &str = "DELETE FROM oauth_server_consents WHERE user_id = $1 AND client_id = $2";
const DELETE_GIVEN_WITHIN: &str =
    "DELETE FROM oauth_server_consents WHERE user_id = $1 AND client_id = $2 AND organization_id = $3";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_consents WHERE client_id = $1";
const PURGE: &str = "DELETE FROM oauth_server_consents WHERE created_at < $1";

/// Remembers an answer instead of every earlier one for the same client, host and organization: the last word counts.
pub async fn remember(conn: &mut Conn, consent: &Consent) -> Result<()> {
    on!(&mut *conn, c => sqlx::query(REPLACE)
        .bind(consent.user_id)
        .bind(&consent.client_id)
        .bind(&consent.redirect_host)
        .bind(consent.binding.organization_id)
        .execute(c).await.map(drop))?;
    on!(conn, c => sqlx::query(INSERT)
        .bind(consent.id)
        .bind(consent.user_id)
        .bind(&consent.client_id)
        .bind(&consent.client_name)
        .bind(&consent.client_host)
        .bind(&consent.redirect_host)
        .bind(Json(&consent.scopes))
        .bind(Json(&consent.resources))
        .bind(consent.binding.organization_id)
        .bind(Json(&consent.binding.team_ids))
        .bind(Json(&consent.binding.membership_ids))
        .bind(consent.created_at)
        .bind(&consent.sector)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// What a person allowed this client when its answers went to this host, newest first.
pub async fn list_for(conn: &mut Conn, user: UserId, client: &ClientId, host: &str) -> Result<Vec<Consent>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Consent>(LIST_FOR)
        .bind(user)
        .bind(client)
        .bind(host)
        .fetch_all(c).await)?)
}

/// Holds an answer until the transaction ends; `false` when it is withdrawn, or another has taken its place. An answer never
/// changes, so whoever read it before has read it as it is.
pub async fn hold(conn: &mut Conn, id: ConsentId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, ConsentId>(HOLD).bind(id).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// What is remembered of a person, newest first, 200 at most.
pub async fn list(conn: &mut Conn, user: UserId) -> Result<Vec<Consent>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Consent>(LIST).bind(user).fetch_all(c).await)?)
}

/// Forgets one of a person; the client, or `None` when there is no such one.
pub async fn delete(conn: &mut Conn, id: ConsentId, user: UserId) -> Result<Option<ClientId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, ClientId>(DELETE).bind(id).bind(user).fetch_optional(c).await)?)
}

/// Forgets all of a person.
pub async fn delete_of_user(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_USER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what a person allowed a client.
pub async fn delete_given_to(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_GIVEN_TO).bind(user).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what a person allowed a client in an organization, and nothing else.
pub async fn delete_given_within(conn: &mut Conn, user: UserId, client: &ClientId, organization: OrgId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_GIVEN_WITHIN)
        .bind(user)
        .bind(client)
        .bind(organization)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what anybody allowed a client.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what was allowed before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
