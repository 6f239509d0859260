//! What is to be told of quotas: noted before the call that may reach it runs, and told once the units are used.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

use crate::model::meter::Place;
use crate::model::subject::Columns;

const NOTE: &str = "INSERT INTO stripe_meter_alerts (subject_kind, subject_id, organization_id, meter, period_start, included, \
    percent, units, plan, period_end, due_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) \
    ON CONFLICT (subject_kind, subject_id, meter, period_start, included, percent) DO NOTHING";
const REACHED: &str = "SELECT alert.subject_kind, alert.subject_id, alert.organization_id, alert.meter, alert.period_start, \
    alert.included, alert.percent, alert.period_end, alert.attempts, own.used \
    FROM stripe_meter_alerts AS alert JOIN stripe_meter_usage AS own \
    ON own.subject_kind = alert.subject_kind AND own.subject_id = alert.subject_id AND own.meter = alert.meter \
    AND own.period_start = alert.period_start AND own.level = 'plan' AND own.level_id = '' \
    WHERE alert.due_at <= $1 AND own.used >= alert.units \
    ORDER BY alert.due_at, alert.subject_id, alert.meter, alert.percent LIMIT 64";
const CLAIM: &str = "UPDATE stripe_meter_alerts SET told_at = $7, due_at = NULL WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND included = $5 AND percent = $6 AND told_at IS NULL RETURNING percent";
const POSTPONE: &str = "UPDATE stripe_meter_alerts SET due_at = $7, attempts = attempts + 1 WHERE subject_kind = $1 \
    AND subject_id = $2 AND meter = $3 AND period_start = $4 AND included = $5 AND percent = $6 AND told_at IS NULL";
const DROP: &str = "DELETE FROM stripe_meter_alerts WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND included = $5 AND percent = $6 AND told_at IS NULL";
const PURGE: &str = "DELETE FROM stripe_meter_alerts \
    WHERE (subject_kind, subject_id, meter, period_start, included, percent) IN ( \
    SELECT subject_kind, subject_id, meter, period_start, included, percent FROM stripe_meter_alerts \
    WHERE period_start < $1 OR (due_at IS NOT NULL AND period_end < $2) LIMIT 500)";

/// A part of what is included, as it is noted.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Units that are included.
    pub included: i64,
    /// The part, in percent.
    pub percent: i64,
    /// So many units are used when it is reached.
    pub units: i64,
    /// The plan that includes them.
    pub plan: &'a str,
    /// When the period ends.
    pub period_end: Timestamp,
}

/// A part that is reached and of which nobody was told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Owed {
    /// Who has the plan.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// The meter.
    pub meter: String,
    /// When the period began.
    pub period_start: Timestamp,
    /// Units that are included.
    pub included: i64,
    /// The part, in percent.
    pub percent: i64,
    /// When the period ends.
    pub period_end: Timestamp,
    /// How often somebody tried to tell.
    pub attempts: i64,
    /// Units that are used now.
    pub used: i64,
}

impl Owed {
    /// Where it is counted.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { subject: self.subject.clone(), meter: self.meter.clone(), period_start: self.period_start }
    }
}

/// Notes that a part is to be told once it is reached. What is noted or told in this period stays as it is.
pub async fn note(conn: &mut Conn, place: &Place, part: Part<'_>, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(place.subject.organization_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(part.included)
        .bind(part.percent)
        .bind(part.units)
        .bind(part.plan)
        .bind(part.period_end)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// What is reached and due: 64 at most.
pub async fn list_reached(conn: &mut Conn, now: Timestamp) -> Result<Vec<Owed>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Owed>(REACHED).bind(now).fetch_all(c).await)?)
}

/// Notes that it is told; `false` when somebody else has told it.
pub async fn consume(conn: &mut Conn, owed: &Owed, now: Timestamp) -> Result<bool> {
    let told = on!(conn, c => sqlx::query_scalar::<_, i64>(CLAIM)
        .bind(&owed.subject.subject_kind)
        .bind(owed.subject.subject_id)
        .bind(&owed.meter)
        .bind(owed.period_start)
        .bind(owed.included)
        .bind(owed.percent)
        .bind(now)
        .fetch_all(c).await)?;
    Ok(!told.is_empty())
}

/// It is told later.
pub async fn postpone(conn: &mut Conn, owed: &Owed, due: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(POSTPONE)
        .bind(&owed.subject.subject_kind)
        .bind(owed.subject.subject_id)
        .bind(&owed.meter)
        .bind(owed.period_start)
        .bind(owed.included)
        .bind(owed.percent)
        .bind(due)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// It is not true any more, and is told to nobody.
pub async fn drop_untold(conn: &mut Conn, owed: &Owed) -> Result<()> {
    on!(conn, c => sqlx::query(DROP)
        .bind(&owed.subject.subject_kind)
        .bind(owed.subject.subject_id)
        .bind(&owed.meter)
        .bind(owed.period_start)
        .bind(owed.included)
        .bind(owed.percent)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Forgets what was told in periods that began before a moment, and what was never reached in those that ended before another:
/// 500 at most.
pub async fn purge(conn: &mut Conn, began_before: Timestamp, ended_before: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(PURGE).bind(began_before).bind(ended_before).execute(c).await.map(drop))?;
    Ok(())
}
