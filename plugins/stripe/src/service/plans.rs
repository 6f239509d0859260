//! Who has which plan now.

use belgie_api::context::{SubscriptionContext, SubscriptionStatus};
use belgie_api::ports::{BillingSubject, Lacking, WayOut};
use belgie_api::{Caller, Failure, Plan, Result};

use super::Billing;
use crate::model::ask::{self, Ask};
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

impl Billing {
    /// The plan of one of these: the largest, and of equals that of the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn context_of(&self, subjects: &[BillingSubject]) -> Result<Option<SubscriptionContext>> {
        let mut best: Option<(usize, SubscriptionContext)> = None;
        let mut conn = self.host.db().read().await?;
        for subject in subjects {
            let all = store::subscriptions::list(&mut conn, &Columns::from(*subject)).await?;
            if let Some((rank, plan, own)) = self.largest(&all)
                && best.as_ref().is_none_or(|(other, _)| rank > *other)
            {
                best = Some((rank, own.context(plan, self.settings.grace)?));
            }
        }
        Ok(best.map(|(_, context)| context).or_else(|| self.free()))
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
        let now = self.host.now();
        let mut conn = self.host.db().read().await?;
        let all = store::subscriptions::list(&mut conn, &Columns::from(subject)).await?;
        let wanted = all.into_iter().filter(|one| !only_open || one.is_open(now, self.settings.grace));
        wanted.map(|one| one.shown(self.host.plans().find(&one.plan))).collect()
    }

    /// Where a caller gets what a call lacked; `None` when nothing that can be bought would help.
    pub fn way_out(&self, caller: &Caller, lacking: Lacking<'_>) -> Option<WayOut> {
        let wanted: Vec<&Plan> = self.host.plans().that_meet(lacking).collect();
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

    fn largest<'a>(&'a self, all: &'a [Subscription]) -> Option<(usize, &'a Plan, &'a Subscription)> {
        let now = self.host.now();
        let open = all.iter().filter(|one| one.is_open(now, self.settings.grace));
        let known = open.filter_map(|one| {
            let plans = self.host.plans();
            Some((plans.rank(&one.plan)?, plans.find(&one.plan)?, one))
        });
        known.max_by_key(|(rank, _, _)| *rank)
    }

    fn free(&self) -> Option<SubscriptionContext> {
        let plan = self.host.plans().free()?;
        let (limits, quotas) = (plan.limits.clone(), crate::model::meter::quotas_of(plan));
        let of = SubscriptionContext::of(plan.name.clone(), plan.entitlements.clone(), SubscriptionStatus::Free);
        Some(SubscriptionContext { limits, quotas, ..of })
    }

    /// The plan whose price this is, by its id or the key that leads to it.
    pub(super) fn plan_of_price(&self, id: &str, lookup_key: Option<&str>) -> Option<&Plan> {
        let is_meant = |name: &belgie_api::PriceName| match name {
            belgie_api::PriceName::Id(own) => own == id,
            belgie_api::PriceName::LookupKey(own) => Some(own.as_str()) == lookup_key,
        };
        let all = self.host.plans().all();
        all.iter().find(|plan| plan.monthly.iter().chain(&plan.annual).any(is_meant))
    }

    /// A plan of this name that can be bought.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn buyable(&self, name: &str) -> Result<&Plan, Failure> {
        let plan = self.host.plans().find(name).filter(|plan| !plan.is_free());
        plan.ok_or_else(crate::model::refusal::unknown_plan)
    }
}
