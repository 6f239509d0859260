//! Who has which plan now.

use std::sync::Arc;

use belgie_api::context::{SubscriptionContext, SubscriptionStatus};
use belgie_api::ports::{BillingSubject, Lacking, WayOut};
use belgie_api::{Caller, Failure, Plan, Plans, Result};

use super::Billing;
use crate::model::ask::{self, Ask};
use crate::model::lapse::Opening;
use crate::model::subject::Columns;
use crate::model::subscription::{Shown, Subscription};
use crate::store;

/// How it stands with the plan of an account.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The plan that is open, with how it stands; the free one when nothing is paid for.
    pub context: Option<SubscriptionContext>,
    /// Whether something is paid for, or was begun and not ended.
    pub is_subscribed: bool,
}

/// What goes before what: all of a small plan before reading under a large one, and of equals the larger plan.
type Place = (Opening, usize);

impl Billing {
    /// The plans there are now.
    ///
    /// # Errors
    /// When the source of plans does not answer and never has.
    pub async fn current_plans(&self) -> Result<Plans> {
        self.catalogue.current(&self.host).await
    }

    /// The plan of one of these: the largest, and of equals that of the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn context_of(&self, subjects: &[BillingSubject]) -> Result<Option<SubscriptionContext>> {
        let plans = self.current_plans().await?;
        let mut best: Option<(Place, SubscriptionContext)> = None;
        let mut conn = self.host.db().read().await?;
        for subject in subjects {
            let all = store::subscriptions::list(&mut conn, &Columns::from(*subject)).await?;
            if let Some((place, plan, own)) = self.largest(&plans, &all)
                && best.as_ref().is_none_or(|(other, _)| place > *other)
            {
                best = Some((place, own.context(plan, self.host.now(), self.settings.lapse())?));
            }
        }
        let free = free(&plans);
        Ok(match best {
            // What everybody has they have as well, and all of it.
            Some(((Opening::Reading, _), own)) => Some(SubscriptionContext { free: free.map(Arc::new), ..own }),
            Some((_, own)) => Some(own),
            None => free,
        })
    }

    /// How it stands with the plan of one account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn standing(&self, subject: BillingSubject) -> Result<Standing> {
        let context = self.context_of(&[subject]).await?;
        let mut conn = self.host.db().read().await?;
        let all = store::subscriptions::list(&mut conn, &Columns::from(subject)).await?;
        Ok(Standing { context, is_subscribed: all.iter().any(Subscription::goes_on) })
    }

    /// Every subscription an account has or had, the newest first; or those that are open.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, subject: BillingSubject, only_open: bool) -> Result<Vec<Shown>> {
        let (now, plans) = (self.host.now(), self.current_plans().await?);
        let mut conn = self.host.db().read().await?;
        let all = store::subscriptions::list(&mut conn, &Columns::from(subject)).await?;
        let wanted = all.into_iter().filter(|one| !only_open || one.is_open(now, self.settings.lapse()));
        wanted.map(|one| one.shown(plans.find(&one.plan))).collect()
    }

    /// Where a caller gets what a call lacked; `None` when nothing that can be bought would help.
    pub fn way_out(&self, caller: &Caller, lacking: Lacking<'_>) -> Option<WayOut> {
        let plans = self.catalogue.known();
        let wanted: Vec<&Plan> =
            plans.all().iter().filter(|plan| !plan.is_free() && (lacking.would_do)(plan)).collect();
        // The farthest of those behind the call: a team's plan is bought where teams are, not because a call was refused.
        let subject = BillingSubject::behind(caller.principal(), []).pop()?;
        if wanted.is_empty() {
            return None;
        }
        let ask = Ask {
            user: caller.service().is_none().then(|| caller.user().id),
            subject,
            plans: wanted.iter().map(|plan| plan.name.clone()).collect(),
            tool: lacking.tool.to_owned(),
            until: self.host.now().plus(ask::LASTS),
        };
        let sealed =
            ask.seal(&self.host).inspect_err(|error| tracing::error!(?error, "a link could not be made")).ok()?;
        Some(WayOut {
            url: self.host.urls().absolute(&format!("/billing/upgrade?ask={sealed}")),
            titles: wanted.into_iter().map(|plan| plan.title.clone()).collect(),
        })
    }

    /// The one that opens most, with what it opens.
    fn largest<'a>(&self, plans: &'a Plans, all: &'a [Subscription]) -> Option<(Place, &'a Plan, &'a Subscription)> {
        let (now, lapse) = (self.host.now(), self.settings.lapse());
        let known = all.iter().filter_map(|one| {
            let place = (one.opening(now, lapse)?, plans.rank(&one.plan)?);
            Some((place, plans.find(&one.plan)?, one))
        });
        known.max_by_key(|(place, _, _)| *place)
    }

    /// Of several that go on the one that opens most, and of those that open nothing the newest.
    pub(super) fn foremost<'a>(&self, plans: &Plans, all: &'a [Subscription]) -> Option<&'a Subscription> {
        let (now, lapse) = (self.host.now(), self.settings.lapse());
        let place = |one: &&Subscription| (one.opening(now, lapse), plans.rank(&one.plan));
        // Of equals `max_by_key` takes the last, and the newest stands first.
        all.iter().rev().max_by_key(place)
    }
}

fn free(plans: &Plans) -> Option<SubscriptionContext> {
    let plan = plans.free()?;
    let (limits, quotas) = (plan.limits.clone(), crate::model::meter::quotas_of(plan));
    let of = SubscriptionContext::of(plan.name.clone(), plan.entitlements.clone(), SubscriptionStatus::Free);
    Some(SubscriptionContext { limits, quotas, calls_per_minute: plan.calls_per_minute, ..of })
}

/// A plan of this name that can be bought.
///
/// # Errors
/// 404 when there is none.
pub(super) fn buyable<'a>(plans: &'a Plans, name: &str) -> Result<&'a Plan, Failure> {
    let plan = plans.find(name).filter(|plan| !plan.is_free());
    plan.ok_or_else(crate::model::refusal::unknown_plan)
}
