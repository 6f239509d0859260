//! Every slug there ever was.

use std::collections::BTreeSet;

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, Timestamp, UserId, on};

/// First come, first served, for good; only the organization that had a slug can have it again.
const RESERVE: &str = "INSERT INTO organization_slugs (slug, organization_id, taken_by, created_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (slug) DO UPDATE SET retired_at = NULL \
    WHERE organization_slugs.organization_id = excluded.organization_id RETURNING slug";
const RETIRE: &str = "UPDATE organization_slugs SET retired_at = $2 WHERE slug = $1";
const FIND: &str = "SELECT organization_id FROM organization_slugs WHERE slug = $1";
const LIST: &str = "SELECT slug FROM organization_slugs WHERE organization_id = $1";
const COUNT_TAKEN: &str = "SELECT COUNT(*) FROM organization_slugs WHERE taken_by = $1 AND created_at > $2";
const FORGET_USER: &str = "UPDATE organization_slugs SET taken_by = NULL WHERE taken_by = $1";

/// Reserves a slug; `false` when another organization has it or had it. `taken_by`: the person, unless it is the host.
pub async fn reserve(conn: &mut Conn, slug: &str, id: OrgId, taken_by: Option<UserId>, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(RESERVE)
        .bind(slug)
        .bind(id)
        .bind(taken_by)
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

/// Every slug an organization has or had, deleted or not.
pub async fn list(conn: &mut Conn, id: OrgId) -> Result<BTreeSet<String>> {
    let found = on!(conn, c => sqlx::query_scalar::<_, String>(LIST).bind(id).fetch_all(c).await)?;
    Ok(found.into_iter().collect())
}

/// How many slugs a person took since a moment.
pub async fn count_taken(conn: &mut Conn, user: UserId, since: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_TAKEN).bind(user).bind(since).fetch_one(c).await)?)
}

/// An account is gone: forgets which slugs it took.
pub async fn forget_user(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_USER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}
