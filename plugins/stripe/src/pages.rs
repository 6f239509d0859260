//! What people see.

pub mod section;
pub mod usage;

use belgie_api::axum::response::Response;
use belgie_api::context::SubscriptionStatus;
use belgie_api::plugin::Template;
use belgie_api::web::{FormAction, Visitor};
use belgie_api::{Caller, Interval, Plan, Result};
use serde_json::{Value, json};

use crate::lifecycle::Deed;
use crate::model::ask::Ask;
use crate::service::Billing;

const UPGRADE: &str = "stripe/upgrade.html";

/// Every template of this plugin, with the contexts it is tried with when the gateway starts.
pub fn templates() -> Vec<Template> {
    let upgrade = Template {
        name: UPGRADE,
        source: include_str!("../templates/upgrade.html"),
        samples: include_str!("../templates/samples/upgrade.json"),
    };
    let quota = |name, source| Template { name, source, samples: include_str!("../templates/samples/mail_quota.json") };
    vec![
        upgrade,
        usage::template(),
        section::template(),
        quota("mail/stripe_quota.txt", include_str!("../templates/mail_quota.txt")),
        quota("mail/stripe_quota.html", include_str!("../templates/mail_quota.html")),
    ]
}

/// The plans that would have let a call through, to choose from; or why there is nothing to choose.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn upgrade(
    billing: &Billing,
    visitor: &Visitor,
    caller: &Caller,
    (ask, sealed): (&Ask, &str),
    error: Option<&str>,
) -> Result<Response> {
    if !ask.is_for(caller) {
        return show(billing, visitor, json!({ "state": "other_person", "error": null }));
    }
    let account = billing.account(caller, Some(&ask.account_id())).await?;
    let standing = billing.standing(ask.subject).await?;
    let may_manage = billing.may(caller, &account, Deed::Upgrade).await?;
    let plans = billing.current_plans().await?;
    let title = |name: &str| plans.find(name).map_or_else(|| name.to_owned(), |plan| plan.title.clone());
    let present = standing.context.as_ref();
    let is_unpaid = present.is_some_and(|own| own.status == SubscriptionStatus::ReadOnly);
    let is_done = !is_unpaid && present.is_some_and(|own| ask.plans.contains(&own.plan));
    let mut offered = Vec::new();
    for plan in plans.all().iter().filter(|plan| ask.plans.contains(&plan.name)) {
        offered.push(offer(billing, plan, is_done).await);
    }
    let context = json!({
        "state": if is_done { "done" } else if may_manage { "choose" } else { "may_not" },
        "error": error,
        "account": account.name,
        "is_personal": ask.user.is_some() && ask.account_id() == caller.user().id.to_string(),
        "tool": ask.tool,
        "present": present.map(|own| title(&own.plan)),
        "ask": sealed,
        "plans": offered,
        "is_unpaid": is_unpaid,
        "changes": standing.is_subscribed,
    });
    show(billing, visitor, context)
}

fn show(billing: &Billing, visitor: &Visitor, context: Value) -> Result<Response> {
    let mut page = billing.host().pages().page(visitor, UPGRADE, "Upgrade", context)?;
    // The form ends at Stripe, whose pages may have a host of the operator's own.
    page.extensions_mut().insert(FormAction(String::new()));
    Ok(page)
}

/// A plan with what it costs: who is done need not be told.
async fn offer(billing: &Billing, plan: &Plan, is_done: bool) -> Value {
    let cost = async |interval| if is_done { None } else { billing.cost(plan, interval).await };
    json!({
        "name": plan.name,
        "title": plan.title,
        "description": plan.description,
        "entitlements": plan.entitlements,
        "trial_days": plan.trial_days,
        "monthly": plan.monthly.is_some(),
        "annual": plan.annual.is_some(),
        "monthly_cost": cost(Interval::Month).await,
        "annual_cost": cost(Interval::Year).await,
        "by_seat": plan.sale.seats_from_members && plan.sale.seat.is_none(),
    })
}
