//! Calls that were counted: the ledger, and what Stripe is still to be told of.

use belgie_api::db::Conn;
use belgie_api::{ClientId, MeteredId, Result, Timestamp, UserId, on};

use crate::model::meter::{Entry, Place};
use crate::model::subject::Columns;
use crate::store::meter_usage::{OfPlan, Stand};

/// How it stands with the share of the plan: as a trigger has noted it in the row, or as it is found where the statement sees what
/// triggers have done (see the migration `shares`).
macro_rules! of_plan {
    ($column:literal) => {
        concat!(
            "COALESCE(plan_",
            $column,
            ", (SELECT own.",
            $column,
            " FROM stripe_meter_usage AS own \
             WHERE own.subject_kind = stripe_meter_calls.subject_kind AND own.subject_id = stripe_meter_calls.subject_id \
             AND own.meter = stripe_meter_calls.meter AND own.period_start = stripe_meter_calls.period_start \
             AND own.level = 'plan' AND own.level_id = '')) AS ",
            $column
        )
    };
}

/// Triggers take the units from every share, or keep the row from being written.
const RESERVE: &str = concat!(
    "INSERT INTO stripe_meter_calls (id, subject_kind, subject_id, organization_id, meter, period_start, units, name, \
     user_id, client_id, levels, reserved_at, lease_until, event_name, attempts) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0) RETURNING ",
    of_plan!("used"),
    ", ",
    of_plan!("reserved"),
    ", ",
    of_plan!("noted_included"),
    ", ",
    of_plan!("noted_percent")
);
const COMMIT: &str = concat!(
    "UPDATE stripe_meter_calls SET committed_at = $2, lease_until = NULL, \
     due_at = CASE WHEN event_name IS NULL THEN NULL ELSE $3 END \
     WHERE id = $1 AND committed_at IS NULL AND released_at IS NULL RETURNING ",
    of_plan!("used"),
    ", ",
    of_plan!("reserved")
);
const FIND_COMMITTED: &str = concat!(
    "SELECT ",
    of_plan!("used"),
    ", ",
    of_plan!("reserved"),
    " FROM stripe_meter_calls WHERE id = $1 AND committed_at IS NOT NULL"
);
const RELEASE: &str = "UPDATE stripe_meter_calls SET released_at = $2, lease_until = NULL, note = $3 \
    WHERE id = $1 AND committed_at IS NULL AND released_at IS NULL";
/// Takes from no share; where the call has begun all the same, what it took comes back.
const PREVENT: &str = "INSERT INTO stripe_meter_calls (id, subject_kind, subject_id, organization_id, meter, period_start, units, \
    name, user_id, client_id, levels, reserved_at, released_at, note, attempts) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '[]', $11, $11, $12, 0) \
    ON CONFLICT (id) DO UPDATE SET released_at = excluded.released_at, lease_until = NULL, note = excluded.note \
    WHERE stripe_meter_calls.committed_at IS NULL AND stripe_meter_calls.released_at IS NULL";
const PROLONG: &str = "UPDATE stripe_meter_calls SET lease_until = $2 WHERE id = $1 AND lease_until IS NOT NULL";
const ORPHANS: &str = "SELECT id FROM stripe_meter_calls WHERE lease_until < $1 ORDER BY lease_until, id LIMIT 64";
const CLAIM: &str = "UPDATE stripe_meter_calls SET due_at = $2, attempts = attempts + 1, \
    unsure_since = COALESCE(unsure_since, $4) WHERE id IN ( \
    SELECT id FROM stripe_meter_calls WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3) \
    AND due_at <= $1 RETURNING *";
const SENT: &str = "UPDATE stripe_meter_calls SET sent_at = $2, due_at = NULL, unsure_since = NULL, given_up_at = NULL, \
    note = $3 WHERE id = $1";
const LATER: &str = "UPDATE stripe_meter_calls SET due_at = $2, unsure_since = $3, note = $4 \
    WHERE id = $1 AND sent_at IS NULL AND given_up_at IS NULL";
