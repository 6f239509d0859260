//! Roles that organizations made themselves.

use std::collections::BTreeSet;

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, Timestamp, on};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::model::role::Role;

const INSERT: &str = "INSERT INTO organization_roles (organization_id, name, permissions, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (organization_id, name) DO NOTHING RETURNING name";
const UPDATE: &str = "UPDATE organization_roles SET permissions = $3, updated_at = $4 \
    WHERE organization_id = $1 AND name = $2 RETURNING name";
const DELETE: &str = "DELETE FROM organization_roles WHERE organization_id = $1 AND name = $2 RETURNING name";
const LIST: &str = "SELECT name, permissions FROM organization_roles WHERE organization_id = $1 ORDER BY name";

/// A role of an organization.
#[derive(Clone, Debug, FromRow)]
pub struct RoleRow {
    /// Its name.
    pub name: Role,
    /// What it allows.
    #[sqlx(json)]
    pub permissions: BTreeSet<String>,
}

/// Adds a role; `false` when there is one of its name.
pub async fn insert(
    conn: &mut Conn,
    id: OrgId,
    name: &Role,
    permissions: &BTreeSet<String>,
    now: Timestamp,
) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(INSERT)
        .bind(id)
        .bind(name)
        .bind(Json(permissions))
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Gives a role other permissions; `false` when there is none of its name.
pub async fn update(
    conn: &mut Conn,
    id: OrgId,
    name: &Role,
    permissions: &BTreeSet<String>,
    now: Timestamp,
) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(UPDATE)
        .bind(id)
        .bind(name)
        .bind(Json(permissions))
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Deletes a role; `false` when there is none of its name.
pub async fn delete(conn: &mut Conn, id: OrgId, name: &Role) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(DELETE).bind(id).bind(name).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The roles of an organization, by name.
pub async fn list(conn: &mut Conn, id: OrgId) -> Result<Vec<RoleRow>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RoleRow>(LIST).bind(id).fetch_all(c).await)?)
}
