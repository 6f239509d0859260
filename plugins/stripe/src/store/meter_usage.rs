//! How much of a meter is used and set aside.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

use crate::model::meter::Place;
use crate::model::subject::Columns;

/// One statement looks whether there is enough and takes it, so that however many ask at once nobody passes the limit. A row
/// that is not there is made: whoever calls knows that the first units are within the limit.
const TAKE: &str = "INSERT INTO stripe_meter_usage AS own \
    (subject_kind, subject_id, meter, period_start, level, level_id, used, reserved) \
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7) \
    ON CONFLICT (subject_kind, subject_id, meter, period_start, level, level_id) \
    DO UPDATE SET reserved = own.reserved + excluded.reserved \
    WHERE own.used + own.reserved + excluded.reserved <= $8 RETURNING used, reserved";
const SETTLE: &str = "UPDATE stripe_meter_usage SET reserved = reserved - $7, used = used + $8 \
    WHERE subject_kind = $1 AND subject_id = $2 AND meter = $3 AND period_start = $4 AND level = $5 AND level_id = $6 \
    RETURNING used, reserved";
const FIND: &str = "SELECT used, reserved FROM stripe_meter_usage WHERE subject_kind = $1 AND subject_id = $2 \
    AND meter = $3 AND period_start = $4 AND level = $5 AND level_id = $6";
const LIST: &str = "SELECT meter, level, level_id, used, reserved FROM stripe_meter_usage \
    WHERE subject_kind = $1 AND subject_id = $2 AND period_start = $3 \
    ORDER BY meter, level, used DESC, level_id LIMIT 1000";
const ALL: &str = "SELECT subject_kind, subject_id, meter, period_start, used, reserved FROM stripe_meter_usage \
    WHERE level = 'plan' ORDER BY period_start DESC, used DESC, subject_id, meter LIMIT 1000";
const SUM: &str = "SELECT CAST(COALESCE(SUM(used), 0) AS bigint) AS used, \
    CAST(COALESCE(SUM(reserved), 0) AS bigint) AS reserved FROM stripe_meter_usage WHERE level = 'plan'";

/// How it stands with a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Stand {
    /// Units that are used.
    pub used: i64,
    /// Units that are set aside.
    pub reserved: i64,
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

/// Sets units of a share aside, which are within the limit if nothing else is used; `None` when there are not enough.
pub async fn take(
    conn: &mut Conn,
    place: &Place,
    (level, id): (&str, &str),
    units: i64,
    limit: i64,
) -> Result<Option<Stand>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Stand>(TAKE)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(level)
        .bind(id)
        .bind(units)
        .bind(limit)
        .fetch_optional(c).await)?)
}

/// Takes units from what is set aside and adds `used` of them to what is used.
pub async fn settle(
    conn: &mut Conn,
    place: &Place,
    (level, id): (&str, &str),
    units: i64,
    used: i64,
) -> Result<Option<Stand>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Stand>(SETTLE)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(level)
        .bind(id)
        .bind(units)
        .bind(used)
        .fetch_optional(c).await)?)
}

/// How it stands with a share; nothing at all where nobody has asked for any.
pub async fn find(conn: &mut Conn, place: &Place, (level, id): (&str, &str)) -> Result<Stand> {
    let found = on!(conn, c => sqlx::query_as::<_, Stand>(FIND)
        .bind(&place.subject.subject_kind)
        .bind(place.subject.subject_id)
        .bind(&place.meter)
        .bind(place.period_start)
        .bind(level)
        .bind(id)
        .fetch_optional(c).await)?;
    Ok(found.unwrap_or_default())
}

/// Every share of an account in a period.
pub async fn list(conn: &mut Conn, subject: &Columns, period_start: Timestamp) -> Result<Vec<OfAccount>> {
    Ok(on!(conn, c => sqlx::query_as::<_, OfAccount>(LIST)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(period_start)
        .fetch_all(c).await)?)
}

/// What is used by everybody, the newest periods first; 1,000 at most.
pub async fn all(conn: &mut Conn) -> Result<Vec<OfMeter>> {
    Ok(on!(conn, c => sqlx::query_as::<_, OfMeter>(ALL).fetch_all(c).await)?)
}

/// The sum of everything.
pub async fn sum(conn: &mut Conn) -> Result<Stand> {
    Ok(on!(conn, c => sqlx::query_as::<_, Stand>(SUM).fetch_one(c).await)?)
}
