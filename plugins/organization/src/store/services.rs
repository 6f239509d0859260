//! Services of organizations.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, ServiceId, Timestamp, TokenHash, UserId, on};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::model::role::Roles;
use crate::model::service::ServiceRow;

const INSERT: &str = "INSERT INTO organization_services \
    (id, organization_id, name, roles, scopes, token_hash, created_by, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const LIST: &str = "SELECT id, organization_id, name, roles, scopes, created_by, created_at, expires_at, last_used_at \
    FROM organization_services WHERE organization_id = $1 AND revoked_at IS NULL AND expires_at > $2 \
    ORDER BY created_at DESC, id DESC";
const FIND: &str = "SELECT id, organization_id, name, roles, scopes, created_by, created_at, expires_at, last_used_at \
    FROM organization_services WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2";
const FIND_BY_TOKEN: &str = "SELECT s.id, s.organization_id, s.name, s.roles, s.scopes, s.created_by, s.created_at, \
    s.expires_at, s.last_used_at, o.slug FROM organization_services s \
    JOIN organization_organizations o ON o.id = s.organization_id AND o.deleted_at IS NULL \
    WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2";
const STANDING: &str = "SELECT o.slug, s.roles, \
    (SELECT string_agg(n.slug, ' ') FROM organization_slugs n WHERE n.organization_id = o.id AND n.slug <> o.slug) \
    AS former_slugs FROM organization_services s \
    JOIN organization_organizations o ON o.id = s.organization_id AND o.deleted_at IS NULL \
    WHERE s.id = $1 AND s.organization_id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3";
const NOTE_USE: &str = "UPDATE organization_services SET last_used_at = $2 \
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)";
const REVOKE: &str = "UPDATE organization_services SET revoked_at = $2 \
    WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id";
const FORGET_MAKER: &str = "UPDATE organization_services SET created_by = NULL WHERE created_by = $1";
const PURGE: &str = "DELETE FROM organization_services WHERE expires_at < $1 OR revoked_at < $1";

/// A service behind a token.
#[derive(FromRow)]
pub struct Behind {
    /// The service.
    #[sqlx(flatten)]
    pub service: ServiceRow,
    /// The name of its organization in URLs.
    pub slug: String,
}

/// What a service is.
#[derive(FromRow)]
pub struct ServiceStanding {
    /// The name of its organization in URLs.
    pub slug: String,
    /// The names that had before, with spaces between them.
    pub former_slugs: Option<String>,
    /// Its roles as they were given.
    #[sqlx(json)]
    pub roles: Roles,
}

/// Adds a service with the hash of its token.
pub async fn insert(conn: &mut Conn, service: &ServiceRow, token: TokenHash) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(service.id)
        .bind(service.organization_id)
        .bind(&service.name)
        .bind(Json(&service.roles))
        .bind(Json(&service.scopes))
        .bind(token.as_bytes())
        .bind(service.created_by)
        .bind(service.created_at)
        .bind(service.expires_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The services of an organization that are in force, newest first.
pub async fn list(conn: &mut Conn, id: OrgId, now: Timestamp) -> Result<Vec<ServiceRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, ServiceRow>(LIST).bind(id).bind(now).fetch_all(c).await)?)
}

/// A service that is in force, whoever's it is.
pub async fn find(conn: &mut Conn, service: ServiceId, now: Timestamp) -> Result<Option<ServiceRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, ServiceRow>(FIND).bind(service).bind(now).fetch_optional(c).await)?)
}

/// The service behind a token, if both it and its organization are there.
pub async fn find_by_token(conn: &mut Conn, token: TokenHash, now: Timestamp) -> Result<Option<Behind>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Behind>(FIND_BY_TOKEN)
        .bind(token.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?)
}

/// What a service is in an organization; `None` when it has ended or is another's.
pub async fn standing(
    conn: &mut Conn,
    id: OrgId,
    service: ServiceId,
    now: Timestamp,
) -> Result<Option<ServiceStanding>> {
    Ok(on!(conn, c => sqlx::query_as::<_, ServiceStanding>(STANDING)
        .bind(service)
        .bind(id)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Notes that the token was seen, unless that was noted after `unless_after`.
pub async fn note_use(conn: &mut Conn, service: ServiceId, now: Timestamp, unless_after: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_USE).bind(service).bind(now).bind(unless_after).execute(c).await.map(drop))?;
    Ok(())
}

/// Ends a service; `false` when it was not in force.
pub async fn revoke(conn: &mut Conn, service: ServiceId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, ServiceId>(REVOKE)
        .bind(service)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Forgets who made a service, since the account goes.
pub async fn forget_maker(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_MAKER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets services that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
