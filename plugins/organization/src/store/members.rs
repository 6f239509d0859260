//! Members and their roles.

use std::collections::BTreeSet;

use belgie_api::db::Conn;
use belgie_api::{MembershipId, OrgId, Result, Timestamp, UserId, on};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::model::member::{Member, Membership};
use crate::model::role::{OWNER, Role, Roles};

const INSERT: &str = "INSERT INTO organization_members (organization_id, user_id, joined_at, id) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (organization_id, user_id) DO NOTHING RETURNING user_id";
const GIVE: &str = "INSERT INTO organization_member_roles (organization_id, user_id, role, given_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (organization_id, user_id, role) DO NOTHING";
const TAKE_ALL: &str = "DELETE FROM organization_member_roles WHERE organization_id = $1 AND user_id = $2";
const DELETE: &str = "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2 RETURNING user_id";
const DELETE_OF_USER: &str = "DELETE FROM organization_members WHERE user_id = $1 RETURNING organization_id";
/// One row per role, by the primary keys and what else the organization was called.
const STANDING: &str = "SELECT o.slug, m.joined_at, m.id, r.role, c.permissions, \
    (SELECT string_agg(s.slug, ' ') FROM organization_slugs s WHERE s.organization_id = o.id AND s.slug <> o.slug) \
    AS former_slugs FROM organization_members m \
    JOIN organization_organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL \
    JOIN organization_member_roles r ON r.organization_id = m.organization_id AND r.user_id = m.user_id \
    LEFT JOIN organization_roles c ON c.organization_id = r.organization_id AND c.name = r.role \
    WHERE m.organization_id = $1 AND m.user_id = $2 ORDER BY r.role";
const LIST: &str = "SELECT m.user_id, m.joined_at, r.role FROM (SELECT user_id, joined_at FROM organization_members \
    WHERE organization_id = $1 ORDER BY joined_at, user_id LIMIT $2 OFFSET $3) m \
    JOIN organization_member_roles r ON r.organization_id = $1 AND r.user_id = m.user_id \
    ORDER BY m.joined_at, m.user_id, r.role";
const LIST_OF_USER: &str = "SELECT o.id, o.slug, o.name, o.logo_url, m.joined_at, r.role FROM organization_members m \
    JOIN organization_organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL \
    JOIN organization_member_roles r ON r.organization_id = m.organization_id AND r.user_id = m.user_id \
    WHERE m.user_id = $1 ORDER BY o.name, o.id, r.role";
const COUNT: &str = "SELECT COUNT(*) FROM organization_members WHERE organization_id = $1";
const COUNT_WITH_ROLE: &str = "SELECT COUNT(*) FROM organization_member_roles WHERE organization_id = $1 AND role = $2";
const LIST_WITH_ROLE: &str = "SELECT r.user_id FROM organization_member_roles r \
    JOIN organization_organizations o ON o.id = r.organization_id AND o.deleted_at IS NULL \
    WHERE r.organization_id = $1 AND r.role = $2 ORDER BY r.given_at, r.user_id LIMIT 100";
const COUNT_OWNED: &str = "SELECT COUNT(*) FROM organization_member_roles r \
    JOIN organization_organizations o ON o.id = r.organization_id AND o.deleted_at IS NULL \
    WHERE r.user_id = $1 AND r.role = 'owner'";

/// What a member is and may, one row per role.
#[derive(FromRow)]
pub struct Standing {
    /// The organization's name in URLs.
    pub slug: String,
    /// The names it had before, with spaces between them.
    pub former_slugs: Option<String>,
    /// When they came.
    pub joined_at: Timestamp,
    /// This stay of theirs.
    pub id: Option<MembershipId>,
    /// One of their roles.
    pub role: Role,
    /// What it allows, when it is the organization's own.
    pub permissions: Option<Json<BTreeSet<String>>>,
}

#[derive(FromRow)]
struct MemberRow {
    user_id: UserId,
    joined_at: Timestamp,
    role: Role,
}

#[derive(FromRow)]
struct MembershipRow {
    id: OrgId,
    slug: String,
    name: String,
    logo_url: Option<String>,
    joined_at: Timestamp,
    role: Role,
}

