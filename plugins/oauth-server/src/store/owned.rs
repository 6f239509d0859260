//! Whose a client is.

use belgie_api::db::Conn;
use belgie_api::{ClientId, OrgId, Result, Timestamp, UserId, on};

use crate::model::client::RegisteredClient;
use crate::model::owned::StandingColumns;

const SET_OWNER: &str = "UPDATE oauth_server_clients SET owner_user_id = $2, owner_organization_id = $3 WHERE id = $1";
const SET_TRUST: &str = "UPDATE oauth_server_clients SET trusted_at = $2 WHERE id = $1";
const LIST_OF_PERSON: &str = "SELECT * FROM oauth_server_clients WHERE owner_user_id = $1 \
    ORDER BY created_at DESC, id DESC LIMIT 200";
const LIST_OF_ORGANIZATION: &str = "SELECT * FROM oauth_server_clients WHERE owner_organization_id = $1 \
    ORDER BY created_at DESC, id DESC LIMIT 200";

/// Notes whose a client is.
pub async fn set_owner(conn: &mut Conn, id: &ClientId, standing: &StandingColumns) -> Result<()> {
    on!(conn, c => sqlx::query(SET_OWNER)
        .bind(id)
        .bind(standing.owner_user_id)
        .bind(standing.owner_organization_id)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Notes since when the operator vouches for a client, or that they do not.
pub async fn set_trust(conn: &mut Conn, id: &ClientId, since: Option<Timestamp>) -> Result<()> {
    on!(conn, c => sqlx::query(SET_TRUST).bind(id).bind(since).execute(c).await.map(drop))?;
    Ok(())
}

/// The clients of a person, newest first, 200 at most.
pub async fn list_of_person(conn: &mut Conn, user: UserId) -> Result<Vec<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(LIST_OF_PERSON).bind(user).fetch_all(c).await)?)
}

/// The clients of an organization, newest first, 200 at most.
pub async fn list_of_organization(conn: &mut Conn, organization: OrgId) -> Result<Vec<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(LIST_OF_ORGANIZATION)
        .bind(organization)
        .fetch_all(c).await)?)
}
