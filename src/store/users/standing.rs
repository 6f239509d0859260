//! Who may be here at all, and who runs the place.

use belgie_api::db::Conn;
use belgie_api::{Result, ScopeSet, Timestamp, UserId, on};

const BAN: &str = "UPDATE core_users SET banned_at = $2, banned_until = $3, ban_reason = $4, \
     ban_notice = $5, updated_at = $2 WHERE id = $1";
const UNBAN: &str = "UPDATE core_users SET banned_at = NULL, banned_until = NULL, ban_reason = NULL, \
     ban_notice = NULL, updated_at = $2 WHERE id = $1 AND banned_at IS NOT NULL";
const HOLDERS: &str = "SELECT id FROM core_users WHERE CAST(scopes AS TEXT) LIKE $1 ORDER BY id";
const LOCK_HOLDER: &str = "UPDATE core_users SET updated_at = updated_at WHERE id = $1 AND CAST(scopes AS TEXT) LIKE $2 \
     RETURNING id, scopes, banned_at, banned_until";

/// Somebody who holds a scope.
#[derive(Debug, sqlx::FromRow)]
pub struct Holder {
    /// The account.
    pub id: UserId,
    #[sqlx(json)]
    scopes: ScopeSet,
    banned_at: Option<Timestamp>,
    banned_until: Option<Timestamp>,
}

impl Holder {
    /// Whether the account holds the scope and is not banned at this moment.
    #[must_use]
    pub fn is_active(&self, scope: &str, now: Timestamp) -> bool {
        let is_banned = self.banned_at.is_some() && self.banned_until.is_none_or(|until| now < until);
        self.scopes.has_named(scope) && !is_banned
    }
}

/// Bans an account, until a moment or for good; `false` when there is none. `reason`: for operators; `notice`: for the
/// person.
///
/// # Errors
/// When the database does not answer.
pub async fn ban(
    conn: &mut Conn,
    user: UserId,
    now: Timestamp,
    until: Option<Timestamp>,
    (reason, notice): (&str, &str),
) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(BAN)
        .bind(user)
        .bind(now)
        .bind(until)
        .bind(reason)
        .bind(notice)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Takes a ban back; `false` when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn unban(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<bool> {
    let rows = on!(conn, c => sqlx::query(UNBAN)
        .bind(user)
        .bind(now)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

/// Everybody who may hold a scope, each locked until the transaction ends: two transactions that look before they take
/// one away come one after the other, and the second sees what the first has done. They are locked one by one in the order of
/// their ids, which one statement for all of them does not promise: nobody waits in a circle.
///
/// # Errors
/// When the database does not answer.
pub async fn lock_holders(conn: &mut Conn, scope: &str) -> Result<Vec<Holder>> {
    // Scopes are kept as a JSON list, and no scope holds a quotation mark (RFC 6749 section 3.3).
    let pattern = format!("%\"{scope}\"%");
    let ids = on!(conn, c => sqlx::query_scalar::<_, UserId>(HOLDERS).bind(&pattern).fetch_all(c).await)?;
    let mut holders = Vec::with_capacity(ids.len());
    for id in ids {
        let found =
            on!(conn, c => sqlx::query_as::<_, Holder>(LOCK_HOLDER).bind(id).bind(&pattern).fetch_optional(c).await)?;
        holders.extend(found);
    }
    Ok(holders)
}
