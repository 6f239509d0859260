//! Grants that are made to allow less.

use belgie_api::db::Conn;
use belgie_api::{GrantId, Result, Timestamp, UserId, on};
use sqlx::types::Json;

use crate::model::consent::Consent;
use crate::model::grant::Grant;

const FIND_OWN: &str = "SELECT * FROM oauth_server_grants \
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3";
const HOLD_OWN: &str = "UPDATE oauth_server_grants SET scopes = scopes \
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING *";
const LIST_GIVEN: &str = "SELECT * FROM oauth_server_grants WHERE user_id = $1 AND client_id = $2 AND redirect_host = $3 \
    AND organization_id IS NOT DISTINCT FROM $4 AND revoked_at IS NULL AND expires_at > $5";
const HOLD_GIVEN: &str = "UPDATE oauth_server_grants SET scopes = scopes WHERE user_id = $1 AND client_id = $2 AND redirect_host = $3 \
    AND organization_id IS NOT DISTINCT FROM $4 AND revoked_at IS NULL AND expires_at > $5 RETURNING *";
const NARROW: &str = "UPDATE oauth_server_grants SET scopes = $2, team_ids = $3, membership_ids = $4 WHERE id = $1";

/// A grant of a person that is in force.
pub async fn find_own(conn: &mut Conn, id: GrantId, user: UserId, now: Timestamp) -> Result<Option<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(FIND_OWN)
        .bind(id)
        .bind(user)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// The same, held until the transaction ends.
pub async fn hold_own(conn: &mut Conn, id: GrantId, user: UserId, now: Timestamp) -> Result<Option<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(HOLD_OWN)
        .bind(id)
        .bind(user)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// What is connected by an answer that is remembered: the same client's, whose answers go to the same host, for the same organization.
pub async fn list_given(conn: &mut Conn, consent: &Consent, now: Timestamp) -> Result<Vec<Grant>> {
    given(conn, LIST_GIVEN, consent, now).await
}

/// The same, held until the transaction ends.
pub async fn hold_given(conn: &mut Conn, consent: &Consent, now: Timestamp) -> Result<Vec<Grant>> {
    given(conn, HOLD_GIVEN, consent, now).await
}

async fn given(conn: &mut Conn, query: &'static str, consent: &Consent, now: Timestamp) -> Result<Vec<Grant>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Grant>(query)
        .bind(consent.user_id)
        .bind(&consent.client_id)
        .bind(&consent.redirect_host)
        .bind(consent.binding.organization_id)
        .bind(now)
        .fetch_all(c).await)?)
}

/// Writes what a grant allows, and for whom it lets act.
pub async fn narrow(conn: &mut Conn, grant: &Grant) -> Result<()> {
    on!(conn, c => sqlx::query(NARROW)
        .bind(grant.id)
        .bind(Json(&grant.scopes))
        .bind(Json(&grant.binding.team_ids))
        .bind(Json(&grant.binding.membership_ids))
        .execute(c).await.map(drop))?;
    Ok(())
}
