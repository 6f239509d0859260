//! Proofs of keys that were used (RFC 9449 section 11.1).

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const RESERVE: &str = "INSERT INTO oauth_server_proofs (proof_hash, expires_at) VALUES ($1, $2) \
    ON CONFLICT DO NOTHING RETURNING proof_hash";
const HAS_OLD: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM oauth_server_proofs WHERE expires_at < $1 LIMIT 1) AS found";
const PURGE: &str = "DELETE FROM oauth_server_proofs WHERE expires_at < $1";

/// Takes a proof; `false` when it was taken before.
pub async fn reserve(conn: &mut Conn, hash: &[u8; 32], until: Timestamp) -> Result<bool> {
    let taken = on!(conn, c => sqlx::query_scalar::<_, Vec<u8>>(RESERVE)
        .bind(hash.as_slice())
        .bind(until)
        .fetch_optional(c).await)?;
    Ok(taken.is_some())
}

/// Whether there are proofs that ended before a moment.
pub async fn has_old(conn: &mut Conn, before: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(HAS_OLD).bind(before).fetch_one(c).await)? > 0)
}

/// Forgets them.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}
