//! Clients that people have said no to, or that were cut off or made to do less, and have not been let in by hand since.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, Timestamp, UserId, on};

// Only registered clients are ever trusted, so a no to another one is asked for again anyway.
const REMEMBER: &str = "INSERT INTO oauth_server_denials (user_id, client_id, denied_at) \
    SELECT $1, id, $3 FROM oauth_server_clients WHERE id = $2 \
    ON CONFLICT (user_id, client_id) DO UPDATE SET denied_at = excluded.denied_at";
const HAS: &str = "SELECT COUNT(*) FROM oauth_server_denials WHERE user_id = $1 AND client_id = $2";
const FORGET: &str = "DELETE FROM oauth_server_denials WHERE user_id = $1 AND client_id = $2";
const FORGET_OF_USER: &str = "DELETE FROM oauth_server_denials WHERE user_id = $1";

/// Remembers that a person is to be asked about a client, whoever vouches for it.
pub async fn remember(conn: &mut Conn, user: UserId, client: &ClientId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(REMEMBER).bind(user).bind(client).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether a person is to be asked about a client: they have not let it in by hand since it was remembered.
pub async fn has(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS).bind(user).bind(client).fetch_one(c).await)? > 0)
}

/// Forgets it: the person has let the client in.
pub async fn forget(conn: &mut Conn, user: UserId, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET).bind(user).bind(client).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets all of a person.
pub async fn forget_of_user(conn: &mut Conn, user: UserId) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_OF_USER).bind(user).execute(c).await.map(drop))?;
    Ok(())
}
