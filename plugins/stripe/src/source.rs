//! Plans that are not in the file: an application knows them, and may know others tomorrow.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use belgie_api::plan::Cap;
use belgie_api::{Host, Plan, Plans, Quota, Result, Timestamp, async_trait};
use tokio::sync::Mutex;

/// For how long what it said counts.
const LASTS: Duration = Duration::from_secs(60);

/// Knows plans.
#[async_trait]
pub trait PlanSource: Send + Sync {
    /// All of them, the smallest first. They come after those of the file and are larger than all of them; one that has a
    /// name of the file is left out.
    ///
    /// # Errors
    /// When it cannot say; then what it said last goes on counting.
    async fn plans(&self) -> Result<Vec<Plan>>;
}

/// The plans there are: those of the file, and those of the source if there is one. It is asked once a minute at most.
pub struct Catalogue {
    source: Option<Arc<dyn PlanSource>>,
    known: RwLock<Known>,
    asking: Mutex<()>,
}

struct Known {
    plans: Plans,
    since: Option<Timestamp>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("is_dynamic", &self.source.is_some()).finish_non_exhaustive()
    }
}

impl Catalogue {
    /// Those of the file for now.
    #[must_use]
    pub fn new(of_file: Plans, source: Option<Arc<dyn PlanSource>>) -> Self {
        Self { source, known: RwLock::new(Known { plans: of_file, since: None }), asking: Mutex::new(()) }
    }

    /// What is known at this moment.
    #[must_use]
    pub fn known(&self) -> Plans {
        self.known.read().unwrap_or_else(PoisonError::into_inner).plans.clone()
    }

    /// What is known now, after asking the source if that was too long ago.
    ///
    /// # Errors
    /// When the source has never said anything and does not now.
    pub async fn current(&self, host: &Host) -> Result<Plans> {
        let Some(source) = &self.source else { return Ok(self.known()) };
        if let Some(fresh) = self.fresh(host.now()) {
            return Ok(fresh);
        }
        let _asking = self.asking.lock().await;
        if let Some(fresh) = self.fresh(host.now()) {
            return Ok(fresh);
        }
        match source.plans().await {
            Ok(own) => Ok(self.learn(host, own)),
            Err(failure) if self.known.read().unwrap_or_else(PoisonError::into_inner).since.is_none() => Err(failure),
            Err(failure) => {
                tracing::warn!(error = ?failure, "the source of plans does not answer: what it said last counts");
                Ok(self.known())
            }
        }
    }

    fn fresh(&self, now: Timestamp) -> Option<Plans> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.since.is_some_and(|since| since.plus(LASTS) > now).then(|| known.plans.clone())
    }

    fn learn(&self, host: &Host, own: Vec<Plan>) -> Plans {
        let of_file = host.plans();
        let (new, twice): (Vec<Plan>, Vec<Plan>) = own.into_iter().partition(|plan| of_file.find(&plan.name).is_none());
        for plan in twice {
            tracing::warn!(plan.name = %plan.name, "a plan of the source has the name of one in the file: it is left out");
        }
        for plan in &new {
            let is_soft = |quota: &Quota| matches!(quota.cap, Cap::Soft { .. });
            for (meter, _) in plan.quotas.iter().filter(|(meter, quota)| is_soft(quota) && !plan.charges(meter)) {
                tracing::warn!(plan.name = %plan.name, meter.name = %meter, "no metered price of a plan of the source charges what is beyond");
            }
        }
        let plans = Plans::new(of_file.all().iter().cloned().chain(new).collect(), of_file.meters().to_vec());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { plans: plans.clone(), since: Some(host.now()) };
        plans
    }
}
