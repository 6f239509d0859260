//! How many calls in a minute a plan has, for whoever has it, at all nodes together.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use belgie_api::context::SubscriptionContext;
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
    of_file: BTreeMap<String, Option<NonZeroU32>>,
    /// Made when the first call under a plan comes: plans that an application knows are not in the file.
    limiters: RwLock<BTreeMap<String, (NonZeroU32, Arc<Limiter>)>>,
    bookings: Option<Bookings>,
    clock: DefaultClock,
    taken: AtomicU32,
}

impl fmt::Debug for PlanRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanRates").field("of_file", &self.of_file).finish_non_exhaustive()
    }
}

impl PlanRates {
    /// Full buckets. `plans`: those of the file, which go before what is said of a plan of the same name elsewhere.
    #[must_use]
    pub fn new(plans: &Plans, bookings: Bookings) -> Self {
        let of_file = plans.all().iter().map(|plan| (plan.name.clone(), plan.calls_per_minute)).collect();
        Self { of_file, bookings: Some(bookings), ..Self::default() }
    }

    /// How many calls in a minute a plan has; `None` for as many as anybody likes.
    #[must_use]
    pub fn of(&self, plan: &SubscriptionContext) -> Option<NonZeroU32> {
        self.of_file.get(&plan.plan).map_or(plan.calls_per_minute, |of_file| *of_file)
    }

    /// Takes one call of so many in a minute; if there is none left, when the next may come.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take(&self, plan: &str, per_minute: NonZeroU32, subject: BillingSubject) -> Result<Option<Duration>> {
        let limiter = self.limiter(plan, per_minute);
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_AFTER) {
            limiter.retain_recent();
        }
        if let Err(not_yet) = limiter.check_key(&subject) {
            return Ok(Some(not_yet.wait_time_from(self.clock.now())));
        }
        let Some(bookings) = &self.bookings else { return Ok(None) };
        let whose = format!("{subject:?}");
        bookings.take(&[b"plan", plan.as_bytes(), whose.as_bytes()], i64::from(per_minute.get())).await
    }

    /// That of a plan; a new one where the plan has another number by now.
    fn limiter(&self, plan: &str, per_minute: NonZeroU32) -> Arc<Limiter> {
        let known = self.limiters.read().unwrap_or_else(PoisonError::into_inner).get(plan).cloned();
        if let Some((_, limiter)) = known.filter(|(own, _)| *own == per_minute) {
            return limiter;
        }
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        let made = || (per_minute, Arc::new(Limiter::dashmap(Quota::per_minute(per_minute))));
        let own = limiters.entry(plan.to_owned()).or_insert_with(made);
        if own.0 != per_minute {
            *own = made();
        }
        Arc::clone(&own.1)
    }
}
