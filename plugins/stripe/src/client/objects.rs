//! Stripe's objects, as far as they are looked at. Whatever else is in them is left alone, as their rules for
//! backward-compatible changes ask.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// What is on it.
    pub data: Vec<T>,
    /// Whether there is another one.
    #[serde(default)]
    pub has_more: bool,
}

/// Somebody who pays.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_...`
    pub id: String,
}

/// What is paid.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// `price_...`
    pub id: String,
    /// The key that can be moved to another price.
    pub lookup_key: Option<String>,
    /// How often, if more than once.
    pub recurring: Option<Recurring>,
    /// How much, in the smallest unit of the currency; `None` where that depends on how many.
    pub unit_amount: Option<i64>,
    /// Three letters in lower case.
    pub currency: Option<String>,
    /// Whether it can be bought.
    pub active: Option<bool>,
    /// What is sold for it: its id.
    pub product: Option<String>,
    /// What so many cost each, where that depends on how many; only told when it is asked for.
    pub tiers: Option<Vec<Tier>>,
}

/// What units cost up to a number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Tier {
    /// Up to here, this one included; `None` for the last.
    pub up_to: Option<u64>,
    /// What each costs, in the smallest unit of the currency.
    pub unit_amount: Option<i64>,
    /// What they cost together beside that.
    pub flat_amount: Option<i64>,
}

/// What is sold.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    /// `prod_...`, or what we called it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Whether it can be bought.
    #[serde(default)]
    pub active: bool,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What counts events (`billing.meter`).
#[derive(Clone, Debug, Deserialize)]
pub struct BillingMeter {
    /// `mtr_...`, as our calls are called, too.
    pub id: String,
    /// The name of the events it counts.
    pub event_name: String,
    /// `active` or `inactive`.
    pub status: Option<String>,
    /// How it counts them.
    pub default_aggregation: Option<Aggregation>,
    /// Where events say how much.
    pub value_settings: Option<PayloadKey>,
    /// Where they say who.
    pub customer_mapping: Option<PayloadKey>,
}

/// How events are counted.
#[derive(Clone, Debug, Deserialize)]
pub struct Aggregation {
    /// `sum`, `count` or `last`.
    pub formula: String,
}

/// Where something stands in an event.
#[derive(Clone, Debug, Deserialize)]
pub struct PayloadKey {
    /// Under this name in `payload`.
    pub event_payload_key: String,
}

/// What is to become of a subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct Schedule {
    /// `sub_sched_...`
    pub id: String,
    /// `not_started` or `active`; `completed`, `released` or `canceled` once it does nothing any more.
    pub status: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// The step it is at; `None` before the first and when it does nothing any more.
    pub current_phase: Option<CurrentPhase>,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// The step a schedule is at, in seconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct CurrentPhase {
    /// From when.
    pub start_date: i64,
}

impl Schedule {
    /// Whether it does nothing any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_deref(), Some("completed" | "released" | "canceled"))
    }

    /// Whether the last of several steps has begun: nothing is planned any more.
    #[must_use]
    pub fn has_come_true(&self) -> bool {
        let last = self.phases.iter().skip(1).last();
        last.zip(self.current_phase).is_some_and(|(last, now)| now.start_date >= last.start_date)
    }
}

/// A step of it, in seconds since 1970.
#[derive(Clone, Debug, Deserialize)]
pub struct Phase {
    /// From when.
    pub start_date: i64,
    /// To when.
    pub end_date: i64,
    /// Until when it costs nothing.
    pub trial_end: Option<i64>,
    /// What makes it cheaper.
    #[serde(default)]
    pub discounts: Vec<PhaseDiscount>,
}

/// What makes a step cheaper: one of these.
#[derive(Clone, Debug, Deserialize)]
pub struct PhaseDiscount {
    /// What is taken off already: `di_...`
    pub discount: Option<String>,
    /// `promo_...`
    pub promotion_code: Option<String>,
    /// The id of a coupon.
    pub coupon: Option<String>,
}

impl PhaseDiscount {
    /// The one that it is, and what it is called in a request, which takes no second one.
    #[must_use]
    pub fn named(&self) -> Option<(&'static str, &str)> {
        let Self { discount, promotion_code, coupon } = self;
        let all = [("discount", discount), ("promotion_code", promotion_code), ("coupon", coupon)];
        all.into_iter().find_map(|(name, id)| Some((name, id.as_deref()?)))
    }
}

/// How often is paid.
#[derive(Clone, Debug, Deserialize)]
pub struct Recurring {
    /// `day`, `week`, `month` or `year`.
    pub interval: String,
    /// So many of them.
    pub interval_count: Option<u32>,
    /// `licensed`, or `metered` where it is paid for what was used.
    pub usage_type: Option<String>,
    /// What counts that: its id.
    pub meter: Option<String>,
}

/// A page on which somebody pays.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckoutSession {
    /// `cs_...`
    pub id: String,
    /// Where the page is, while it is open.
    pub url: Option<String>,
    /// `open`, `complete` or `expired`.
    pub status: Option<String>,
    /// The subscription that came of it.
    pub subscription: Option<String>,
    /// Until when one can pay, in seconds since 1970.
    pub expires_at: i64,
}

/// A page on which somebody looks after what they pay.
#[derive(Clone, Debug, Deserialize)]
pub struct PortalSession {
    /// Where it is.
    pub url: String,
}

/// A subscription. Since version 2025-03-31 the period stands at its items.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// `sub_...`
    pub id: String,
    /// Who pays.
    pub customer: String,
    /// How it stands.
    pub status: String,
    /// Whether it ends with the period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// When else it ends. All moments are seconds since 1970.
    pub cancel_at: Option<i64>,
    /// When somebody said that it is to end.
    pub canceled_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// When the days that cost nothing began.
    pub trial_start: Option<i64>,
    /// When they end.
    pub trial_end: Option<i64>,
    /// What is paid for.
    pub items: List<Item>,
    /// Stripe's plan for what is to become of it: its id.
    pub schedule: Option<String>,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// One thing that is paid for.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    /// `si_...`
    pub id: String,
    /// Its price.
    pub price: Price,
    /// How many; metered prices have none.
    pub quantity: Option<i64>,
    /// When what is paid for began.
    pub current_period_start: Option<i64>,
    /// When it ends.
    pub current_period_end: Option<i64>,
}
