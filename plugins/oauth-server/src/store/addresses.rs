//! What is for the endpoint of an organization, by the slug in its address. Tokens of people are where their grants are.

use belgie_api::db::Conn;
use belgie_api::resource::{path_of, slug_in};
use belgie_api::{GrantId, OrgId, Result, Timestamp, TokenId, on};
use sqlx::types::Json;

const GRANTS: &str = "SELECT id, resources FROM oauth_server_grants WHERE organization_id = $1 \
    AND revoked_at IS NULL AND ends_at > $2 AND CAST(resources AS TEXT) LIKE $3 ORDER BY id";
const MACHINES: &str = "SELECT id, resources FROM oauth_server_client_tokens WHERE organization_id = $1 \
    AND revoked_at IS NULL AND expires_at > $2 AND CAST(resources AS TEXT) LIKE $3 ORDER BY id";

const CONSENTS: &str =
    "DELETE FROM oauth_server_consents WHERE organization_id = $1 AND CAST(resources AS TEXT) LIKE $2";
const CODES: &str = "DELETE FROM oauth_server_codes WHERE consumed_at IS NULL AND CAST(request AS TEXT) LIKE $1";
const DEVICES: &str = "DELETE FROM oauth_server_devices WHERE grant_id IS NULL AND CAST(request AS TEXT) LIKE $1";

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

/// Forgets what could lead there again without a question: answers that are remembered, codes and devices that wait. One that is for
/// an address of the same path elsewhere is asked about once more.
pub async fn forget_answers(conn: &mut Conn, address: OldAddress<'_>) -> Result<()> {
    let pattern = address.pattern();
    on!(conn, c => sqlx::query(CONSENTS).bind(address.organization).bind(&pattern).execute(c).await.map(drop))?;
    on!(conn, c => sqlx::query(CODES).bind(&pattern).execute(c).await.map(drop))?;
    on!(conn, c => sqlx::query(DEVICES).bind(&pattern).execute(c).await.map(drop))?;
    Ok(())
}
