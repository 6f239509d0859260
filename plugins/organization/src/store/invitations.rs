//! Invitations.

use belgie_api::db::Conn;
use belgie_api::{InvitationId, OrgId, Result, Timestamp, TokenHash, UserId, on};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::model::invitation::{Ending, Invitation};
use crate::model::role::Roles;

/// The condition of the partial index, to the letter.
macro_rules! open {
    () => {
        "accepted_at IS NULL AND rejected_at IS NULL AND canceled_at IS NULL"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO organization_invitations (id, organization_id, team_id, email, roles, inviter_id, token_hash, \
     created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (organization_id, email) WHERE ",
    open!(),
    " DO NOTHING RETURNING id"
);
const FIND: &str = "SELECT * FROM organization_invitations WHERE id = $1";
const FIND_BY_TOKEN: &str = "SELECT * FROM organization_invitations WHERE token_hash = $1";
const FIND_OPEN: &str =
    concat!("SELECT * FROM organization_invitations WHERE organization_id = $1 AND email = $2 AND ", open!());
const LIST: &str = "SELECT * FROM organization_invitations WHERE organization_id = $1 \
    ORDER BY created_at DESC, id DESC LIMIT 500";
const LIST_OPEN: &str = concat!(
    "SELECT * FROM organization_invitations WHERE organization_id = $1 AND ",
    open!(),
    " AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT 500"
);
const LIST_FOR: &str = concat!(
    "SELECT i.* FROM organization_invitations i \
     JOIN organization_organizations o ON o.id = i.organization_id AND o.deleted_at IS NULL \
     WHERE i.email = $1 AND ",
    open!(),
    " AND i.expires_at > $2 ORDER BY i.created_at DESC, i.id DESC LIMIT 100"
);
const LIST_OF_INVITER: &str =
    concat!("SELECT * FROM organization_invitations WHERE organization_id = $1 AND inviter_id = $2 AND ", open!());
const LIST_INVITERS: &str = concat!(
    "SELECT DISTINCT inviter_id FROM organization_invitations WHERE organization_id = $1 AND inviter_id IS NOT NULL AND ",
    open!()
);
const COUNT_OPEN: &str = concat!(
    "SELECT COUNT(*) FROM organization_invitations WHERE organization_id = $1 AND ",
    open!(),
    " AND expires_at > $2"
);
const ROLES_OF_OPEN: &str = concat!(
    "SELECT roles FROM organization_invitations WHERE organization_id = $1 AND ",
    open!(),
    " AND expires_at > $2"
);
const ACCEPT: &str = concat!(
    "UPDATE organization_invitations SET accepted_at = $2, accepted_by = $3 WHERE id = $1 AND ",
    open!(),
    " AND expires_at > $2 RETURNING id"
);
const REJECT: &str = concat!(
    "UPDATE organization_invitations SET rejected_at = $2 WHERE id = $1 AND ",
    open!(),
    " AND expires_at > $2 RETURNING id"
);
/// One whose time is over may be taken back all the same: it makes room for another.
const CANCEL: &str =
    concat!("UPDATE organization_invitations SET canceled_at = $2 WHERE id = $1 AND ", open!(), " RETURNING id");
const CANCEL_OF_INVITER: &str = concat!(
    "UPDATE organization_invitations SET canceled_at = $3 WHERE organization_id = $1 AND inviter_id = $2 AND ",
    open!(),
    " RETURNING id"
);
const CANCEL_FOR: &str = concat!(
    "UPDATE organization_invitations SET canceled_at = $3 WHERE organization_id = $1 AND email = $2 AND ",
    open!()
);
const FORGET_INVITER: &str = "UPDATE organization_invitations SET inviter_id = NULL WHERE inviter_id = $1";
const FORGET_GUEST: &str = "UPDATE organization_invitations SET accepted_by = NULL WHERE accepted_by = $1";
const PURGE: &str = "DELETE FROM organization_invitations WHERE expires_at < $1";

#[derive(FromRow)]
struct RolesRow {
    #[sqlx(json)]
    roles: Roles,
}

/// Adds an invitation; `false` when one to the same address is open.
pub async fn insert(conn: &mut Conn, invitation: &Invitation, token: &TokenHash) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, InvitationId>(INSERT)
        .bind(invitation.id)
        .bind(invitation.organization_id)
        .bind(invitation.team_id)
        .bind(&invitation.email)
        .bind(Json(&invitation.roles))
        .bind(invitation.inviter_id)
        .bind(token.as_bytes())
        .bind(invitation.created_at)
        .bind(invitation.expires_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The invitation of this id.
pub async fn find(conn: &mut Conn, id: InvitationId) -> Result<Option<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(FIND).bind(id).fetch_optional(c).await)?)
}