const GIVE_UP: &str = "UPDATE stripe_meter_calls SET given_up_at = $2, due_at = NULL, note = $3 \
    WHERE id = $1 AND sent_at IS NULL";
const AGAIN: &str = "UPDATE stripe_meter_calls SET given_up_at = NULL, unsure_since = NULL, due_at = $2 \
    WHERE given_up_at IS NOT NULL AND id = $1 RETURNING id";
const ALL_AGAIN: &str = "UPDATE stripe_meter_calls SET given_up_at = NULL, unsure_since = NULL, due_at = $1 \
    WHERE given_up_at IS NOT NULL";
const LIST: &str = "SELECT * FROM stripe_meter_calls ORDER BY id DESC LIMIT 200";
const WAITING: &str = "SELECT * FROM stripe_meter_calls WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT 200";
const GIVEN_UP: &str =
    "SELECT * FROM stripe_meter_calls WHERE given_up_at IS NOT NULL ORDER BY given_up_at DESC, id LIMIT 1000";
const LIST_BY_USER: &str = "SELECT * FROM stripe_meter_calls WHERE user_id = $1 ORDER BY id DESC LIMIT 10000";
const SUM_BY_USER: &str = "SELECT COUNT(*) AS calls, \
    CAST(COALESCE(SUM(CASE WHEN committed_at IS NULL THEN 0 ELSE units END), 0) AS bigint) AS units \
    FROM stripe_meter_calls WHERE user_id = $1";
const SUMS: &str = "SELECT \
    CAST(COUNT(committed_at) AS bigint) AS calls, \
    CAST(COALESCE(SUM(CASE WHEN committed_at IS NULL THEN 0 ELSE units END), 0) AS bigint) AS units, \
    CAST(COALESCE(SUM(CASE WHEN lease_until IS NULL THEN 0 ELSE units END), 0) AS bigint) AS running, \
    CAST(COALESCE(SUM(CASE WHEN sent_at IS NULL THEN 0 ELSE units END), 0) AS bigint) AS told, \
    CAST(COALESCE(SUM(CASE WHEN due_at IS NULL THEN 0 ELSE units END), 0) AS bigint) AS waiting, \
    CAST(COALESCE(SUM(CASE WHEN given_up_at IS NULL THEN 0 ELSE units END), 0) AS bigint) AS given_up \
    FROM stripe_meter_calls";
/// How many old calls are forgotten in one transaction, so that nobody waits long for it.
pub const PURGED_AT_ONCE: usize = 500;
/// [`PURGED_AT_ONCE`] of them.
const PURGE: &str = "DELETE FROM stripe_meter_calls WHERE id IN ( \
    SELECT id FROM stripe_meter_calls WHERE id < $1 AND lease_until IS NULL AND due_at IS NULL AND given_up_at IS NULL \
    ORDER BY id LIMIT 500) \
    RETURNING subject_kind, subject_id, organization_id, meter, period_start, units, committed_at";

/// A call as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Call {
    /// What it is called, at Stripe, too.
    pub id: MeteredId,
    /// Whose plan it is counted on.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// The meter.
    pub meter: String,
    /// When the period began.
    pub period_start: Timestamp,
    /// What it cost.
    pub units: i64,
    /// The tool, prompt or resource.
    pub name: String,
    /// The person behind it, or what stands for a service.
    pub user_id: UserId,
    /// Through which client.
    pub client_id: ClientId,
    /// The shares it took from.
    pub levels: String,
    /// When its units were set aside.
    pub reserved_at: Timestamp,
    /// Until when somebody answers for it.
    pub lease_until: Option<Timestamp>,
    /// When it had succeeded.
    pub committed_at: Option<Timestamp>,
    /// When its units were given back.
    pub released_at: Option<Timestamp>,
    /// What Stripe is told.
    pub event_name: Option<String>,
    /// When.
    pub due_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// Since when nobody knows whether Stripe has heard it.
    pub unsure_since: Option<Timestamp>,
    /// When Stripe had heard it.
    pub sent_at: Option<Timestamp>,
    /// When that was given up.
    pub given_up_at: Option<Timestamp>,
    /// Why.
    pub note: Option<String>,
}

