//! Teams.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, TeamId, Timestamp, on};
use sqlx::FromRow;

use crate::model::team::Team;

const INSERT: &str = "INSERT INTO team_teams (id, organization_id, slug, name, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, slug) DO NOTHING RETURNING id";
const FIND: &str = "SELECT * FROM team_teams WHERE id = $1";
const FIND_BY_SLUG: &str = "SELECT * FROM team_teams WHERE organization_id = $1 AND slug = $2";
const LIST: &str = "SELECT * FROM team_teams WHERE organization_id = $1 ORDER BY name, id";
const LIST_COUNTED: &str = "SELECT t.*, (SELECT COUNT(*) FROM team_members m WHERE m.team_id = t.id) AS member_count \
    FROM team_teams t WHERE t.organization_id = $1 ORDER BY t.name, t.id LIMIT $2 OFFSET $3";
const COUNT: &str = "SELECT COUNT(*) FROM team_teams WHERE organization_id = $1";
const RENAME: &str = "UPDATE team_teams SET name = $2, updated_at = $3 WHERE id = $1";
const DELETE: &str = "DELETE FROM team_teams WHERE id = $1 RETURNING id";
const DELETE_OF_ORGANIZATION: &str = "DELETE FROM team_teams WHERE organization_id = $1";

/// A team, and how many are in it.
#[derive(Clone, Debug, FromRow)]
pub struct Counted {
    /// The team.
    #[sqlx(flatten)]
    pub team: Team,
    /// How many are in it.
    pub member_count: i64,
}

/// Adds a team; `false` when one of the organization has its slug.
pub async fn insert(conn: &mut Conn, team: &Team) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, TeamId>(INSERT)
        .bind(team.id)
        .bind(team.organization_id)
        .bind(&team.slug)
        .bind(&team.name)
        .bind(team.created_at)
        .bind(team.updated_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The team of this id.
pub async fn find(conn: &mut Conn, id: TeamId) -> Result<Option<Team>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Team>(FIND).bind(id).fetch_optional(c).await)?)
}

/// The team of this slug.
pub async fn find_by_slug(conn: &mut Conn, organization: OrgId, slug: &str) -> Result<Option<Team>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Team>(FIND_BY_SLUG)
        .bind(organization)
        .bind(slug)
        .fetch_optional(c).await)?)
}

/// The teams of an organization, by name.
pub async fn list(conn: &mut Conn, organization: OrgId) -> Result<Vec<Team>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Team>(LIST).bind(organization).fetch_all(c).await)?)
}

/// So many of them behind the first, with how many are in each.
pub async fn list_counted(conn: &mut Conn, organization: OrgId, limit: i64, offset: i64) -> Result<Vec<Counted>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Counted>(LIST_COUNTED)
        .bind(organization)
        .bind(limit)
        .bind(offset)
        .fetch_all(c).await)?)
}

/// How many teams an organization has.
pub async fn count(conn: &mut Conn, organization: OrgId) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT).bind(organization).fetch_one(c).await)?)
}

/// Gives a team another name.
pub async fn rename(conn: &mut Conn, id: TeamId, name: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(RENAME).bind(id).bind(name).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Deletes a team with everybody in it; `false` when there is none.
pub async fn delete(conn: &mut Conn, id: TeamId) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, TeamId>(DELETE).bind(id).fetch_optional(c).await)?.is_some())
}

/// Deletes every team of an organization.
pub async fn delete_of_organization(conn: &mut Conn, organization: OrgId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_ORGANIZATION).bind(organization).execute(c).await.map(drop))?;
    Ok(())
}
