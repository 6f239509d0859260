//! How much of a meter is used and set aside.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

use crate::model::meter::{Noted, Place, Share, word};
use crate::model::subject::Columns;

const FIND: &str = "SELECT used, reserved, noted_included, noted_percent FROM stripe_meter_usage WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND level = $5 AND level_id = $6";
const NOTE: &str = "UPDATE stripe_meter_usage SET noted_included = $5, noted_percent = $6 WHERE subject_kind = $1 \
    AND subject_id = $2 AND meter = $3 AND period_start = $4 AND level = 'plan' AND level_id = '' \
    AND (noted_included <> $5 OR noted_percent < $6)";
const FORGET_NOTED: &str = "UPDATE stripe_meter_usage SET noted_percent = 0 WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND level = 'plan' AND level_id = '' AND noted_included = $5";
const LIST_OF: &str = "SELECT meter, level, level_id, used, reserved FROM stripe_meter_usage \
    WHERE subject_kind = $1 AND subject_id = $2 AND period_start = $3 AND level_id = $4 ORDER BY meter, level";
const LIST_SHARES: &str = "SELECT meter, level, level_id, used, reserved FROM stripe_meter_usage \
    WHERE subject_kind = $1 AND subject_id = $2 AND period_start = $3 AND level <> 'plan' \
    ORDER BY meter, level, used DESC, level_id LIMIT 1000";
const ALL: &str = "SELECT subject_kind, subject_id, meter, period_start, used, reserved FROM stripe_meter_usage \
    WHERE level = 'plan' ORDER BY period_start DESC, used DESC, subject_id, meter LIMIT 1000";
const FORGET: &str = "UPDATE stripe_meter_usage SET forgotten = forgotten + $5 WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND level = 'plan'";
const PURGE: &str = "DELETE FROM stripe_meter_usage WHERE (subject_kind, subject_id, meter, period_start, level, level_id) IN ( \
    SELECT subject_kind, subject_id, meter, period_start, level, level_id FROM stripe_meter_usage \
    WHERE period_start < $1 AND reserved = 0 AND (level <> 'plan' OR used = forgotten) \
    ORDER BY period_start LIMIT 500)";
const SUM: &str = "SELECT CAST(COALESCE(SUM(used - forgotten), 0) AS bigint) AS used, \
    CAST(COALESCE(SUM(reserved), 0) AS bigint) AS reserved FROM stripe_meter_usage WHERE level = 'plan'";

/// How it stands with a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Stand {
    /// Units that are used.
    pub used: i64,
    /// Units that are set aside.
    pub reserved: i64,
}

/// How it stands with the share of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct OfPlan {
    /// What is used and set aside.
    #[sqlx(flatten)]
    pub stand: Stand,
    /// What is noted to be told of it.
    #[sqlx(flatten)]
    pub noted: Noted,
}

/// A share of an account, as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct OfAccount {
    /// The meter.
    pub meter: String,
    /// Whose.
    pub level: String,
    /// The id of whom.
    pub level_id: String,
    /// How it stands.
    #[sqlx(flatten)]
    pub stand: Stand,
}

/// What is used of a meter by one who has a plan.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct OfMeter {
    /// `user`, `organization` or `team`.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: uuid::Uuid,
    /// The meter.
    pub meter: String,
    /// When the period began.
    pub period_start: Timestamp,
    /// How it stands.
    #[sqlx(flatten)]
    pub stand: Stand,
}

/// How it stands with a share, and, if it is that of the plan, what is noted of it; nothing at all where nobody has asked for any.
pub async fn find(conn: &mut Conn, place: &Place, share: &Share) -> Result<OfPlan> {
    let found = on!(conn, c => sqlx::query_as::<_, OfPlan>(FIND)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(word(share.level))
        .bind(&share.id)
        .fetch_optional(c).await)?;
    Ok(found.unwrap_or_default())
}

/// Notes what is to be told of what is included. What is noted of the same and more stays.
pub async fn note(conn: &mut Conn, place: &Place, noted: Noted) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(noted.included)
        .bind(noted.percent)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// What is noted of so much is to be noted anew.
pub async fn forget_noted(conn: &mut Conn, place: &Place, included: i64) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET_NOTED)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(included)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The shares of one in a period, meter by meter: of a team, a person or an agent, or, with no id, what the plan has altogether.
pub async fn list_of(
    conn: &mut Conn,
    subject: &Columns,
    period_start: Timestamp,
    level_id: &str,
) -> Result<Vec<OfAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, OfAccount>(LIST_OF)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(period_start)
        .bind(level_id)
        .fetch_all(c).await)?)
}

/// The shares of teams, people and agents in a period: 1,000 at most.
pub async fn list_shares(conn: &mut Conn, subject: &Columns, period_start: Timestamp) -> Result<Vec<OfAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, OfAccount>(LIST_SHARES)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(period_start)
        .fetch_all(c).await)?)
}

/// What is used by everybody, the newest periods first; 1,000 at most.
pub async fn all(conn: &mut Conn) -> Result<Vec<OfMeter>> {
    Ok(on!(conn, c => sqlx::query_as::<_, OfMeter>(ALL).fetch_all(c).await)?)
}

/// Notes that the call behind so many of the units that are used is not kept any more.
pub async fn forget(conn: &mut Conn, place: &Place, units: i64) -> Result<()> {
    on!(conn, c => sqlx::query(FORGET)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(units)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets shares of periods that began before a moment and of which no call is kept: 500 at most.
pub async fn purge(conn: &mut Conn, before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(before).execute(c).await.map(drop))?;
    Ok(())
}

/// The sum of everything of which calls are kept.
pub async fn sum(conn: &mut Conn) -> Result<Stand> {
    Ok(on!(conn, c => sqlx::query_as::<_, Stand>(SUM).fetch_one(c).await)?)
}
