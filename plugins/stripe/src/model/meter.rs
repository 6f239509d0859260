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

/// The shares of a call, as its row keeps them.
///
/// # Errors
/// Never: texts can be written as JSON.
pub fn write_levels(shares: &[Share]) -> Result<String> {
    let levels: Vec<(&str, &str)> = shares.iter().map(|share| (word(share.level), share.id.as_str())).collect();
    serde_json::to_string(&levels).map_err(Failure::internal)
}

/// What [`write_levels`] wrote: level and id.
///
/// # Errors
/// When no version of ours has written it.
pub fn read_levels(text: &str) -> Result<Vec<(String, String)>> {
    serde_json::from_str(text).map_err(Failure::internal)
}

/// The parts of what is included, in percent, that were reached when `before` became `after`.
pub fn reached(quota: &Quota, before: u64, after: u64) -> impl Iterator<Item = u16> + '_ {
    let included = u128::from(quota.included);
    let is_reached = move |percent: u16, used: u64| u128::from(used) * 100 >= u128::from(percent) * included;
    let all = quota.alerts.iter().copied().filter(move |_| included > 0);
    all.filter(move |percent| !is_reached(*percent, before) && is_reached(*percent, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use belgie_api::Quota;
    use belgie_api::plan::Cap;

    use super::reached;

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
        let told = |before, after| reached(&quota, before, after).collect::<Vec<_>>();
        assert_eq!(told(6, 7), [] as [u16; 0]);
        assert_eq!(told(7, 8), [80]);
        assert_eq!(told(8, 9), [] as [u16; 0]);
        assert_eq!(told(7, 12), [80, 100]);
        assert_eq!(told(10, 11), [] as [u16; 0]);
        assert_eq!(reached(&Quota { included: 0, ..quota.clone() }, 0, 1).count(), 0);
    }
}
