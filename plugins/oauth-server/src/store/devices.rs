//! Devices that wait for a person, and how often somebody has typed a code.

use belgie_api::db::Conn;
use belgie_api::{ClientId, GrantId, OrgId, Result, SessionId, Timestamp, TokenHash, UserId, on};
use sqlx::types::Json;

use super::interactions::Answerer;
use super::unspent::Unspent;
use crate::model::request::AuthorizationRequest;

const INSERT: &str = "INSERT INTO oauth_server_devices \
    (device_hash, user_code_hash, client_id, request, created_at, expires_at, interval_seconds) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING device_hash";
const FIND_WAITING: &str = "SELECT device_hash, request FROM oauth_server_devices WHERE user_code_hash = $1 \
    AND user_id IS NULL AND denied_at IS NULL AND expires_at > $2";
const FIND: &str = "SELECT * FROM oauth_server_devices WHERE device_hash = $1 AND client_id = $2";
// Writes nothing new, and holds the row until the transaction ends: two questions of one device follow each other.
const HOLD: &str = "UPDATE oauth_server_devices SET interval_seconds = interval_seconds \
    WHERE device_hash = $1 AND client_id = $2 RETURNING *";
const APPROVE: &str = "UPDATE oauth_server_devices SET user_id = $2, session_id = $3, request = $4 \
    WHERE device_hash = $1 AND user_id IS NULL AND denied_at IS NULL AND expires_at > $5 RETURNING device_hash";
const DENY: &str = "UPDATE oauth_server_devices SET denied_at = $2 \
    WHERE device_hash = $1 AND user_id IS NULL AND denied_at IS NULL RETURNING device_hash";
const NOTE_POLL: &str =
    "UPDATE oauth_server_devices SET next_poll_at = $2, interval_seconds = $3 WHERE device_hash = $1";
const CONSUME: &str = "UPDATE oauth_server_devices SET grant_id = $2 \
    WHERE device_hash = $1 AND grant_id IS NULL RETURNING device_hash";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_devices WHERE client_id = $1";
const DELETE_WAITING: &str = "DELETE FROM oauth_server_devices WHERE client_id = $1 AND grant_id IS NULL";
const DELETE_UNSPENT: &str =
    "DELETE FROM oauth_server_devices WHERE user_id = $1 AND client_id = $2 AND grant_id IS NULL";
const LIST_UNSPENT: &str = "SELECT device_hash, request FROM oauth_server_devices \
    WHERE user_id = $1 AND client_id = $2 AND grant_id IS NULL";
const DELETE: &str = "DELETE FROM oauth_server_devices WHERE device_hash = $1 AND grant_id IS NULL";
const PURGE: &str = "DELETE FROM oauth_server_devices WHERE expires_at < $1 AND NOT EXISTS \
    (SELECT 1 FROM oauth_server_grants WHERE oauth_server_grants.id = oauth_server_devices.grant_id)";

const GUESS: &str = "INSERT INTO oauth_server_guesses (key_hash, guesses, expires_at) VALUES ($1, 1, $3) \
    ON CONFLICT (key_hash) DO UPDATE SET \
    guesses = CASE WHEN oauth_server_guesses.expires_at <= $2 THEN 1 ELSE oauth_server_guesses.guesses + 1 END, \
    expires_at = CASE WHEN oauth_server_guesses.expires_at <= $2 THEN $3 ELSE oauth_server_guesses.expires_at END \
    RETURNING guesses";
const PURGE_GUESSES: &str = "DELETE FROM oauth_server_guesses WHERE expires_at < $1";

/// A device that waits, or waited.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredDevice {
    /// What it asks for; what the person gave it, once they have.
    #[sqlx(json)]
    pub request: AuthorizationRequest,
    /// When it waits no longer.
    pub expires_at: Timestamp,
    /// How long it is to wait between two questions.
    pub interval_seconds: i64,
    /// When it may ask again.
    pub next_poll_at: Option<Timestamp>,
    /// Who allowed it.
    pub user_id: Option<UserId>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// When it was denied.
    pub denied_at: Option<Timestamp>,
    /// What was made of it.
    pub grant_id: Option<GrantId>,
}

impl StoredDevice {
    /// Who allowed it, and in which session, if somebody has.
    pub fn answerer(&self) -> Option<Answerer> {
        self.user_id.zip(self.session_id).map(|(user, session)| Answerer { user, session })
    }
}

