//! A subscription as we keep it, and what it opens when.

use std::time::Duration;

use belgie_api::context::{SubscriptionContext, SubscriptionStatus};
use belgie_api::ports::BillingSubject;
use belgie_api::{Plan, Result, SubscriptionId, Timestamp};
use serde::Serialize;

use super::subject::Columns;

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

    /// Until when it opens its plan, as far as is known now: `None` when it opens nothing, and the end of time when nothing
    /// is settled.
    #[must_use]
    pub fn open_until(&self, grace: Duration) -> Option<Timestamp> {
        const FOR_EVER: Timestamp = Timestamp::from_unix_micros(i64::MAX);
        let by_status = match self.status.as_str() {
            "active" | "trialing" => FOR_EVER,
            "past_due" => self.past_due_since?.plus(grace),
            _ => return None,
        };
        Some(self.ends_at().map_or(by_status, |end| end.min(by_status)))
    }

    /// Whether it opens its plan at a moment.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, grace: Duration) -> bool {
        self.open_until(grace).is_some_and(|until| until > now)
    }

    /// Whether Stripe still has it as one that goes on, whatever it opens: then a second one is never begun beside it.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self.status.as_str(), "active" | "trialing" | "past_due" | "unpaid" | "paused" | "incomplete")
    }

    /// What callers are told of it.
    ///
    /// # Errors
    /// When no version of ours has written it.
    pub fn context(&self, plan: &Plan, grace: Duration) -> Result<SubscriptionContext> {
        let status = match self.status.as_str() {
            "trialing" => SubscriptionStatus::Trialing,
            "past_due" => SubscriptionStatus::PastDue,
            _ => SubscriptionStatus::Active,
        };
        let until = self.open_until(grace).filter(|until| until.unix_micros() != i64::MAX);
        Ok(SubscriptionContext {
            subject: Some(self.subject()?),
            period_start: self.period_start,
            period_end: self.period_end,
            ends_at: self.ends_at(),
            seats: self.seats.and_then(|seats| u32::try_from(seats).ok()),
            limits: plan.limits.clone(),
            quotas: super::meter::quotas_of(plan),
            valid_until: until,
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
            price_id: self.price_id.clone(),
            limits: plan.map(|plan| plan.limits.clone()).unwrap_or_default(),
        })
    }
}
