//! Grants: what people allowed.

use std::collections::BTreeSet;

use belgie_api::db::Conn;
use belgie_api::{ClientId, GrantBinding, GrantId, OrgId, Result, ScopeSet, TeamId, Timestamp, UserId, on};
use sqlx::types::Json;

use crate::model::grant::{BindingColumns, EndedGrant, Grant, LastGrant, RevokeReason};

const INSERT: &str = "INSERT INTO oauth_server_grants (id, user_id, kind, client_id, client_name, client_host, \
    redirect_host, scopes, resources, created_at, expires_at, ends_at, organization_id, team_ids, membership_ids, \
    signed_in_at, id_token_algorithm, signed_in_by, sid, subject) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
const LIST_LIVE: &str = "SELECT * FROM oauth_server_grants \
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT 200";
const LIST_LIVE_FOR: &str = "SELECT * FROM oauth_server_grants \
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND organization_id IS NOT DISTINCT FROM $3 \
    ORDER BY created_at DESC, id DESC LIMIT 200";
/// The newest of each client for each organization, so that none is hidden behind many of another.
const LIST_SHOWN: &str = "SELECT * FROM (SELECT live.*, \
    ROW_NUMBER() OVER (PARTITION BY client_id, organization_id, kind ORDER BY created_at DESC, id DESC) AS place \
    FROM oauth_server_grants AS live WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2) AS ranked \
    WHERE place <= $3 OR kind <> 'agent' ORDER BY created_at DESC, id DESC LIMIT 1000";
const LIST_IDS_OF: &str = "SELECT id FROM oauth_server_grants WHERE user_id = $1 AND client_id = $2 AND kind = 'agent' \
    AND organization_id IS NOT DISTINCT FROM $3 AND revoked_at IS NULL AND expires_at > $4 ORDER BY id";
const LIST_IDS: &str =
    "SELECT id FROM oauth_server_grants WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2";
const HAS_ANY: &str = "SELECT COUNT(*) FROM oauth_server_grants WHERE user_id = $1 AND client_id = $2";
const LAST_BINDING: &str = "SELECT organization_id, team_ids, membership_ids FROM oauth_server_grants \
    WHERE user_id = $1 AND client_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1";
const HOLD_LAST: &str = "UPDATE oauth_server_grants SET scopes = scopes WHERE id = (SELECT id FROM oauth_server_grants \
    WHERE user_id = $1 AND client_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1) \
    RETURNING scopes, organization_id, team_ids, membership_ids, revoke_reason";
const EXTEND: &str = "UPDATE oauth_server_grants SET expires_at = $2, last_used_at = $3 \
    WHERE id = $1 AND revoked_at IS NULL RETURNING scopes, team_ids";
const NOTE_USE: &str = "UPDATE oauth_server_grants SET last_used_at = $2 \
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)";
const REVOKE: &str = "UPDATE oauth_server_grants SET revoked_at = $2, revoke_reason = $3 \
    WHERE id = $1 AND revoked_at IS NULL RETURNING id, user_id, client_id, organization_id";
const REVOKE_OF_CLIENT: &str = "UPDATE oauth_server_grants SET revoked_at = $2, revoke_reason = $3 \
    WHERE client_id = $1 AND revoked_at IS NULL RETURNING id, user_id, client_id, organization_id";
const LIST_BOUND: &str = "SELECT * FROM oauth_server_grants WHERE organization_id = $1 \
    AND (user_id = $2 OR $2 IS NULL) AND revoked_at IS NULL AND expires_at > $3 ORDER BY id";
const LIST_IN: &str = "SELECT * FROM oauth_server_grants WHERE organization_id = $1 AND revoked_at IS NULL \
    AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4";
const FIND_IN: &str = "SELECT * FROM oauth_server_grants WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL \
    AND expires_at > $3";
const FIND_OF_USER: &str = "SELECT * FROM oauth_server_grants WHERE id = $1 AND user_id = $2";
const PURGE: &str = "DELETE FROM oauth_server_grants WHERE expires_at < $1 OR revoked_at < $1";

/// Adds a grant.
pub async fn insert(conn: &mut Conn, grant: &Grant) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(grant.id)
        .bind(grant.user_id)
        .bind(grant.kind.as_str())
        .bind(&grant.client_id)
        .bind(&grant.client_name)
        .bind(&grant.client_host)
        .bind(&grant.redirect_host)
        .bind(Json(&grant.scopes))
        .bind(Json(&grant.resources))
        .bind(grant.created_at)
        .bind(grant.expires_at)
        .bind(grant.ends_at)
        .bind(grant.binding.organization_id)
        .bind(Json(&grant.binding.team_ids))
        .bind(Json(&grant.binding.membership_ids))
        .bind(grant.signed_in_at)
        .bind(&grant.told.id_token_algorithm)
        .bind(&grant.told.signed_in_by)
        .bind(&grant.told.sid)
        .bind(&grant.told.subject)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The grants of a person that are in force, newest first, 200 at most.