/// Adds a member, whose stay this is; `false` when the person is one.
pub async fn insert(conn: &mut Conn, member: &Member, stay: MembershipId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, UserId>(INSERT)
        .bind(member.organization_id)
        .bind(member.user_id)
        .bind(member.joined_at)
        .bind(stay)
        .fetch_optional(c).await)?;
    if found.is_none() {
        return Ok(false);
    }
    give(conn, member.organization_id, member.user_id, &member.roles, member.joined_at).await?;
    Ok(true)
}

async fn give(conn: &mut Conn, id: OrgId, user: UserId, roles: &Roles, now: Timestamp) -> Result<()> {
    for role in roles {
        on!(conn, c => sqlx::query(GIVE).bind(id).bind(user).bind(role).bind(now).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// Gives a member these roles and no others. The organization must be held.
pub async fn set_roles(conn: &mut Conn, id: OrgId, user: UserId, roles: &Roles, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(TAKE_ALL).bind(id).bind(user).execute(c).await.map(drop))?;
    give(conn, id, user, roles, now).await
}

/// Removes a member with their roles; `false` when the person is none.
pub async fn delete(conn: &mut Conn, id: OrgId, user: UserId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, UserId>(DELETE).bind(id).bind(user).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Removes a person from every organization, deleted ones, too; which.
pub async fn delete_of_user(conn: &mut Conn, user: UserId) -> Result<Vec<OrgId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, OrgId>(DELETE_OF_USER).bind(user).fetch_all(c).await)?)
}

/// What a person is in an organization that is not deleted, one row per role; none when they are not in it.
pub async fn standing(conn: &mut Conn, id: OrgId, user: UserId) -> Result<Vec<Standing>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Standing>(STANDING).bind(id).bind(user).fetch_all(c).await)?)
}

/// Those who have a role in an organization, in the order they got it: 100 at most.
pub async fn list_with_role(conn: &mut Conn, id: OrgId, role: &Role) -> Result<Vec<UserId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, UserId>(LIST_WITH_ROLE).bind(id).bind(role).fetch_all(c).await)?)
}

/// Members of an organization, the longest there first.
pub async fn list(conn: &mut Conn, id: OrgId, limit: i64, offset: i64) -> Result<Vec<Member>> {
    let rows = on!(conn, c => sqlx::query_as::<_, MemberRow>(LIST)
        .bind(id)
        .bind(limit)
        .bind(offset)
        .fetch_all(c).await)?;
    let mut members: Vec<Member> = Vec::new();
    for MemberRow { user_id, joined_at, role } in rows {
        match members.last_mut().filter(|member| member.user_id == user_id) {
            Some(member) => drop(member.roles.insert(role)),
            None => members.push(Member { organization_id: id, user_id, joined_at, roles: [role].into() }),
        }
    }
    Ok(members)
}

/// The organizations of a person, by name.
pub async fn list_of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Membership>> {
    let rows = on!(conn, c => sqlx::query_as::<_, MembershipRow>(LIST_OF_USER).bind(user).fetch_all(c).await)?;
    let mut memberships: Vec<Membership> = Vec::new();
    for MembershipRow { id, slug, name, logo_url, joined_at, role } in rows {
        match memberships.last_mut().filter(|membership| membership.organization_id == id) {
            Some(membership) => drop(membership.roles.insert(role)),
            None => memberships.push(Membership {
                organization_id: id,
                slug,
                name,
                logo_url,
                joined_at,
                roles: [role].into(),
            }),
        }
    }
    Ok(memberships)
}

/// How many members an organization has.
pub async fn count(conn: &mut Conn, id: OrgId) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT).bind(id).fetch_one(c).await)?)
}

/// How many members have a role.
pub async fn count_with_role(conn: &mut Conn, id: OrgId, role: &str) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_WITH_ROLE).bind(id).bind(role).fetch_one(c).await)?)
}

/// How many owners an organization has.
pub async fn count_owners(conn: &mut Conn, id: OrgId) -> Result<i64> {
    count_with_role(conn, id, OWNER).await
}

/// How many organizations a person owns, alone or with others.
pub async fn count_owned(conn: &mut Conn, user: UserId) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_OWNED).bind(user).fetch_one(c).await)?)
}
