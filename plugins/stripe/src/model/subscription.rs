//! A subscription as we keep it, and what it opens when.

use belgie_api::context::{SubscriptionContext, SubscriptionStatus};
use belgie_api::ports::BillingSubject;
use belgie_api::{Plan, Result, SubscriptionId, Timestamp};
use serde::Serialize;

use super::lapse::{Lapse, Opening};
use super::subject::Columns;

const FOR_EVER: Timestamp = Timestamp::from_unix_micros(i64::MAX);

/// A row of `stripe_subscriptions`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Subscription {
    /// Ours.
    pub id: SubscriptionId,
    /// Who has it.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// Stripe's id of it.
    pub stripe_id: String,
    /// Who pays, at Stripe.
    pub customer_id: String,
    /// The plan's name; empty when the price is none of ours.
    pub plan: String,
    /// The price at Stripe.
    pub price_id: String,
    /// The item of the subscription that carries the price.
    pub item_id: String,
    /// `month` or `year`, or what else the price says.
    pub pay_interval: String,
    /// Stripe's word for how it stands.
    pub status: String,
    /// For how many it was bought.
    pub seats: Option<i64>,
    /// When what is paid for began.
    pub period_start: Option<Timestamp>,
    /// When it ends.
    pub period_end: Option<Timestamp>,
    /// From when the months are counted in which so much is included, where that is not when the period began.
    pub counted_from: Option<Timestamp>,
    /// When the days that cost nothing began.
    pub trial_start: Option<Timestamp>,
    /// When they end.
    pub trial_end: Option<Timestamp>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When else it ends.
    pub cancel_at: Option<Timestamp>,
    /// When somebody said that it is to end.
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Since when a payment is missing.
    pub past_due_since: Option<Timestamp>,
    /// How many things are paid for in it.
    pub item_count: i64,
    /// The item that carries a price of its own for seats.
    pub seat_item_id: Option<String>,
    /// Stripe's plan for what is to become of it.
    pub schedule_id: Option<String>,
    /// The plan it changes to with the period, if that was asked for here.
    pub scheduled_plan: Option<String>,
    /// The next moment at which it opens less without any news.
    pub turns_at: Option<Timestamp>,
    /// The place of the look it comes from.
    pub synced_seq: i64,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When it last changed here.
    pub updated_at: Timestamp,
}

/// What programs are shown of a subscription.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    id: SubscriptionId,
    account_id: String,
    plan: String,
    status: String,
    period_start: Option<Timestamp>,
    period_end: Option<Timestamp>,
    trial_start: Option<Timestamp>,
    trial_end: Option<Timestamp>,
    seats: Option<i64>,
    cancel_at_period_end: bool,
    cancel_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    billing_interval: String,
    /// The plan it changes to with the period.
    schedule: Option<String>,
    price_id: String,
    limits: std::collections::BTreeMap<String, String>,
}

impl Subscription {
    /// Who has it.
    ///
    /// # Errors
    /// When no version of ours has written this.
    pub fn subject(&self) -> Result<BillingSubject> {
        self.subject.subject()
    }

    /// When it ends for good, if that is settled.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let with_period = self.period_end.filter(|_| self.cancel_at_period_end);
        with_period.into_iter().chain(self.cancel_at).chain(self.ended_at).min()
    }

    /// Until when it opens this much, as far as is known now: `None` when it does not, and the end of time when nothing is
    /// settled.
    fn until(&self, opening: Opening, lapse: Lapse) -> Option<Timestamp> {
        let by_status = match (self.status.as_str(), opening) {
            ("active" | "trialing", _) => FOR_EVER,
            ("past_due", Opening::Everything) => self.past_due_since?.plus(lapse.grace),
            // Stripe has given the payment up; it was missing before. All of it opens nothing any more.
            ("unpaid", Opening::Reading) if lapse.read_only.is_zero() => return None,
            ("past_due" | "unpaid", Opening::Reading) => self.past_due_since?.plus(lapse.grace).plus(lapse.read_only),
            _ => return None,
        };
        Some(self.ends_at().map_or(by_status, |end| end.min(by_status)))
    }

    /// How much of its plan it opens at a moment.
    #[must_use]
    pub fn opening(&self, now: Timestamp, lapse: Lapse) -> Option<Opening> {
        let is_open = |opening: &Opening| self.until(*opening, lapse).is_some_and(|until| until > now);
        [Opening::Everything, Opening::Reading].into_iter().find(is_open)
    }

    /// Whether it opens all of its plan at a moment.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, lapse: Lapse) -> bool {
        self.opening(now, lapse) == Some(Opening::Everything)
    }

    /// The next moment after this one at which it opens less, if nobody says otherwise before.
    #[must_use]
    pub fn next_turn(&self, now: Timestamp, lapse: Lapse) -> Option<Timestamp> {
        let turns =
            [Opening::Everything, Opening::Reading].into_iter().filter_map(|opening| self.until(opening, lapse));
        turns.filter(|turn| *turn > now && *turn != FOR_EVER).min()
    }

    /// Whether Stripe still has it as one that goes on, whatever it opens: then a second one is never begun beside it.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self.status.as_str(), "active" | "trialing" | "past_due" | "unpaid" | "paused" | "incomplete")
    }

    /// Whether it is paid for as it goes on, or was and is being asked for: what it lacks can be added.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        matches!(self.status.as_str(), "active" | "trialing" | "past_due")
    }

    /// What callers are told of it.
    ///
    /// # Errors
    /// When no version of ours has written it.
    pub fn context(&self, plan: &Plan, now: Timestamp, lapse: Lapse) -> Result<SubscriptionContext> {
        let status = match (self.status.as_str(), self.opening(now, lapse)) {
            (_, Some(Opening::Reading)) => SubscriptionStatus::ReadOnly,
            ("trialing", _) => SubscriptionStatus::Trialing,
            ("past_due", _) => SubscriptionStatus::PastDue,
            _ => SubscriptionStatus::Active,
        };
        Ok(SubscriptionContext {
            subject: Some(self.subject()?),
            period_start: self.period_start,
            period_end: self.period_end,
            counted_from: self.counted_from,
            ends_at: self.ends_at(),
            seats: self.seats.and_then(|seats| u32::try_from(seats).ok()),
            limits: plan.limits.clone(),
            quotas: super::meter::quotas_of(plan),
            calls_per_minute: plan.calls_per_minute,
            valid_until: self.next_turn(now, lapse),
            ..SubscriptionContext::of(plan.name.clone(), plan.entitlements.clone(), status)
        })
    }

    /// What programs are shown of it.
    ///
    /// # Errors
    /// When no version of ours has written it.
    pub fn shown(&self, plan: Option<&Plan>) -> Result<Shown> {
        Ok(Shown {
            id: self.id,
            account_id: super::subject::shown(&self.subject()?),
            plan: self.plan.clone(),
            status: self.status.clone(),
            period_start: self.period_start,
            period_end: self.period_end,
            trial_start: self.trial_start,
            trial_end: self.trial_end,
            seats: self.seats,
            cancel_at_period_end: self.cancel_at_period_end,
            cancel_at: self.cancel_at,
            canceled_at: self.canceled_at,
            ended_at: self.ended_at,
            billing_interval: self.pay_interval.clone(),
            schedule: self.scheduled_plan.clone(),
            price_id: self.price_id.clone(),
            limits: plan.map(|plan| plan.limits.clone()).unwrap_or_default(),
        })
    }
}
