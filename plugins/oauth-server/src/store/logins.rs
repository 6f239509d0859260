//! Which clients were told in which browser session who the person is.

use belgie_api::db::Conn;
use belgie_api::{ClientId, Result, SessionId, Timestamp, UserId, on};

const ENTER: &str = "INSERT INTO oauth_server_logins (session_id, client_id, user_id, sid, subject, checked_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (session_id, client_id) DO UPDATE SET checked_at = excluded.checked_at \
    RETURNING sid";
const FIND_SID: &str = "SELECT sid FROM oauth_server_logins WHERE session_id = $1 AND client_id = $2";
const TAKE_OF_SESSION: &str = "DELETE FROM oauth_server_logins WHERE session_id = $1 RETURNING client_id, sid, subject";
const TAKE_OF_USER: &str = "DELETE FROM oauth_server_logins WHERE user_id = $1 RETURNING client_id, sid, subject";
const LIST_UNCHECKED: &str =
    "SELECT DISTINCT session_id, user_id FROM oauth_server_logins WHERE checked_at < $1 LIMIT $2";
const NOTE_CHECK: &str = "UPDATE oauth_server_logins SET checked_at = $2 WHERE session_id = $1";
const DELETE_OF_CLIENT: &str = "DELETE FROM oauth_server_logins WHERE client_id = $1";

/// A client that is told of a person in a browser session.
#[derive(Debug)]
pub struct NewLogin<'a> {
    /// The session.
    pub session: SessionId,
    /// The client.
    pub client: &'a ClientId,
    /// The person.
    pub user: UserId,
    /// What the client is to know the session by, if it is the first time.
    pub sid: String,
    /// What the client knows the person by.
    pub subject: &'a str,
}

/// A client that was told.
#[derive(Debug, sqlx::FromRow)]
pub struct Login {
    /// The client.
    pub client_id: ClientId,
    /// What it knows the session by.
    pub sid: String,
    /// What it knows the person by.
    pub subject: String,
}

/// Notes that a client is told; what it knows the session by, from now on or since before.
pub async fn enter(conn: &mut Conn, login: NewLogin<'_>, now: Timestamp) -> Result<String> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(ENTER)
        .bind(login.session)
        .bind(login.client)
        .bind(login.user)
        .bind(&login.sid)
        .bind(login.subject)
        .bind(now)
        .fetch_one(c).await)?)
}

/// What a client knows a session by, if it was told in it.
pub async fn find_sid(conn: &mut Conn, session: SessionId, client: &ClientId) -> Result<Option<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(FIND_SID).bind(session).bind(client).fetch_optional(c).await)?)
}

/// Takes the clients of a session that has ended; each is taken once.
pub async fn take_of_session(conn: &mut Conn, session: SessionId) -> Result<Vec<Login>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Login>(TAKE_OF_SESSION).bind(session).fetch_all(c).await)?)
}

/// Takes the clients of all sessions of a person.
pub async fn take_of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Login>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Login>(TAKE_OF_USER).bind(user).fetch_all(c).await)?)
}

/// Sessions that were not looked at since a moment, so many at most.
pub async fn list_unchecked(conn: &mut Conn, since: Timestamp, most: i64) -> Result<Vec<(SessionId, UserId)>> {
    Ok(
        on!(conn, c => sqlx::query_as::<_, (SessionId, UserId)>(LIST_UNCHECKED).bind(since).bind(most).fetch_all(c).await)?,
    )
}

/// Notes that a session was looked at.
pub async fn note_check(conn: &mut Conn, session: SessionId, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE_CHECK).bind(session).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets a client.
pub async fn delete_of_client(conn: &mut Conn, client: &ClientId) -> Result<()> {
    on!(conn, c => sqlx::query(DELETE_OF_CLIENT).bind(client).execute(c).await.map(drop))?;
    Ok(())
}
