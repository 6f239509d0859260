//! What is for the endpoint of an organization, by the slug in its address. Tokens of people are where their grants are.

use belgie_api::db::Conn;
use belgie_api::resource::{path_of, slug_in};
use belgie_api::{GrantId, OrgId, Result, Timestamp, TokenId, on};
use sqlx::types::Json;

const GRANTS: &str = "SELECT id, resources FROM oauth_server_grants WHERE organization_id = $1 \
    AND revoked_at IS NULL AND ends_at > $2 AND CAST(resources AS TEXT) LIKE $3 ORDER BY id";
const MACHINES: &str = "SELECT id, resources FROM oauth_server_client_tokens WHERE organization_id = $1 \
    AND revoked_at IS NULL AND expires_at > $2 AND CAST(resources AS TEXT) LIKE $3 ORDER BY id";

/// The endpoint of an organization under one of its slugs.
#[derive(Clone, Copy, Debug)]
pub struct OldAddress<'a> {
    /// The organization.
    pub organization: OrgId,
    /// The slug.
    pub slug: &'a str,
}

impl OldAddress<'_> {
    /// Finds rows that may be for it; the database only narrows them down.
    fn pattern(self) -> String {
        format!("%{}\"%", path_of(self.slug))
    }

    fn is_among(self, resources: &[String]) -> bool {
        resources.iter().any(|uri| slug_in(uri) == Some(self.slug))
    }

    fn pick<T>(self, rows: Vec<(T, Json<Vec<String>>)>) -> Vec<T> {
        rows.into_iter().filter(|(_, resources)| self.is_among(&resources.0)).map(|(id, _)| id).collect()
    }
}

/// The grants in force that are for it.
pub async fn list_grants(conn: &mut Conn, address: OldAddress<'_>, now: Timestamp) -> Result<Vec<GrantId>> {
    let rows = on!(conn, c => sqlx::query_as::<_, (GrantId, Json<Vec<String>>)>(GRANTS)
        .bind(address.organization)
        .bind(now)
        .bind(address.pattern())
        .fetch_all(c).await)?;
    Ok(address.pick(rows))
}

/// The tokens in force without a person behind them that are for it.
pub async fn list_of_machines(conn: &mut Conn, address: OldAddress<'_>, now: Timestamp) -> Result<Vec<TokenId>> {
    let rows = on!(conn, c => sqlx::query_as::<_, (TokenId, Json<Vec<String>>)>(MACHINES)
        .bind(address.organization)
        .bind(now)
        .bind(address.pattern())
        .fetch_all(c).await)?;
    Ok(address.pick(rows))
}
