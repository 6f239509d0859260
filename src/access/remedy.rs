//! What would let a caller through whose plan does not.

use belgie_api::context::{QuotaContext, SubscriptionContext, SubscriptionStatus};
use belgie_api::host;
use belgie_api::{Caller, Plan};

use super::decide::{Denial, foresee};
use super::guard::Guard;

/// Whether the same caller under another plan would go past all that the guard asks of plans: every rule of it, denials and
/// expressions included, and not the one alone that has refused. What depends on arguments counts as met.
#[must_use]
pub fn would_do(caller: &Caller, guard: &Guard, plan: &Plan) -> bool {
    let subscription = SubscriptionContext {
        limits: plan.limits.clone(),
        quotas: plan.quotas.keys().map(|meter| (meter.clone(), QuotaContext::default())).collect(),
        ..SubscriptionContext::of(plan.name.clone(), plan.entitlements.clone(), SubscriptionStatus::Active)
    };
    let other = host::with_subscription(caller, subscription);
    !matches!(foresee(&other, guard), Err(Denial::Hidden | Denial::Plan { .. } | Denial::Undecided))
}
