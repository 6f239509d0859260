//! Every slug there ever was.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, Timestamp, on};

/// First come, first served, for good; only the organization that had a slug can have it again.
const RESERVE: &str = "INSERT INTO organization_slugs (slug, organization_id, created_at) VALUES ($1, $2, $3) \
    ON CONFLICT (slug) DO UPDATE SET retired_at = NULL \
    WHERE organization_slugs.organization_id = excluded.organization_id RETURNING slug";
const RETIRE: &str = "UPDATE organization_slugs SET retired_at = $2 WHERE slug = $1";
const FIND: &str = "SELECT organization_id FROM organization_slugs WHERE slug = $1";

/// Reserves a slug; `false` when another organization has it or had it.
pub async fn reserve(conn: &mut Conn, slug: &str, id: OrgId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(RESERVE)
        .bind(slug)
        .bind(id)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Notes that a slug only leads on from now.
pub async fn retire(conn: &mut Conn, slug: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(RETIRE).bind(slug).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Whose a slug is or was, deleted or not.
pub async fn find(conn: &mut Conn, slug: &str) -> Result<Option<OrgId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, OrgId>(FIND).bind(slug).fetch_optional(c).await)?)
}