pub async fn list_live(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(LIST_LIVE).bind(user).bind(now).fetch_all(c).await)?)
}

/// The same for whoever looks through them: of each client for each organization `most` at most.
pub async fn list_shown(conn: &mut Conn, user: UserId, now: Timestamp, most: i64) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(LIST_SHOWN).bind(user).bind(now).bind(most).fetch_all(c).await)?)
}

/// All that one client has from a person, for one organization or for the person alone, in the order in which they are locked.
pub async fn list_ids_of(
    conn: &mut Conn,
    user: UserId,
    client: &ClientId,
    organization: Option<OrgId>,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, GrantId>(LIST_IDS_OF)
        .bind(user)
        .bind(client)
        .bind(organization)
        .bind(now)
        .fetch_all(c).await)?)
}

/// Those of them that let act for one organization, or for the person alone.
pub async fn list_live_for(
    conn: &mut Conn,
    user: UserId,
    organization: Option<OrgId>,
    now: Timestamp,
) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(LIST_LIVE_FOR)
        .bind(user)
        .bind(now)
        .bind(organization)
        .fetch_all(c).await)?)
}

/// All grants of a person that are in force.
pub async fn list_ids(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<GrantId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, GrantId>(LIST_IDS).bind(user).bind(now).fetch_all(c).await)?)
}

/// Whether a person ever gave this client a grant that is still remembered.
pub async fn has_any(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS_ANY).bind(user).bind(client).fetch_one(c).await)? > 0)
}

/// What the newest grant that a person gave this client, in force or not, lets act for.
pub async fn last_binding(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<Option<GrantBinding>> {
    let found = on!(conn, c => sqlx::query_as::<_, BindingColumns>(LAST_BINDING)
        .bind(user)
        .bind(client)
        .fetch_optional(c).await)?;
    Ok(found.map(GrantBinding::from))
}

/// The newest grant that a person gave this client, in force or not, held until the transaction ends.
pub async fn hold_last(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<Option<LastGrant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LastGrant>(HOLD_LAST).bind(user).bind(client).fetch_optional(c).await)?)
}

/// A grant of a person, in force or not.
pub async fn find_of_user(conn: &mut Conn, grant: GrantId, user: UserId) -> Result<Option<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(FIND_OF_USER).bind(grant).bind(user).fetch_optional(c).await)?)
}

/// Moves the end of a grant in force: its scopes and teams as they are now; `None` when it was revoked meanwhile. Holds the row
/// until the transaction ends.
pub async fn extend(
    conn: &mut Conn,
    grant: GrantId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Option<(ScopeSet, BTreeSet<TeamId>)>> {
    let found = on!(conn, c => sqlx::query_as::<_, (Json<ScopeSet>, Json<BTreeSet<TeamId>>)>(EXTEND)
        .bind(grant)
        .bind(expires_at)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.map(|(scopes, teams)| (scopes.0, teams.0)))
}

/// Notes that a token of the grant was seen, unless that was noted after `unless_after`.
pub async fn note_use(conn: &mut Conn, grant: GrantId, now: Timestamp, unless_after: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_USE).bind(grant).bind(now).bind(unless_after).execute(c).await.map(drop))?;
    Ok(())
}

/// Ends a grant; `None` when it was not in force.
pub async fn revoke(
    conn: &mut Conn,
    grant: GrantId,
    reason: RevokeReason,
    now: Timestamp,
) -> Result<Option<EndedGrant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, EndedGrant>(REVOKE)
        .bind(grant)
        .bind(now)
        .bind(reason.as_str())
        .fetch_optional(c).await)?)
}

/// Ends every grant of a client; which.
pub async fn revoke_of_client(
    conn: &mut Conn,
    client: &ClientId,
    reason: RevokeReason,
    now: Timestamp,
) -> Result<Vec<EndedGrant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, EndedGrant>(REVOKE_OF_CLIENT)
        .bind(client)
        .bind(now)
        .bind(reason.as_str())
        .fetch_all(c).await)?)
}

/// The grants in force that let act for an organization: those of one person, or everybody's.
pub async fn list_bound(
    conn: &mut Conn,
    organization: OrgId,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(LIST_BOUND)
        .bind(organization)
        .bind(user)
        .bind(now)
        .fetch_all(c).await)?)
}

/// The grants in force that let act for an organization, newest first.
pub async fn list_in(
    conn: &mut Conn,
    organization: OrgId,
    now: Timestamp,
    limit: i64,
    offset: i64,
) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(LIST_IN)
        .bind(organization)
        .bind(now)
        .bind(limit)
        .bind(offset)
        .fetch_all(c).await)?)
}

/// A grant in force, if it lets act for this organization.
pub async fn find_in(conn: &mut Conn, grant: GrantId, organization: OrgId, now: Timestamp) -> Result<Option<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(FIND_IN)
        .bind(grant)
        .bind(organization)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Forgets grants that ended before a moment, with their tokens.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