/// A device that begins to wait.
#[derive(Debug)]
pub struct NewDevice<'a> {
    /// What is kept of its code.
    pub device: TokenHash,
    /// What is kept of the code people type.
    pub user_code: &'a [u8; 32],
    /// What it asks for.
    pub request: &'a AuthorizationRequest,
    /// When it began.
    pub now: Timestamp,
    /// When it waits no longer.
    pub expires_at: Timestamp,
    /// How long it is to wait between two questions, in seconds.
    pub interval: i64,
}

/// Adds a device; `false` when another one has this code.
pub async fn insert(conn: &mut Conn, new: &NewDevice<'_>) -> Result<bool> {
    let added = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(INSERT)
        .bind(new.device.as_bytes())
        .bind(new.user_code.as_slice())
        .bind(&new.request.client.id)
        .bind(Json(new.request))
        .bind(new.now)
        .bind(new.expires_at)
        .bind(new.interval)
        .fetch_optional(c).await)?;
    Ok(added.is_some())
}

/// The device people mean by a code, while nobody has answered it: what is kept of its own code, and what it asks for.
pub async fn find_waiting(
    conn: &mut Conn,
    user_code: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Vec<u8>, AuthorizationRequest)>> {
    let found = on!(conn, c => sqlx::query_as::<_, (Vec<u8>, Json<AuthorizationRequest>)>(FIND_WAITING)
        .bind(user_code.as_slice())
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.map(|(device, request)| (device, request.0)))
}

/// A device of this client.
pub async fn find(conn: &mut Conn, device: TokenHash, client: &ClientId) -> Result<Option<StoredDevice>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredDevice>(FIND)
        .bind(device.as_bytes())
        .bind(client)
        .fetch_optional(c).await)?)
}

/// The same, held until the transaction ends.
pub async fn hold(conn: &mut Conn, device: TokenHash, client: &ClientId) -> Result<Option<StoredDevice>> {
    Ok(on!(conn, c => sqlx::query_as::<_, StoredDevice>(HOLD)
        .bind(device.as_bytes())
        .bind(client)
        .fetch_optional(c).await)?)
}

/// Lets a device in, once, in time, and unless somebody has answered; whether it was.
pub async fn approve(
    conn: &mut Conn,
    device: &[u8],
    answerer: Answerer,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(APPROVE)
        .bind(device)
        .bind(answerer.user)
        .bind(answerer.session)
        .bind(Json(request))
        .bind(now)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Turns a device away, unless somebody has answered; whether it was.
pub async fn deny(conn: &mut Conn, device: &[u8], now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(DENY).bind(device).bind(now).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Notes when a device may ask again, and how long it is to wait from now on.
pub async fn note_poll(conn: &mut Conn, device: TokenHash, next: Timestamp, interval: i64) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_POLL)
        .bind(device.as_bytes())
        .bind(next)
        .bind(interval)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes a device's code, once, for the grant that is about to be made of it.
pub async fn consume(conn: &mut Conn, device: TokenHash, grant: GrantId) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(CONSUME)
        .bind(device.as_bytes())
        .bind(grant)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Forgets the devices of a client.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets the devices of a client that have not been let in yet. Of others the codes are still known, should they come again.
pub async fn delete_waiting_of(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_WAITING).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what a person has allowed a client's devices that have not asked since.
pub async fn delete_unspent(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_UNSPENT).bind(user).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets those of them that are for an organization. Only the request says so.
pub async fn delete_unspent_within(
    conn: &mut Conn,
    user: UserId,
    client: &ClientId,
    organization: OrgId,
) -> Result<()> {
    Unspent { list: LIST_UNSPENT, delete: DELETE }.delete_within(conn, user, client, organization).await
}

/// Forgets devices that waited until before a moment and whose grant is gone: their codes would change nothing.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}

/// Counts a guess: how many there were, with this one, since counting began.
pub async fn count_guess(conn: &mut Conn, key: &[u8; 32], now: Timestamp, until: Timestamp) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(GUESS)
        .bind(key.as_slice())
        .bind(now)
        .bind(until)
        .fetch_one(c).await)?)
}

/// Forgets guesses that count no longer.
pub async fn purge_guesses(conn: &mut Conn, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE_GUESSES).bind(now).execute(c).await.map(drop))?;
    Ok(())
}
