//! Organizations.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, Timestamp, UserId, on};
use sqlx::types::{Json, Uuid};

use crate::model::organization::Organization;

const INSERT: &str = "INSERT INTO organization_organizations (id, slug, name, logo_url, metadata, created_by, created_at, \
    updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
const FIND: &str = "SELECT * FROM organization_organizations WHERE id = $1 AND deleted_at IS NULL";
const FIND_BY_SLUG: &str = "SELECT * FROM organization_organizations WHERE slug = $1 AND deleted_at IS NULL";
const LOCK: &str = "UPDATE organization_organizations SET updated_at = updated_at \
    WHERE id = $1 AND deleted_at IS NULL RETURNING *";
const UPDATE: &str = "UPDATE organization_organizations SET slug = $2, name = $3, logo_url = $4, metadata = $5, \
    updated_at = $6 WHERE id = $1";
const DELETE: &str = "UPDATE organization_organizations SET deleted_at = $2, updated_at = $2 \
    WHERE id = $1 AND deleted_at IS NULL RETURNING id";
const FORGET_MAKER: &str = "UPDATE organization_organizations SET created_by = NULL WHERE created_by = $1";
const LIST: &str = "SELECT * FROM organization_organizations WHERE deleted_at IS NULL AND (name, id) > ($1, $2) \
    ORDER BY name, id LIMIT 100";
const PURGE: &str = "DELETE FROM organization_organizations WHERE deleted_at < $1";

/// Adds an organization whose slug has been reserved.
pub async fn insert(conn: &mut Conn, organization: &Organization) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(organization.id)
        .bind(&organization.slug)
        .bind(&organization.name)
        .bind(&organization.logo_url)
        .bind(Json(&organization.metadata))
        .bind(organization.created_by)
        .bind(organization.created_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The organization, unless it is deleted.
pub async fn find(conn: &mut Conn, id: OrgId) -> Result<Option<Organization>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Organization>(FIND).bind(id).fetch_optional(c).await)?)
}

/// The organization that has this slug now, unless it is deleted.
pub async fn find_by_slug(conn: &mut Conn, slug: &str) -> Result<Option<Organization>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Organization>(FIND_BY_SLUG).bind(slug).fetch_optional(c).await)?)
}

/// The organization as it is now, unless it is deleted, and as it stays until the transaction ends. Whoever changes it or
/// anybody in it holds it first, so that two cannot remove each other, and no limit is passed by two at once. In one
/// transaction people come before organizations, and these in the order of their ids: so nobody waits in a circle.
pub async fn lock(conn: &mut Conn, id: OrgId) -> Result<Option<Organization>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Organization>(LOCK).bind(id).fetch_optional(c).await)?)
}

/// Writes what may change.
pub async fn update(conn: &mut Conn, organization: &Organization) -> Result<()> {
    on!(conn, c => sqlx::query(UPDATE)
        .bind(organization.id)
        .bind(&organization.slug)
        .bind(&organization.name)
        .bind(&organization.logo_url)
        .bind(Json(&organization.metadata))
        .bind(organization.updated_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Deletes an organization; `false` when it was. From then on nobody is in it.
pub async fn delete(conn: &mut Conn, id: OrgId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, OrgId>(DELETE).bind(id).bind(now).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Forgets that a person made organizations.
pub async fn forget_maker(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_MAKER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// A hundred organizations by name: the first, or those behind another.
pub async fn list(conn: &mut Conn, after: Option<&Organization>) -> Result<Vec<Organization>> {
    // Every name is behind the empty one.
    let (name, id) = after.map_or(("", OrgId::from_uuid(Uuid::nil())), |after| (after.name.as_str(), after.id));
    Ok(on!(conn, c => sqlx::query_as::<_, Organization>(LIST).bind(name).bind(id).fetch_all(c).await)?)
}

/// Forgets organizations that were deleted before a moment, with everything in them; their slugs stay taken.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
