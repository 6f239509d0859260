//! What clients know people by whom they are not to recognise at others (OpenID Connect Core 1.0 section 8.1).

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, UserId, on};

const CLAIM: &str = "INSERT INTO oauth_server_subjects (sector, user_id, subject, created_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (sector, user_id) DO UPDATE SET created_at = oauth_server_subjects.created_at RETURNING subject";
const FIND_USER: &str = "SELECT user_id FROM oauth_server_subjects WHERE subject = $1";

/// What a person is known by in a sector: this, or what they have been known by since before.
pub async fn claim(conn: &mut Conn, sector: &str, user: UserId, subject: &str, now: Timestamp) -> Result<String> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(CLAIM)
        .bind(sector)
        .bind(user)
        .bind(subject)
        .bind(now)
        .fetch_one(c).await)?)
}

/// The person who is known by this.
pub async fn find_user(conn: &mut Conn, subject: &str) -> Result<Option<UserId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, UserId>(FIND_USER).bind(subject).fetch_optional(c).await)?)
}
