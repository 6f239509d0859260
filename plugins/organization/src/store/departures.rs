//! Who left or was removed.

use belgie_api::db::Conn;
use belgie_api::{OrgId, Result, Timestamp, UserId, on};

const NOTE: &str = "INSERT INTO organization_departures (organization_id, user_id, left_at) VALUES ($1, $2, $3) \
    ON CONFLICT (organization_id, user_id) DO UPDATE SET left_at = excluded.left_at";
const FORGET: &str = "DELETE FROM organization_departures WHERE organization_id = $1 AND user_id = $2";
const FORGET_USER: &str = "DELETE FROM organization_departures WHERE user_id = $1";
const HAS_LEFT: &str = "SELECT COUNT(*) FROM organization_departures WHERE organization_id = $1 AND user_id = $2";

/// Notes that somebody left.
pub async fn note(conn: &mut Conn, id: OrgId, user: UserId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE).bind(id).bind(user).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Somebody is back.
pub async fn forget(conn: &mut Conn, id: OrgId, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET).bind(id).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// An account is gone.
pub async fn forget_user(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_USER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether somebody was a member once and is none any more.
pub async fn has_left(conn: &mut Conn, id: OrgId, user: UserId) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS_LEFT).bind(id).bind(user).fetch_one(c).await)? > 0)
}
