//! Access, personal and refresh tokens. A token is in force only while its grant is, so every look-up joins it.

use belgie_api::db::Conn;
use belgie_api::plugin::ScopeHierarchy;
use belgie_api::{ClientId, GrantId, OrgId, Result, ScopeSet, Timestamp, TokenHash, TokenId, UserId, on};
use sqlx::types::Json;

use crate::model::grant::{BindingColumns, LiveToken, Told};

const INSERT_ACCESS: &str = "INSERT INTO oauth_server_access_tokens \
    (id, token_hash, grant_id, scopes, resources, created_at, expires_at, key_id, key_thumbprint) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const FIND_LIVE: &str = "SELECT t.id, t.grant_id, t.scopes, t.resources, t.expires_at, t.key_thumbprint, \
    g.user_id, COALESCE(t.client_id, g.client_id) AS client_id, COALESCE(t.client_name, g.client_name) AS client_name, \
    g.last_used_at, g.subject, g.organization_id, g.team_ids, g.membership_ids, g.scopes AS granted, t.actors \
    FROM oauth_server_access_tokens t JOIN oauth_server_grants g ON g.id = t.grant_id \
    WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 AND g.revoked_at IS NULL AND g.ends_at > $2";
const ACCESS_OWNER: &str = "SELECT t.id, t.grant_id, COALESCE(t.client_id, g.client_id) AS client_id, g.user_id, g.organization_id \
    FROM oauth_server_access_tokens t JOIN oauth_server_grants g ON g.id = t.grant_id WHERE t.token_hash = $1";
const REVOKE_ACCESS: &str = "UPDATE oauth_server_access_tokens SET revoked_at = $2 \
    WHERE id = $1 AND revoked_at IS NULL RETURNING id";
const REVOKE_SIGNED: &str = "UPDATE oauth_server_access_tokens SET revoked_at = $2 \
    WHERE key_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id";
const LIST_PERSONAL: &str = "SELECT t.id, t.grant_id, t.scopes, t.resources, t.expires_at, t.key_thumbprint, \
    g.user_id, g.client_id, g.client_name, g.last_used_at, g.subject, g.organization_id, g.team_ids, g.membership_ids \
    FROM oauth_server_access_tokens t JOIN oauth_server_grants g ON g.id = t.grant_id \
    WHERE g.user_id = $1 AND g.kind = 'personal' AND t.revoked_at IS NULL AND g.revoked_at IS NULL \
    AND t.expires_at > $2 ORDER BY t.created_at DESC, t.id LIMIT 1000";
const PERSONAL_GRANT: &str = "SELECT g.id FROM oauth_server_access_tokens t \
    JOIN oauth_server_grants g ON g.id = t.grant_id WHERE t.id = $1 AND g.kind = 'personal'";
const PURGE_ACCESS: &str = "DELETE FROM oauth_server_access_tokens WHERE expires_at < $1";

const INSERT_REFRESH: &str = "INSERT INTO oauth_server_refresh_tokens \
    (token_hash, grant_id, previous_hash, created_at, expires_at, key_thumbprint) VALUES ($1, $2, $3, $4, $5, $6)";
const FIND_REFRESH: &str = "SELECT r.grant_id, r.expires_at, r.consumed_at, r.answer, r.key_thumbprint, g.user_id, g.client_id, g.scopes, \
    g.resources, g.ends_at, g.revoked_at, g.signed_in_at, g.id_token_algorithm, g.signed_in_by, g.sid, g.subject, \
    g.organization_id, g.team_ids, g.membership_ids \
    FROM oauth_server_refresh_tokens r JOIN oauth_server_grants g ON g.id = r.grant_id WHERE r.token_hash = $1";
const CONSUME_REFRESH: &str = "UPDATE oauth_server_refresh_tokens SET consumed_at = $2 \
    WHERE token_hash = $1 AND consumed_at IS NULL RETURNING previous_hash";
const KEEP_ANSWER: &str = "UPDATE oauth_server_refresh_tokens \
    SET answer = CASE WHEN token_hash = $1 THEN $2 END \
    WHERE token_hash = $1 OR (token_hash = $3 AND answer IS NOT NULL)";
