//! The plans of `[[plan]]`: what can be had, and what each of them opens. Whoever sells them is a plugin.

mod quota;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::quota::{Cap, Meter, Quota};
use crate::ports::Lacking;

/// How often is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// Once a month.
    Month,
    /// Once a year.
    Year,
}

impl Interval {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The interval of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Month, Self::Year].into_iter().find(|interval| interval.word() == word)
    }
}

/// How a price is named where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceName {
    /// By its id.
    Id(String),
    /// By a key that can be moved to another price.
    LookupKey(String),
}

/// One `[[plan]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name in rules.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// One sentence about it; may be empty.
    pub description: String,
    /// Its price by the month.
    pub monthly: Option<PriceName>,
    /// Its price by the year.
    pub annual: Option<PriceName>,
    /// Days that cost nothing, for those who have never had such days.
    pub trial_days: Option<u16>,
    /// Features it opens.
    pub entitlements: BTreeSet<String>,
    /// Numbers and words for the application, which alone knows what they mean.
    pub limits: BTreeMap<String, String>,
    /// What it includes of each meter; what it does not name it does not open.
    pub quotas: BTreeMap<String, Quota>,
    /// How many calls whoever has it may make in a minute, on each node.
    pub calls_per_minute: Option<NonZeroU32>,
}

impl Plan {
    /// The price for an interval.
    #[must_use]
    pub const fn price(&self, interval: Interval) -> Option<&PriceName> {
        match interval {
            Interval::Month => self.monthly.as_ref(),
            Interval::Year => self.annual.as_ref(),
        }
    }

    /// Whether nobody pays for it: everybody has it who has no other.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.monthly.is_none() && self.annual.is_none()
    }
}

/// All plans in the order of the file, which is their rank: a later one is larger. With them what they count by.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    plans: Arc<[Plan]>,
    meters: Arc<[Meter]>,
}

impl Plans {
    /// These plans, the smallest first, and these meters.
    #[must_use]
    pub fn new(plans: Vec<Plan>, meters: Vec<Meter>) -> Self {
        Self { plans: plans.into(), meters: meters.into() }
    }

    /// All of them, the smallest first.
    #[must_use]
    pub fn all(&self) -> &[Plan] {
        &self.plans
    }

    /// All meters, in the order of the file.
    #[must_use]
    pub fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// The meter of this name.
    #[must_use]
    pub fn meter(&self, name: &str) -> Option<&Meter> {
        self.meters.iter().find(|meter| meter.name == name)
    }

    /// The plan of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    /// The place of a plan in the order; a plan that is none comes before all others.
    #[must_use]
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.plans.iter().position(|plan| plan.name == name)
    }

    /// What everybody has who pays for nothing.
    #[must_use]
    pub fn free(&self) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.is_free())
    }

    /// The plans that can be bought and would give what is lacking.
    pub fn that_meet<'a>(&'a self, lacking: Lacking<'a>) -> impl Iterator<Item = &'a Plan> {
        let Lacking { plans, entitlements, meters, .. } = lacking;
        let is_wanted = move |plan: &&Plan| {
            !plan.is_free()
                && (plans.is_empty() || plans.contains(&plan.name))
                && entitlements.is_subset(&plan.entitlements)
                && meters.iter().all(|meter| plan.quotas.contains_key(meter))
        };
        self.plans.iter().filter(is_wanted)
    }
}

impl fmt::Display for PriceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(name) | Self::LookupKey(name) => f.write_str(name),
        }
    }
}
