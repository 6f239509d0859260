//! What is still to be told to Stripe about an account.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};
use uuid::Uuid;

use crate::model::subject::Columns;

const ADD: &str = "INSERT INTO stripe_chores (subject_kind, subject_id, organization_id, chore, due_at, attempts) \
    VALUES ($1, $2, $3, $4, $5, 0) \
    ON CONFLICT (subject_kind, subject_id, chore) DO UPDATE SET due_at = excluded.due_at, attempts = 0";
const ADD_FOR_CUSTOMERS: &str = "INSERT INTO stripe_chores (subject_kind, subject_id, organization_id, chore, due_at, attempts) \
    SELECT subject_kind, subject_id, organization_id, $2, $3, 0 FROM stripe_customers \
    WHERE subject_id = $1 OR organization_id = $1 \
    ON CONFLICT (subject_kind, subject_id, chore) DO UPDATE SET due_at = excluded.due_at, attempts = 0";
const ANY_DUE: &str = "SELECT EXISTS (SELECT 1 FROM stripe_chores WHERE due_at <= $1)";
const CLAIM: &str = "UPDATE stripe_chores SET due_at = $2, attempts = attempts + 1 \
    WHERE (subject_kind, subject_id, chore) IN (SELECT subject_kind, subject_id, chore FROM stripe_chores \
    WHERE due_at <= $1 ORDER BY due_at, subject_id, chore LIMIT $3) AND due_at <= $1 \
    RETURNING subject_kind, subject_id, organization_id, chore, due_at, attempts";
const POSTPONE: &str = "UPDATE stripe_chores SET due_at = $5 \
    WHERE subject_kind = $1 AND subject_id = $2 AND chore = $3 AND due_at = $4";
const DONE: &str =
    "DELETE FROM stripe_chores WHERE subject_kind = $1 AND subject_id = $2 AND chore = $3 AND due_at = $4";

/// Something that is to be told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Chore {
    /// About whom.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// `customer`, `seats`, `lines`, `metered`, `schedule` or `close`.
    pub chore: String,
    /// Until when it is ours.
    pub due_at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// Adds one; what waits already is done at once.
pub async fn add(conn: &mut Conn, subject: &Columns, chore: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(ADD)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(subject.organization_id)
        .bind(chore)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Adds one for every customer that is this account, or a team of this organization.
pub async fn add_for_customers(conn: &mut Conn, id: Uuid, chore: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(ADD_FOR_CUSTOMERS).bind(id).bind(chore).bind(now).execute(c).await.map(drop))?;
    Ok(())
}

/// Whether anything is due: most of the time nothing is, and nobody need write to find that out.
pub async fn is_any_due(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, bool>(ANY_DUE).bind(now).fetch_one(c).await)?)
}

/// Takes what is due, until `until`.
pub async fn claim(conn: &mut Conn, now: Timestamp, until: Timestamp, most: i64) -> Result<Vec<Chore>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Chore>(CLAIM).bind(now).bind(until).bind(most).fetch_all(c).await)?)
}

/// Puts one off, unless somebody has asked for it anew.
pub async fn postpone(conn: &mut Conn, chore: &Chore, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(POSTPONE)
        .bind(&chore.subject.subject_kind)
        .bind(chore.subject.subject_id)
        .bind(&chore.chore)
        .bind(chore.due_at)
        .bind(until)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets one that is done, unless somebody has asked for it anew.
pub async fn done(conn: &mut Conn, chore: &Chore) -> Result<()> {
    on!(conn, c => sqlx::query(DONE)
        .bind(&chore.subject.subject_kind)
        .bind(chore.subject.subject_id)
        .bind(&chore.chore)
        .bind(chore.due_at)
        .execute(c).await.map(drop))?;
    Ok(())
}
