//! Access tokens that a client was given for another one.

use belgie_api::db::Conn;
use belgie_api::{ClientId, GrantId, Result, ScopeSet, Timestamp, TokenId, on};
use sqlx::types::Json;

use crate::model::grant::BindingColumns;

const FIND_SUBJECT: &str = "SELECT g.resources, g.signed_in_at, t.actors \
    FROM oauth_server_access_tokens t JOIN oauth_server_grants g ON g.id = t.grant_id \
    WHERE t.id = $1 AND t.grant_id = $2 AND g.kind = 'agent'";
// Both are held until the exchanged token is there, so that whoever ends one of them, or makes the grant do less, comes before
// it or finds it.
const HOLD_GRANT: &str = "UPDATE oauth_server_grants SET scopes = scopes WHERE id = $1 AND revoked_at IS NULL \
    RETURNING scopes, organization_id, team_ids, membership_ids";
const HOLD: &str = "UPDATE oauth_server_access_tokens SET revoked_at = revoked_at \
    WHERE id = $1 AND revoked_at IS NULL RETURNING id";
const MARK: &str =
    "UPDATE oauth_server_access_tokens SET client_id = $2, client_name = $3, parent_id = $4, actors = $5 WHERE id = $1";
const NOTE_ACTOR: &str = "INSERT INTO oauth_server_actors (grant_id, client_id, client_name, last_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (grant_id, client_id) DO UPDATE \
    SET client_name = excluded.client_name, last_at = excluded.last_at";
const LIST_ACTORS: &str = "SELECT client_id, client_name FROM oauth_server_actors WHERE grant_id = $1 \
    ORDER BY last_at DESC, client_id LIMIT 20";
const REVOKE_FROM: &str = "WITH RECURSIVE made (id) AS ( \
    SELECT id FROM oauth_server_access_tokens WHERE parent_id = $1 \
    UNION SELECT t.id FROM oauth_server_access_tokens t JOIN made ON t.parent_id = made.id) \
    UPDATE oauth_server_access_tokens SET revoked_at = $2 \
    WHERE id IN (SELECT id FROM made) AND revoked_at IS NULL RETURNING id";
const REVOKE_OF_CLIENT: &str = "UPDATE oauth_server_access_tokens SET revoked_at = $2 \
    WHERE client_id = $1 AND revoked_at IS NULL RETURNING id";

/// What a token to be exchanged comes from.
#[derive(Debug, sqlx::FromRow)]
pub struct Subject {
    /// Where its grant lets act.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// When the person proved to be there, if that is known.
    pub signed_in_at: Option<Timestamp>,
    /// Who acts in it for whom, if it was exchanged itself.
    #[sqlx(json(nullable))]
    pub actors: Option<Vec<ClientId>>,
}

/// What a grant allows, and for whom it lets act, while it is held.
#[derive(Debug, sqlx::FromRow)]
pub struct Granted {
    /// What it allows.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// For whom it lets act.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
}

/// A token that was made for another one.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The new token.
    pub token: TokenId,
    /// Who was given it.
    pub client: &'a ClientId,
    /// What that one calls itself.
    pub client_name: &'a str,
    /// The token it comes from.
    pub parent: TokenId,
    /// Who acts for whom, the last one first.
    pub actors: &'a [ClientId],
}

/// What is known of a token of an agent's grant.
pub async fn find_subject(conn: &mut Conn, token: TokenId, grant: GrantId) -> Result<Option<Subject>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Subject>(FIND_SUBJECT).bind(token).bind(grant).fetch_optional(c).await)?)
}

/// Holds a grant until the transaction ends, and says what it is by then; `None` when it has been revoked.
pub async fn hold_grant(conn: &mut Conn, grant: GrantId) -> Result<Option<Granted>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Granted>(HOLD_GRANT).bind(grant).fetch_optional(c).await)?)
}

/// Holds a token until the transaction ends; `false` when it has been revoked.
pub async fn hold(conn: &mut Conn, token: TokenId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, TokenId>(HOLD).bind(token).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Notes what a new token was made for.
pub async fn mark(conn: &mut Conn, exchange: &Exchange<'_>) -> Result<()> {
    on!(conn, c => sqlx::query(MARK)
        .bind(exchange.token)
        .bind(exchange.client)
        .bind(exchange.client_name)
        .bind(exchange.parent)
        .bind(Json(exchange.actors))
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Notes that a client was given a token of a grant for another one, for as long as the grant is kept.
pub async fn note_actor(
    conn: &mut Conn,
    grant: GrantId,
    client: &ClientId,
    client_name: &str,
    now: Timestamp,
) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_ACTOR)
        .bind(grant)
        .bind(client)
        .bind(client_name)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The clients that were given tokens of a grant for other ones, with what they call themselves: the latest 20.
pub async fn list_actors(conn: &mut Conn, grant: GrantId) -> Result<Vec<(ClientId, String)>> {
    Ok(on!(conn, c => sqlx::query_as::<_, (ClientId, String)>(LIST_ACTORS).bind(grant).fetch_all(c).await)?)
}

/// Revokes what was made of a token, and of that, and so on: which they are.
pub async fn revoke_from(conn: &mut Conn, token: TokenId, now: Timestamp) -> Result<Vec<TokenId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE_FROM).bind(token).bind(now).fetch_all(c).await)?)
}

/// Revokes what a client was given for tokens of others: which they are.
pub async fn revoke_of_client(conn: &mut Conn, client: &ClientId, now: Timestamp) -> Result<Vec<TokenId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE_OF_CLIENT).bind(client).bind(now).fetch_all(c).await)?)
}