/// The invitation whose link has this token.
pub async fn find_by_token(conn: &mut Conn, token: &TokenHash) -> Result<Option<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(FIND_BY_TOKEN)
        .bind(token.as_bytes())
        .fetch_optional(c).await)?)
}

/// The invitation to an address that has not ended, whatever its time.
pub async fn find_open(conn: &mut Conn, organization: OrgId, email: &str) -> Result<Option<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(FIND_OPEN)
        .bind(organization)
        .bind(email)
        .fetch_optional(c).await)?)
}

/// Every invitation that is remembered, the newest first, 500 at most.
pub async fn list(conn: &mut Conn, organization: OrgId) -> Result<Vec<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(LIST).bind(organization).fetch_all(c).await)?)
}

/// The invitations that can be accepted, the newest first, 500 at most.
pub async fn list_open(conn: &mut Conn, organization: OrgId, now: Timestamp) -> Result<Vec<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(LIST_OPEN)
        .bind(organization)
        .bind(now)
        .fetch_all(c).await)?)
}

/// The invitations to an address that can be accepted, the newest first, 100 at most.
pub async fn list_for(conn: &mut Conn, email: &str, now: Timestamp) -> Result<Vec<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(LIST_FOR).bind(email).bind(now).fetch_all(c).await)?)
}

/// What a member offered that has not ended, whatever its time.
pub async fn list_of_inviter(conn: &mut Conn, organization: OrgId, inviter: UserId) -> Result<Vec<Invitation>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Invitation>(LIST_OF_INVITER)
        .bind(organization)
        .bind(inviter)
        .fetch_all(c).await)?)
}

/// Everybody who offered what has not ended, whatever its time.
pub async fn list_inviters(conn: &mut Conn, organization: OrgId) -> Result<Vec<UserId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, UserId>(LIST_INVITERS).bind(organization).fetch_all(c).await)?)
}

/// How many invitations of an organization can be accepted.
pub async fn count_open(conn: &mut Conn, organization: OrgId, now: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(COUNT_OPEN).bind(organization).bind(now).fetch_one(c).await)?)
}

/// Whether an invitation that can be accepted brings a role.
pub async fn is_role_offered(conn: &mut Conn, organization: OrgId, role: &str, now: Timestamp) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query_as::<_, RolesRow>(ROLES_OF_OPEN)
        .bind(organization)
        .bind(now)
        .fetch_all(c).await)?;
    Ok(rows.iter().any(|row| row.roles.contains(role)))
}

/// Ends an invitation, once: of two who end it only one hears `true`.
pub async fn consume(conn: &mut Conn, id: InvitationId, ending: Ending, now: Timestamp) -> Result<bool> {
    let found = match ending {
        Ending::Accept(user) => on!(conn, c => sqlx::query_scalar::<_, InvitationId>(ACCEPT)
            .bind(id)
            .bind(now)
            .bind(user)
            .fetch_optional(c).await)?,
        Ending::Reject => on!(conn, c => sqlx::query_scalar::<_, InvitationId>(REJECT)
            .bind(id)
            .bind(now)
            .fetch_optional(c).await)?,
        Ending::Cancel => on!(conn, c => sqlx::query_scalar::<_, InvitationId>(CANCEL)
            .bind(id)
            .bind(now)
            .fetch_optional(c).await)?,
    };
    Ok(found.is_some())
}

/// Takes back what a member who goes had offered; says what.
pub async fn cancel_of_inviter(
    conn: &mut Conn,
    organization: OrgId,
    inviter: UserId,
    now: Timestamp,
) -> Result<Vec<InvitationId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, InvitationId>(CANCEL_OF_INVITER)
        .bind(organization)
        .bind(inviter)
        .bind(now)
        .fetch_all(c).await)?)
}

/// Takes back what was offered to an address.
pub async fn cancel_for(conn: &mut Conn, organization: OrgId, email: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(CANCEL_FOR).bind(organization).bind(email).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// An account is gone: forgets whom it invited and what it accepted.
pub async fn forget_user(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_INVITER).bind(user).execute(c).await.map(drop))?;
    on!(conn, c => sqlx::query(FORGET_GUEST).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets invitations whose time was over before a moment, however they ended.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