const HAS_OLD_ANSWERS: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM oauth_server_refresh_tokens \
    WHERE answer IS NOT NULL AND consumed_at <= $1 LIMIT 1) AS found";
const PURGE_ANSWERS: &str = "UPDATE oauth_server_refresh_tokens SET answer = NULL \
    WHERE answer IS NOT NULL AND consumed_at <= $1";

/// A new access or personal token.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Its row.
    pub id: TokenId,
    /// What is kept of it.
    pub hash: TokenHash,
    /// Where it comes from.
    pub grant: GrantId,
    /// What it may be used for.
    pub scopes: &'a ScopeSet,
    /// Where it may be used.
    pub resources: &'a [String],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What signed it; nothing for an opaque one.
    pub key: Option<&'a str>,
    /// The thumbprint of the key whose holder alone may use it (RFC 9449), if it is bound to one.
    pub bound_to: Option<&'a str>,
}

/// To whom an access or personal token was given.
#[derive(Debug, sqlx::FromRow)]
pub struct Owner {
    /// The token's row.
    pub id: TokenId,
    /// Its grant.
    pub grant_id: GrantId,
    /// The client.
    pub client_id: ClientId,
    /// Whose.
    pub user_id: UserId,
    /// For which organization it lets act.
    pub organization_id: Option<OrgId>,
}

/// A refresh token with its grant.
#[derive(Debug, sqlx::FromRow)]
pub struct RefreshToken {
    /// Its grant.
    pub grant_id: GrantId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was spent.
    pub consumed_at: Option<Timestamp>,
    /// What was answered then, sealed under the token, while it may be said again.
    pub answer: Option<Vec<u8>>,
    /// The thumbprint of the key whose holder alone may use it, if it is bound to one.
    pub key_thumbprint: Option<String>,
    /// Whose grant it is.
    pub user_id: UserId,
    /// To whom the grant was given.
    pub client_id: ClientId,
    /// What the grant allows.
    #[sqlx(json)]
    pub scopes: ScopeSet,
    /// Where the grant allows it.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// When the grant ends whatever happens.
    pub ends_at: Timestamp,
    /// When the grant was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When the person proved to be there in the session in which the grant was given.
    pub signed_in_at: Option<Timestamp>,
    /// What its id tokens say.
    #[sqlx(flatten)]
    pub told: Told,
    /// For whom the grant lets act.
    #[sqlx(flatten)]
    pub binding: BindingColumns,
}

impl RefreshToken {
    /// Whether whoever has shown this key, or none, may use it.
    pub fn is_used_by(&self, key: Option<&str>) -> bool {
        self.key_thumbprint.is_none() || self.key_thumbprint.as_deref() == key
    }

    /// Whether its grant is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.ends_at <= now
    }
}

/// Adds an access or personal token.
pub async fn insert_access(conn: &mut Conn, token: &NewToken<'_>) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT_ACCESS)
        .bind(token.id)
        .bind(token.hash.as_bytes())
        .bind(token.grant)
        .bind(Json(token.scopes))
        .bind(Json(token.resources))
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(token.key)
        .bind(token.bound_to)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The access or personal token of this hash, if it and its grant are in force. `hierarchy`: what scopes imply.
pub async fn find_live(
    conn: &mut Conn,
    hash: TokenHash,
    now: Timestamp,
    hierarchy: &ScopeHierarchy,
) -> Result<Option<LiveToken>> {
    let found = on!(conn, c => sqlx::query_as::<_, Held>(FIND_LIVE)
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.map(|Held { mut token, granted, actors }| {
        token.actors = actors.unwrap_or_default();
        // The person may have let the grant do less since the token was made, or while it was.
        token.scopes = token.scopes.intersection(&hierarchy.closed(&granted));
        token
    }))
}

/// A token in force, and what its grant allows now.
#[derive(sqlx::FromRow)]
struct Held {
    #[sqlx(flatten)]
    token: LiveToken,
    #[sqlx(json)]
    granted: ScopeSet,
    #[sqlx(json(nullable))]
    actors: Option<Vec<ClientId>>,
}

/// To whom the access or personal token of this hash was given, in force or not.
pub async fn find_owner(conn: &mut Conn, hash: TokenHash) -> Result<Option<Owner>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Owner>(ACCESS_OWNER).bind(hash.as_bytes()).fetch_optional(c).await)?)
}

