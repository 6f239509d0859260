//! Members of teams.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, TeamId, UserId, on};
use belgie_organization::Roles;
use sqlx::types::Json;

use crate::model::member::{TeamMember, TeamMembership};

const INSERT: &str = "INSERT INTO team_members (team_id, user_id, membership_id, roles, joined_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (team_id, user_id) DO NOTHING RETURNING user_id";
const FIND: &str = "SELECT * FROM team_members WHERE team_id = $1 AND user_id = $2";
const LIST: &str = "SELECT * FROM team_members WHERE team_id = $1 ORDER BY joined_at, user_id LIMIT $2 OFFSET $3";
const COUNT: &str = "SELECT COUNT(*) FROM team_members WHERE team_id = $1";
const SET_ROLES: &str = "UPDATE team_members SET roles = $3 WHERE team_id = $1 AND user_id = $2";
const DELETE: &str = "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2 RETURNING user_id";
const LIST_OF_USER_IN: &str = "SELECT t.id, t.organization_id, t.slug, t.name, m.membership_id, m.roles, m.joined_at \
    FROM team_members m JOIN team_teams t ON t.id = m.team_id WHERE m.user_id = $1 AND t.organization_id = $2 ORDER BY t.name, t.id";
const LIST_OF_USER: &str = "SELECT t.id, t.organization_id, t.slug, t.name, m.membership_id, m.roles, m.joined_at \
    FROM team_members m JOIN team_teams t ON t.id = m.team_id WHERE m.user_id = $1 ORDER BY t.name, t.id";

/// Adds a member; `false` when the person is one.
pub async fn insert(conn: &mut Conn, member: &TeamMember) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, UserId>(INSERT)
        .bind(member.team_id)
        .bind(member.user_id)
        .bind(member.membership_id)
        .bind(Json(&member.roles))
        .bind(member.joined_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// What somebody is in a team.
pub async fn find(conn: &mut Conn, team: TeamId, user: UserId) -> Result<Option<TeamMember>> {
    Ok(on!(conn, c => sqlx::query_as::<_, TeamMember>(FIND).bind(team).bind(user).fetch_optional(c).await)?)
}

/// Members of a team, the longest there first.
pub async fn list(conn: &mut Conn, team: TeamId, limit: i64, offset: i64) -> Result<Vec<TeamMember>> {
    Ok(on!(conn, c => sqlx::query_as::<_, TeamMember>(LIST)
        .bind(team)
        .bind(limit)
        .bind(offset)
        .fetch_all(c).await)?)
}

/// How many members a team has.
pub async fn count(conn: &mut Conn, team: TeamId) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT).bind(team).fetch_one(c).await)?)
}

/// Gives a member these roles and no others.
pub async fn set_roles(conn: &mut Conn, team: TeamId, user: UserId, roles: &Roles) -> Result<()> {
    on!(conn, c => sqlx::query(SET_ROLES).bind(team).bind(user).bind(Json(roles)).execute(c).await.map(drop))?;
    Ok(())
}

/// Removes a member; `false` when the person is none.
pub async fn delete(conn: &mut Conn, team: TeamId, user: UserId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, UserId>(DELETE).bind(team).bind(user).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The teams of a person in one organization, by name.
pub async fn list_of_user_in(conn: &mut Conn, user: UserId, organization: OrgId) -> Result<Vec<TeamMembership>> {
    Ok(on!(conn, c => sqlx::query_as::<_, TeamMembership>(LIST_OF_USER_IN)
        .bind(user)
        .bind(organization)
        .fetch_all(c).await)?)
}

/// The teams of a person, by name.
pub async fn list_of_user(conn: &mut Conn, user: UserId) -> Result<Vec<TeamMembership>> {
    Ok(on!(conn, c => sqlx::query_as::<_, TeamMembership>(LIST_OF_USER).bind(user).fetch_all(c).await)?)
}
