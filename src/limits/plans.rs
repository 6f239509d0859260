//! How many calls in a minute a plan has, for whoever has it, at all nodes together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use belgie_api::ports::BillingSubject;
use belgie_api::{Plans, Result};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::booked::Bookings;

/// After so many calls, those are forgotten who could make all of theirs at once again.
const SWEEP_AFTER: u32 = 8_192;

type Limiter = RateLimiter<BillingSubject, DashMapStateStore<BillingSubject>, DefaultClock>;

/// A bucket for each plan that has such a limit, with a place for each of those who have the plan. Keys are accounts, not
/// what strangers choose. What this node would let through is booked, so that all nodes together let through as much in a minute, and a
/// twentieth of it more for each of them.
#[derive(Default)]
pub struct PlanRates {
    plans: BTreeMap<String, (u32, Limiter)>,
    bookings: Option<Bookings>,
    clock: DefaultClock,
    taken: AtomicU32,
}

impl fmt::Debug for PlanRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanRates").field("plans", &self.plans.keys()).finish_non_exhaustive()
    }
}

impl PlanRates {
    /// Full buckets.
    #[must_use]
    pub fn new(plans: &Plans, bookings: Bookings) -> Self {
        let limited = plans.all().iter().filter_map(|plan| Some((plan.name.clone(), plan.calls_per_minute?)));
        let plans = limited
            .map(|(name, per_minute)| (name, (per_minute.get(), Limiter::dashmap(Quota::per_minute(per_minute)))))
            .collect();
        Self { plans, bookings: Some(bookings), ..Self::default() }
    }

    /// Whether a plan has a limit at all.
    #[must_use]
    pub fn limits(&self, plan: &str) -> bool {
        !self.plans.is_empty() && self.plans.contains_key(plan)
    }

    /// Takes one call; if there is none left, how many in a minute the plan has, and when the next may come.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take(&self, plan: &str, subject: BillingSubject) -> Result<Option<(u32, Duration)>> {
        let Some((per_minute, limiter)) = self.plans.get(plan) else { return Ok(None) };
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_AFTER) {
            limiter.retain_recent();
        }
        if let Err(not_yet) = limiter.check_key(&subject) {
            return Ok(Some((*per_minute, not_yet.wait_time_from(self.clock.now()))));
        }
        let Some(bookings) = &self.bookings else { return Ok(None) };
        let whose = format!("{subject:?}");
        let wait = bookings.take(&[b"plan", plan.as_bytes(), whose.as_bytes()], i64::from(*per_minute)).await?;
        Ok(wait.map(|wait| (*per_minute, wait)))
    }
}