/// Revokes one access token; `false` when it was revoked before.
pub async fn revoke_access(conn: &mut Conn, token: TokenId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE_ACCESS)
        .bind(token)
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Revokes every access token in force that a key has signed; which.
pub async fn revoke_signed(conn: &mut Conn, key: &str, now: Timestamp) -> Result<Vec<TokenId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, TokenId>(REVOKE_SIGNED).bind(key).bind(now).fetch_all(c).await)?)
}

/// The personal tokens of a person that are in force, newest first.
pub async fn list_personal(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<LiveToken>> {
    Ok(on!(conn, c => sqlx::query_as::<_, LiveToken>(LIST_PERSONAL).bind(user).bind(now).fetch_all(c).await)?)
}

/// The grant of a personal token.
pub async fn find_personal_grant(conn: &mut Conn, token: TokenId) -> Result<Option<GrantId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, GrantId>(PERSONAL_GRANT).bind(token).fetch_optional(c).await)?)
}

/// Forgets access tokens that ended before a moment.
pub async fn purge_access(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE_ACCESS).bind(before).execute(c).await.map(drop))?;
    Ok(())
}

/// A new refresh token.
#[derive(Debug)]
pub struct NewRefresh<'a> {
    /// What is kept of it.
    pub hash: TokenHash,
    /// Where it comes from.
    pub grant: GrantId,
    /// The one it was given for; there is one for each at most.
    pub previous: Option<TokenHash>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The thumbprint of the key whose holder alone may use it, if it is bound to one.
    pub bound_to: Option<&'a str>,
}

/// Adds a refresh token.
pub async fn insert_refresh(conn: &mut Conn, token: &NewRefresh<'_>) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT_REFRESH)
        .bind(token.hash.as_bytes())
        .bind(token.grant)
        .bind(token.previous.as_ref().map(TokenHash::as_bytes))
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(token.bound_to)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The refresh token of this hash, spent or not, with its grant.
pub async fn find_refresh(conn: &mut Conn, hash: TokenHash) -> Result<Option<RefreshToken>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RefreshToken>(FIND_REFRESH).bind(hash.as_bytes()).fetch_optional(c).await)?)
}

/// Spends a refresh token, once: the one it was given for, if there is one; `None` when somebody else was first.
pub async fn consume_refresh(conn: &mut Conn, hash: TokenHash, now: Timestamp) -> Result<Option<Previous>> {
    let spent = on!(conn, c => sqlx::query_scalar::<_, Option<Vec<u8>>>(CONSUME_REFRESH)
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(spent.map(Previous))
}

/// What is kept of the refresh token before one that was spent, if there was one.
#[derive(Debug)]
pub struct Previous(Option<Vec<u8>>);

/// Keeps what a refresh token was answered, if it may be said again, and forgets what the one before it was answered: from here on
/// that is in two hands when it comes again.
pub async fn keep_answer(
    conn: &mut Conn,
    hash: TokenHash,
    answer: Option<&[u8]>,
    Previous(previous): &Previous,
) -> Result<()> {
    on!(conn, c => sqlx::query(KEEP_ANSWER)
        .bind(hash.as_bytes())
        .bind(answer)
        .bind(previous)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Whether there are answers to tokens that were spent up to a moment.
pub async fn has_old_answers(conn: &mut Conn, until: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS_OLD_ANSWERS).bind(until).fetch_one(c).await)? > 0)
}

/// Forgets them.
pub async fn purge_answers(conn: &mut Conn, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE_ANSWERS).bind(until).execute(c).await.map(drop))?;
    Ok(())
}