/// A call that begins.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// What is counted.
    pub entry: &'a Entry,
    /// The tool, prompt or resource.
    pub name: &'a str,
    /// The person behind it.
    pub user: UserId,
    /// Through which client.
    pub client: &'a ClientId,
    /// The shares it takes from.
    pub levels: &'a str,
    /// What Stripe is told of it, if it is told.
    pub event_name: Option<&'a str>,
    /// Until when somebody answers for it.
    pub lease_until: Timestamp,
}

/// Everything that was ever counted and is kept, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Sums {
    /// Calls that have succeeded.
    pub calls: i64,
    /// Their units.
    pub units: i64,
    /// Units of calls that run.
    pub running: i64,
    /// Units that Stripe was told of.
    pub told: i64,
    /// Units that it is still to be told of.
    pub waiting: i64,
    /// Units of which that was given up.
    pub given_up: i64,
}

/// All calls of one person that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OfUser {
    /// How many there are.
    pub calls: i64,
    /// Units of those that have succeeded.
    pub units: i64,
}

/// A call that is not kept any more.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Gone {
    /// Whose plan it was counted on.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// The meter.
    pub meter: String,
    /// When the period began.
    pub period_start: Timestamp,
    /// What it cost.
    pub units: i64,
    /// When it had succeeded.
    pub committed_at: Option<Timestamp>,
}

/// Notes that a call begins, and sets its units aside in every share it takes from; `None`, and nothing is written, when one
/// of them has not enough.
pub async fn reserve(conn: &mut Conn, new: New<'_>, now: Timestamp) -> Result<Option<OfPlan>> {
    let Place { subject, meter, period_start } = &new.entry.place;
    let rows = on!(conn, c => sqlx::query_as::<_, OfPlan>(RESERVE)
        .bind(new.entry.id)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(subject.organization_id)
        .bind(meter)
        .bind(*period_start)
        .bind(new.entry.units)
        .bind(new.name)
        .bind(new.user)
        .bind(new.client)
        .bind(new.levels)
        .bind(now)
        .bind(new.lease_until)
        .bind(new.event_name)
        .fetch_all(c).await)?;
    Ok(rows.into_iter().next())
}

/// Notes that a call has succeeded, which uses its units, and that Stripe is to be told at `due` if it is told at all; `None` when
/// nobody answers for it any more.
pub async fn commit(conn: &mut Conn, id: MeteredId, now: Timestamp, due: Timestamp) -> Result<Option<Stand>> {
    let rows = on!(conn, c => sqlx::query_as::<_, Stand>(COMMIT).bind(id).bind(now).bind(due).fetch_all(c).await)?;
    Ok(rows.into_iter().next())
}

/// How the share of the plan stands with a call that is noted as one that has succeeded; `None` for another.
pub async fn find_committed(conn: &mut Conn, id: MeteredId) -> Result<Option<Stand>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Stand>(FIND_COMMITTED).bind(id).fetch_optional(c).await)?)
}

/// Notes that a call has not succeeded, which gives its units back. One that is over stays as it is.
pub async fn release(conn: &mut Conn, id: MeteredId, now: Timestamp, note: &str) -> Result<()> {
    on!(conn, c => sqlx::query(RELEASE).bind(id).bind(now).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// Keeps a call from beginning, in whatever order this and [`reserve`] come through at the database: there is one row of this id, and
/// one that has begun gives its units back. Nothing else will.
pub async fn prevent(
    conn: &mut Conn,
    (entry, name, (user, client)): (&Entry, &str, (UserId, &ClientId)),
    now: Timestamp,
    note: &str,
) -> Result<()> {
    let Place { subject, meter, period_start } = &entry.place;
    on!(conn, c => sqlx::query(PREVENT)
        .bind(entry.id)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(subject.organization_id)
        .bind(meter)
        .bind(*period_start)
        .bind(entry.units)
        .bind(name)
        .bind(user)
        .bind(client)
        .bind(now)
        .bind(note)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Somebody answers for a running call until a later moment.
pub async fn prolong(conn: &mut Conn, id: MeteredId, until: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PROLONG).bind(id).bind(until).execute(c).await.map(drop))?;
    Ok(())
}

/// Calls for which nobody answers any more: 64 at most.
pub async fn orphans(conn: &mut Conn, now: Timestamp) -> Result<Vec<MeteredId>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, MeteredId>(ORPHANS).bind(now).fetch_all(c).await)?)
}

