//! What is counted, and for whom.

use std::collections::BTreeMap;

use belgie_api::context::QuotaContext;
use belgie_api::ports::Level;
use belgie_api::{Failure, MeteredId, Plan, Quota, Result, Timestamp};

use super::subject::Columns;

/// What a plan includes, as callers are told of it.
#[must_use]
pub fn quotas_of(plan: &Plan) -> BTreeMap<String, QuotaContext> {
    let one = |(name, quota): (&String, &Quota)| {
        let (included, prices) = (quota.included, quota.prices.clone());
        (name.clone(), QuotaContext { included, prices, ..QuotaContext::default() })
    };
    plan.quotas.iter().map(one).collect()
}

/// A share of which units are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose.
    pub level: Level,
    /// The id of the team or person, the client id of the agent; nothing for that of the plan.
    pub id: String,
    /// Units that nobody passes; `None` when it goes on.
    pub limit: Option<u64>,
}

/// What is counted on a share of a meter: the key of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who has the plan.
    pub subject: Columns,
    /// The meter.
    pub meter: String,
    /// When the period began.
    pub period_start: Timestamp,
}

/// A call on one meter.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called, at Stripe, too.
    pub id: MeteredId,
    /// Where it is counted.
    pub place: Place,
    /// What it costs.
    pub units: i64,
    /// The shares it takes from, that of the plan first: whoever locks several does so in this order.
    pub shares: Vec<Share>,
}

/// The word for a level in a table.
#[must_use]
pub const fn word(level: Level) -> &'static str {
    match level {
        Level::Plan => "plan",
        Level::Team => "team",
        Level::User => "user",
        Level::Agent => "agent",
    }
}

/// The shares of a call, as its row keeps them and as triggers read them: level, id, limit.
///
/// # Errors
/// Never: texts can be written as JSON.
pub fn write_levels(shares: &[Share]) -> Result<String> {
    let one = |share: &Share| (word(share.level), share.id.clone(), share.limit.map(signed));
    serde_json::to_string(&shares.iter().map(one).collect::<Vec<_>>()).map_err(Failure::internal)
}

/// What is noted to be told of a meter in a period: the largest part, and of how much. Where something else is included by now,
/// nothing is noted of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Noted {
    /// Units that were included.
    #[sqlx(rename = "noted_included")]
    pub included: i64,
    /// The part, in percent.
    #[sqlx(rename = "noted_percent")]
    pub percent: i64,
}

impl Noted {
    /// So many percent of so much.
    #[must_use]
    pub fn new(included: u64, percent: u16) -> Self {
        Self { included: signed(included), percent: i64::from(percent) }
    }
}

/// The parts of what is included, in percent, that are reached and larger than what is noted: the smallest first.
pub fn reached(quota: &Quota, used: u64, noted: Noted) -> impl Iterator<Item = u16> + '_ {
    let noted = if noted.included == signed(quota.included) { noted.percent } else { 0 };
    let all = quota.alerts.iter().copied().filter(move |percent| quota.included > 0 && i64::from(*percent) > noted);
    all.filter(move |percent| used >= units_of(quota.included, *percent))
}

/// So many units are used when a part, in percent, of what is included is reached.
#[must_use]
pub fn units_of(included: u64, percent: u16) -> u64 {
    u64::try_from((u128::from(included) * u128::from(percent)).div_ceil(100)).unwrap_or(u64::MAX)
}

/// Columns have signs.
#[must_use]
pub fn signed(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// Columns hold no negative numbers of units.
#[must_use]
pub fn unsigned(units: i64) -> u64 {
    u64::try_from(units).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use belgie_api::Quota;
    use belgie_api::plan::Cap;

    use super::{Noted, reached};

    #[test]
    fn a_part_is_reached_once() {
        let quota = Quota {
            included: 10,
            cap: Cap::Hard,
            per_user: None,
            per_team: None,
            per_agent: None,
            alerts: [80, 100].into(),
            prices: BTreeMap::new(),
        };
        let reaches = |used, noted| reached(&quota, used, noted).collect::<Vec<_>>();
        let nothing = Noted::default();
        assert_eq!(reaches(7, nothing), [] as [u16; 0]);
        assert_eq!(reaches(8, nothing), [80]);
        let told = Noted::new;
        assert_eq!(reaches(9, told(10, 80)), [] as [u16; 0]);
        assert_eq!(reaches(12, nothing), [80, 100]);
        assert_eq!(reaches(12, told(10, 80)), [100]);
        assert_eq!(reaches(12, told(10, 100)), [] as [u16; 0]);
        // That was noted of another plan.
        assert_eq!(reaches(12, told(9, 100)), [80, 100]);
        assert_eq!(reaches(12, told(u64::MAX, 100)), [80, 100]);
        assert_eq!(reached(&Quota { included: 0, ..quota.clone() }, 1, nothing).count(), 0);
        let of_many = |used| reached(&Quota { included: u64::MAX, ..quota.clone() }, used, nothing).count();
        assert_eq!((of_many(u64::MAX / 2), of_many(u64::MAX)), (0, 2));
    }
}
