//! How many calls in a minute a plan has, for whoever has it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use belgie_api::Plans;
use belgie_api::ports::BillingSubject;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// After so many calls, those are forgotten who could make all of theirs at once again.
const SWEEP_AFTER: u32 = 8_192;

type Limiter = RateLimiter<BillingSubject, DashMapStateStore<BillingSubject>, DefaultClock>;

/// A bucket for each plan that has such a limit, with a place for each of those who have the plan. Keys are accounts, not
/// what strangers choose.
#[derive(Default)]
pub struct PlanRates {
    plans: BTreeMap<String, (u32, Limiter)>,
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
    pub fn new(plans: &Plans) -> Self {
        let limited = plans.all().iter().filter_map(|plan| Some((plan.name.clone(), plan.calls_per_minute?)));
        let plans = limited
            .map(|(name, per_minute)| (name, (per_minute.get(), Limiter::dashmap(Quota::per_minute(per_minute)))))
            .collect();
        Self { plans, ..Self::default() }
    }

    /// Whether a plan has a limit at all.
    #[must_use]
    pub fn limits(&self, plan: &str) -> bool {
        !self.plans.is_empty() && self.plans.contains_key(plan)
    }

    /// Takes one call.
    ///
    /// # Errors
    /// How many calls in a minute the plan has, and when the next may come.
    pub fn take(&self, plan: &str, subject: BillingSubject) -> Result<(), (u32, Duration)> {
        let Some((per_minute, limiter)) = self.plans.get(plan) else { return Ok(()) };
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_AFTER) {
            limiter.retain_recent();
        }
        limiter.check_key(&subject).map_err(|not_yet| (*per_minute, not_yet.wait_time_from(self.clock.now())))
    }
}