/// Takes what is to be told at a moment, `most` at most, until `until`: whoever has taken it and says nothing by then has died,
/// and nobody knows whether Stripe has heard it from `now` on.
pub async fn claim(
    conn: &mut Conn,
    due: Timestamp,
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Call>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(on!(conn, c => sqlx::query_as::<_, Call>(CLAIM).bind(due).bind(until).bind(most).bind(now).fetch_all(c).await)?)
}

/// Stripe has heard it.
pub async fn note_sent(conn: &mut Conn, id: MeteredId, now: Timestamp, note: Option<&str>) -> Result<()> {
    on!(conn, c => sqlx::query(SENT).bind(id).bind(now).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// It is told later. `unsure`: since when nobody knows whether Stripe has heard it.
pub async fn note_later(
    conn: &mut Conn,
    id: MeteredId,
    due: Timestamp,
    unsure: Option<Timestamp>,
    note: &str,
) -> Result<()> {
    on!(conn, c => sqlx::query(LATER).bind(id).bind(due).bind(unsure).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// It is not told any more.
pub async fn give_up(conn: &mut Conn, id: MeteredId, now: Timestamp, note: &str) -> Result<()> {
    on!(conn, c => sqlx::query(GIVE_UP).bind(id).bind(now).bind(note).execute(c).await.map(drop))?;
    Ok(())
}

/// It is told once more; `false` when it was not given up.
pub async fn tell_again(conn: &mut Conn, id: MeteredId, now: Timestamp) -> Result<bool> {
    let found = on!(conn, c => sqlx::query_scalar::<_, MeteredId>(AGAIN).bind(id).bind(now).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// All that were given up are told once more: how many.
pub async fn tell_all_again(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    let count = on!(conn, c => sqlx::query(ALL_AGAIN).bind(now).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The last 200 calls, the newest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<Call>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Call>(LIST).fetch_all(c).await)?)
}

/// The first 200 that wait to be told.
pub async fn waiting(conn: &mut Conn) -> Result<Vec<Call>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Call>(WAITING).fetch_all(c).await)?)
}

/// Those that were given up: 1,000 at most.
pub async fn given_up(conn: &mut Conn) -> Result<Vec<Call>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Call>(GIVEN_UP).fetch_all(c).await)?)
}

/// The last 10,000 calls of a person that are kept, the newest first, and how many there are. No index leads to them: they are looked
/// for when somebody takes their data along, and written with every call.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<(OfUser, Vec<Call>)> {
    let sum = on!(conn, c => sqlx::query_as::<_, OfUser>(SUM_BY_USER).bind(user).fetch_one(c).await)?;
    let last = on!(conn, c => sqlx::query_as::<_, Call>(LIST_BY_USER).bind(user).fetch_all(c).await)?;
    Ok((sum, last))
}

/// The sums of everything that is kept.
pub async fn sums(conn: &mut Conn) -> Result<Sums> {
    Ok(on!(conn, c => sqlx::query_as::<_, Sums>(SUMS).fetch_one(c).await)?)
}

/// Forgets calls older than an id, which are done: 500 at most, so that nobody waits long for it. Which they were.
pub async fn purge(conn: &mut Conn, before: uuid::Uuid) -> Result<Vec<Gone>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Gone>(PURGE).bind(before).fetch_all(c).await)?)
}

#[cfg(test)]
mod tests;
