//! Meters, and what a plan includes of each.

use std::collections::{BTreeMap, BTreeSet};

/// One `[[meter]]`: something that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Its name in rules and plans.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The name of the events that Stripe's meter counts (`billing.meter`, `event_name`); without one nothing is told.
    pub event_name: Option<String>,
}

/// What a plan includes of a meter in a month, however often is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Units that are in the price.
    pub included: u64,
    /// What happens beyond.
    pub cap: Cap,
    /// The most units of any one person.
    pub per_user: Option<u64>,
    /// The most units for any one team that calls were made for.
    pub per_team: Option<u64>,
    /// The most units of any one agent, which is a client.
    pub per_agent: Option<u64>,
    /// Parts of what is included, in percent, of which somebody is told when they are used.
    pub alerts: BTreeSet<u16>,
    /// Units that a call of a tool costs under this plan, by the name of the tool, instead of what its rule says.
    pub prices: BTreeMap<String, u64>,
}

/// Where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// With what is included.
    Hard,
    /// Not there: what is beyond has a price of its own where the plan is sold.
    Soft {
        /// But here.
        at_most: Option<u64>,
    },
}

impl Quota {
    /// Units that nobody passes in a period; `None` when it goes on.
    #[must_use]
    pub const fn limit(&self) -> Option<u64> {
        match self.cap {
            Cap::Hard => Some(self.included),
            Cap::Soft { at_most } => at_most,
        }
    }

    /// What a call of a tool costs, in units. `by_rule`: what its rule says.
    #[must_use]
    pub fn price(&self, tool: &str, by_rule: u64) -> u64 {
        self.prices.get(tool).copied().unwrap_or(by_rule)
    }
}
