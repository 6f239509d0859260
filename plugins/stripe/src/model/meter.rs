//! What is counted, for whom and for how long.

use std::collections::BTreeMap;

use belgie_api::context::{QuotaContext, SubscriptionContext};
use belgie_api::ports::Level;
use belgie_api::{Failure, MeteredId, Plan, Quota, Result, Timestamp};

use super::subject::Columns;

/// For how long something is counted before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next.
    pub end: Timestamp,
}

impl Period {
    /// The period of a plan: the one that is paid for, or the month in UTC where nobody pays. Where the next one has begun and
    /// Stripe has not told yet, it is the next one, as it begins when this one ends.
    #[must_use]
    pub fn of(plan: &SubscriptionContext, now: Timestamp) -> Self {
        match (plan.period_start, plan.period_end) {
            (Some(start), Some(end)) if now < end => Self { start, end },
            (Some(start), Some(end)) => Self { start: end, end: end.plus(end.since(start)) },
            _ => {
                let (start, end) = now.month();
                Self { start, end }
            }
        }
    }
}

/// What a plan includes, as callers are told of it.
#[must_use]
pub fn quotas_of(plan: &Plan) -> BTreeMap<String, QuotaContext> {
    let one = |(name, quota): (&String, &Quota)| {
        (name.clone(), QuotaContext { included: quota.included, ..QuotaContext::default() })
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
    let one = |share: &Share| {
        (word(share.level), share.id.clone(), share.limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)))
    };
    serde_json::to_string(&shares.iter().map(one).collect::<Vec<_>>()).map_err(Failure::internal)
}

/// What was told of a meter in a period, as one number in its row: the largest part, in percent, in the lower 16 bits, and above
/// them what was included then. Where something else is included by now, nothing was told of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    included: u64,
    percent: u16,
}

impl Told {
    const BITS: u32 = 16;
    /// More than anybody includes; what is larger is told of as this.
    const MOST: u64 = (1 << (i64::BITS - 1 - Self::BITS)) - 1;

    /// So many percent of so much.
    #[must_use]
    pub fn new(included: u64, percent: u16) -> Self {
        Self { included: included.min(Self::MOST), percent }
    }

    /// As the row has it: the first and the last number that say that this much was told, or more of the same.
    #[must_use]
    pub fn range(self) -> (i64, i64) {
        let above = self.included.cast_signed() << Self::BITS;
        (above | i64::from(self.percent), above | i64::from(u16::MAX))
    }

    /// What a row says was told of so much, in percent.
    fn of(included: u64, row: i64) -> u16 {
        let (first, last) = Self::new(included, 0).range();
        if (first..=last).contains(&row) { u16::try_from(row - first).unwrap_or(u16::MAX) } else { 0 }
    }
}

/// The parts of what is included, in percent, that are reached and larger than what was told of: as the row has it.
pub fn reached(quota: &Quota, used: u64, told: i64) -> impl Iterator<Item = u16> + '_ {
    let told = Told::of(quota.included, told);
    let included = u128::from(quota.included);
    let all = quota.alerts.iter().copied().filter(move |percent| included > 0 && *percent > told);
    all.filter(move |percent| u128::from(used) * 100 >= u128::from(*percent) * included)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use belgie_api::Quota;
    use belgie_api::plan::Cap;

    use super::{Told, reached};

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
        let reaches = |used, told| reached(&quota, used, told).collect::<Vec<_>>();
        assert_eq!(reaches(7, 0), [] as [u16; 0]);
        assert_eq!(reaches(8, 0), [80]);
        let told = |included, percent| Told::new(included, percent).range().0;
        assert_eq!(reaches(9, told(10, 80)), [] as [u16; 0]);
        assert_eq!(reaches(12, 0), [80, 100]);
        assert_eq!(reaches(12, told(10, 80)), [100]);
        assert_eq!(reaches(12, told(10, 100)), [] as [u16; 0]);
        // That was told of another plan.
        assert_eq!(reaches(12, told(9, 100)), [80, 100]);
        assert_eq!(reaches(12, told(u64::MAX, 100)), [80, 100]);
        assert_eq!(reached(&Quota { included: 0, ..quota.clone() }, 1, 0).count(), 0);
    }
}
