//! The plans of `[[plan]]`: what can be had, and what each of them opens. Whoever sells them is a plugin.

mod quota;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::scope::ScopeSet;

pub use self::quota::{Cap, Meter, Quota};

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
    /// How many calls whoever has it may make in a minute.
    pub calls_per_minute: Option<NonZeroU32>,
    /// Names or patterns (`*`) of tools, prompts and resources that are open under plans which name them alone. Of plans of the
    /// operator's file; for what an application sells, rules say it.
    pub tools: Vec<String>,
    /// Scopes that count under plans which name them alone: whoever asks for one of them asks for such a plan, too. Of plans of the
    /// operator's file.
    pub scopes: ScopeSet,
    /// How it is sold, beyond its prices.
    pub sale: Sale,
}

/// How a plan is sold, beyond its prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sale {
    /// Whether as many seats are paid as an organization or a team has members, and not as many as somebody asks for.
    pub seats_from_members: bool,
    /// A price of its own for seats; without one the price of the plan is paid for each.
    pub seat: Option<PriceName>,
    /// What is paid beside the plan, once for each period.
    pub extras: Vec<PriceName>,
    /// What is paid beside it as it is used: such prices have no quantity.
    pub metered: Vec<PriceName>,
    /// What becomes of what was paid already when something changes in the middle of a period.
    pub proration: Proration,
    /// What the monthly price is to be, in the smallest unit of the currency; only compared with what is really asked for.
    pub monthly_amount: Option<i64>,
    /// What the annual price is to be.
    pub annual_amount: Option<i64>,
    /// What prices beside the plan's own are to be, by their name here: of a seat, of what is paid beside the plan, of a unit that is used.
    pub amounts: BTreeMap<String, i64>,
    /// The currency of them all, three letters in lower case (ISO 4217).
    pub currency: Option<String>,
    /// Which meter a price of [`metered`](Self::metered) is for, by the name of the price. Where a plan has one meter that is told, it
    /// need not be said.
    pub metered_by: BTreeMap<String, String>,
}

/// What becomes of what was paid already when something changes in the middle of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proration {
    /// It is set off against the next invoice.
    #[default]
    NextInvoice,
    /// It is set off in an invoice of its own, at once.
    AtOnce,
    /// Nothing.
    Nothing,
}

impl PriceName {
    /// The price this text names: an id where it looks like one, else a key.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.starts_with("price_") { Self::Id(text.to_owned()) } else { Self::LookupKey(text.to_owned()) }
    }

    /// The id or the key.
    #[must_use]
    pub fn text(&self) -> &str {
        let (Self::Id(text) | Self::LookupKey(text)) = self;
        text
    }
}

impl Sale {
    /// What it is to cost by an interval, if the operator says.
    #[must_use]
    pub const fn amount(&self, interval: Interval) -> Option<i64> {
        match interval {
            Interval::Month => self.monthly_amount,
            Interval::Year => self.annual_amount,
        }
    }
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

    /// Whether there is a price for what is used of a meter.
    #[must_use]
    pub fn charges(&self, meter: &str) -> bool {
        let is_for = |price: &PriceName| self.sale.metered_by.get(price.text()).is_none_or(|own| own == meter);
        self.sale.metered.iter().any(is_for)
    }

    /// The meter that a price of what is used is for, if that is clear.
    #[must_use]
    pub fn meter_of<'a>(&self, price: &PriceName, meters: &'a [Meter]) -> Option<&'a Meter> {
        if let Some(name) = self.sale.metered_by.get(price.text()) {
            return meters.iter().find(|meter| meter.name == *name);
        }
        let mut told =
            meters.iter().filter(|meter| meter.event_name.is_some() && self.quotas.contains_key(&meter.name));
        told.next().filter(|_| told.next().is_none())
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
}

impl fmt::Display for PriceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
