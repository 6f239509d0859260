//! Secrets of clients, and failed attempts to show one.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, on};

use crate::model::client::RegisteredClient;
use crate::model::secret::Rotation;

const SET_END: &str = "UPDATE oauth_server_clients SET secret_expires_at = $2 WHERE id = $1";
const HOLD: &str = "UPDATE oauth_server_clients SET secret_hash = secret_hash WHERE id = $1 RETURNING *";
const ROTATE: &str = "UPDATE oauth_server_clients SET secret_hash = $2, secret_expires_at = $3, \
    previous_secret_hash = CASE WHEN $4 IS NULL THEN NULL ELSE secret_hash END, previous_secret_ends_at = $4 WHERE id = $1";
const FORGET_PREVIOUS: &str = "UPDATE oauth_server_clients SET previous_secret_hash = NULL, previous_secret_ends_at = NULL \
    WHERE previous_secret_ends_at <= $1";

const COUNTED: &str = "SELECT h.failures AS here_failures, h.ends_at AS here_ends_at, \
    a.failures AS address_failures, a.ends_at AS address_ends_at, \
    o.failures AS client_failures, o.ends_at AS client_ends_at FROM (SELECT 1 AS one) asked \
    LEFT JOIN oauth_server_attempts h ON h.key = $1 AND h.ends_at > $4 \
    LEFT JOIN oauth_server_attempts a ON a.key = $2 AND a.ends_at > $4 \
    LEFT JOIN oauth_server_attempts o ON o.key = $3 AND o.ends_at > $4";
const FIND_COUNTED: &str = "SELECT c.*, h.failures AS here_failures, h.ends_at AS here_ends_at, \
    a.failures AS address_failures, a.ends_at AS address_ends_at, \
    o.failures AS client_failures, o.ends_at AS client_ends_at FROM oauth_server_clients c \
    LEFT JOIN oauth_server_attempts h ON h.key = $1 AND h.ends_at > $4 \
    LEFT JOIN oauth_server_attempts a ON a.key = $2 AND a.ends_at > $4 \
    LEFT JOIN oauth_server_attempts o ON o.key = $3 AND o.ends_at > $4 WHERE c.id = $5";
const COUNT: &str = "INSERT INTO oauth_server_attempts (key, failures, ends_at) VALUES ($1, 1, $4), ($2, 1, $4), ($3, 1, $4) \
    ON CONFLICT (key) DO UPDATE SET \
    failures = CASE WHEN oauth_server_attempts.ends_at <= $5 THEN 1 ELSE oauth_server_attempts.failures + 1 END, \
    ends_at = CASE WHEN oauth_server_attempts.ends_at <= $5 THEN excluded.ends_at ELSE oauth_server_attempts.ends_at END";
const PURGE: &str = "DELETE FROM oauth_server_attempts WHERE ends_at <= $1";

/// Notes when the secret of a client ends.
pub async fn set_end(conn: &mut Conn, id: &ClientId, end: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(SET_END).bind(id).bind(end).execute(c).await.map(drop))?;
    Ok(())
}

/// The client, held until the transaction ends.
pub async fn hold(conn: &mut Conn, id: &ClientId) -> Result<Option<RegisteredClient>> {
    Ok(on!(conn, c => sqlx::query_as::<_, RegisteredClient>(HOLD).bind(id).fetch_optional(c).await)?)
}

/// Puts a new secret in the place of the present one, which goes on as the one before it, if it does.
pub async fn rotate(conn: &mut Conn, id: &ClientId, rotation: &Rotation) -> Result<()> {
    on!(conn, c => sqlx::query(ROTATE)
        .bind(id)
        .bind(rotation.hash.as_bytes())
        .bind(rotation.expires_at)
        .bind(rotation.previous_ends_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets secrets that went on beside newer ones up to a moment.
pub async fn forget_previous(conn: &mut Conn, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_PREVIOUS).bind(until).execute(c).await.map(drop))?;
    Ok(())
}

/// How often something has failed under each of the three keys of an attempt, and until when that counts.
#[derive(Debug, sqlx::FromRow)]
pub struct Counts {
    here_failures: Option<i64>,
    here_ends_at: Option<Timestamp>,
    address_failures: Option<i64>,
    address_ends_at: Option<Timestamp>,
    client_failures: Option<i64>,
    client_ends_at: Option<Timestamp>,
}

impl Counts {
    /// Of this client from this address.
    pub fn here(&self) -> Option<(i64, Timestamp)> {
        self.here_failures.zip(self.here_ends_at)
    }

    /// Of this address at all clients.
    pub fn address(&self) -> Option<(i64, Timestamp)> {
        self.address_failures.zip(self.address_ends_at)
    }

    /// Of this client from all addresses.
    pub fn client(&self) -> Option<(i64, Timestamp)> {
        self.client_failures.zip(self.client_ends_at)
    }
}

/// A client, and what is counted of an attempt at it.
#[derive(Debug, sqlx::FromRow)]
pub struct Attempted {
    /// The client.
    #[sqlx(flatten)]
    pub client: RegisteredClient,
    /// What is counted.
    #[sqlx(flatten)]
    pub counts: Counts,
}

/// What is counted now under the keys of one client from here, of this address and of the client.
pub async fn counted(conn: &mut Conn, [here, address, client]: [&[u8]; 3], now: Timestamp) -> Result<Counts> {
    Ok(on!(conn, c => sqlx::query_as::<_, Counts>(COUNTED)
        .bind(here)
        .bind(address)
        .bind(client)
        .bind(now)
        .fetch_one(c).await)?)
}

/// The client of this identifier with the same, in one look.
pub async fn find_counted(
    conn: &mut Conn,
    id: &ClientId,
    [here, address, client]: [&[u8]; 3],
    now: Timestamp,
) -> Result<Option<Attempted>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Attempted>(FIND_COUNTED)
        .bind(here)
        .bind(address)
        .bind(client)
        .bind(now)
        .bind(id)
        .fetch_optional(c).await)?)
}

/// Counts one failure under each of these keys, which are in order, so that nobody waits in a circle. What ended begins anew, until
/// `ends_at`.
pub async fn count(conn: &mut Conn, keys: [&[u8]; 3], ends_at: Timestamp, now: Timestamp) -> Result<()> {
    let [first, second, third] = keys;
    on!(conn, c => sqlx::query(COUNT)
        .bind(first)
        .bind(second)
        .bind(third)
        .bind(ends_at)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what does not count any more.
pub async fn purge_attempts(conn: &mut Conn, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(now).execute(c).await.map(drop))?;
    Ok(())
}
