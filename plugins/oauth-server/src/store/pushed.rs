//! Authorization requests that clients sent ahead.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, TokenHash, on};

const INSERT: &str = "INSERT INTO oauth_server_pushed (handle_hash, client_id, query, created_at, expires_at, taken_at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const TAKE: &str = "UPDATE oauth_server_pushed SET handle_hash = $3, taken_at = $4, expires_at = $5 \
    WHERE handle_hash = $1 AND client_id = $2 AND taken_at IS NULL AND expires_at > $4 RETURNING handle_hash";
const FIND: &str = "SELECT query FROM oauth_server_pushed \
    WHERE handle_hash = $1 AND client_id = $2 AND taken_at IS NOT NULL AND expires_at > $3";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_pushed WHERE client_id = $1";
const PURGE: &str = "DELETE FROM oauth_server_pushed WHERE expires_at < $1";

/// Adds a request. `taken_at`: when a browser brought it, if one has already.
pub async fn insert(
    conn: &mut Conn,
    handle: TokenHash,
    (client, query): (&ClientId, &str),
    now: Timestamp,
    expires_at: Timestamp,
    taken_at: Option<Timestamp>,
) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(handle.as_bytes())
        .bind(client)
        .bind(query)
        .bind(now)
        .bind(expires_at)
        .bind(taken_at)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Takes a request of this client, once and in time, and gives it another handle; whether there was one.
pub async fn take(
    conn: &mut Conn,
    handle: TokenHash,
    client: &ClientId,
    next: TokenHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(TAKE)
        .bind(handle.as_bytes())
        .bind(client)
        .bind(next.as_bytes())
        .bind(now)
        .bind(expires_at)
        .fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// A request of this client that was taken, by its later handle.
pub async fn find(conn: &mut Conn, handle: TokenHash, client: &ClientId, now: Timestamp) -> Result<Option<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(FIND)
        .bind(handle.as_bytes())
        .bind(client)
        .bind(now)
        .fetch_optional(c).await)?)
}

/// Forgets the requests of a client.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets requests that ended before a moment.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
