//! What customers see of what they have used.

use belgie_api::axum::response::Response;
use belgie_api::plugin::Template;
use belgie_api::ports::{BillingSubject, Organizations};
use belgie_api::web::{FormAction, Visitor};
use belgie_api::{Caller, Result, Timestamp, UserId};
use serde_json::{Value, json};

use crate::lifecycle::Deed;
use crate::service::{Account, Billing, MeterUsage, ShareUsage};

const USAGE: &str = "stripe/usage.html";

/// The template of the page.
pub fn template() -> Template {
    Template {
        name: USAGE,
        source: include_str!("../../templates/usage.html"),
        samples: include_str!("../../templates/samples/usage.json"),
    }
}

/// What an account has used. Who may not decide on its plan sees of people and agents only their own share.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn usage(
    billing: &Billing,
    visitor: &Visitor,
    caller: &Caller,
    account: &Account,
    error: Option<&str>,
) -> Result<Response> {
    let usage = match account.may_manage {
        true => billing.usage_of(account.subject).await?,
        false => billing.usage_seen_by(account.subject, caller.user().id).await?,
    };
    let mut meters = Vec::with_capacity(usage.meters.len());
    for meter in &usage.meters {
        let mut shares = Vec::new();
        for share in &meter.shares {
            shares.push(describe_share(billing, share).await?);
        }
        meters.push(describe(meter, shares));
    }
    let plans = billing.current_plans().await?;
    let title = |name: &str| plans.find(name).map_or_else(|| name.to_owned(), |plan| plan.title.clone());
    let plan = usage.plan.as_deref().map(title);
    let context = json!({
        "error": error,
        "account": account.name,
        "account_id": usage.account_id,
        "subscription": subscription(billing, caller, account).await?,
        "is_personal": matches!(account.subject, BillingSubject::User { .. }),
        "plan": plan,
        "resets_on": usage.resets_at.day(),
        "meters": meters,
        "accounts": others(billing, caller, &usage.account_id).await?,
    });
    let mut page = billing.host().pages().page(visitor, USAGE, "Usage", context)?;
    // Its forms end at Stripe, whose pages may have a host of the operator's own.
    page.extensions_mut().insert(FormAction(String::new()));
    Ok(page)
}

/// What is paid for, for whoever may decide on it: when it ends, if it does, and what can be done about that.
async fn subscription(billing: &Billing, caller: &Caller, account: &Account) -> Result<Value> {
    let Some(present) = billing.present(account).await? else { return Ok(Value::Null) };
    let is_worn = caller.is_worn();
    let may_cancel = !is_worn && billing.may(caller, account, Deed::Cancel).await?;
    let may_restore = !is_worn && billing.may(caller, account, Deed::Restore).await?;
    let ends = present.cancel_at_period_end || present.cancel_at.is_some();
    let plans = billing.current_plans().await?;
    let title = |name: &String| plans.find(name).map_or_else(|| name.clone(), |plan| plan.title.clone());
    let changes_to = present.scheduled_plan.as_ref().map(title);
    // What waits is taken back first: Stripe's portal ends nothing that a schedule holds.
    let waits = ends || changes_to.is_some();
    Ok(json!({
        "ends_on": present.ends_at().filter(|_| ends).map(Timestamp::day),
        "changes_to": changes_to,
        "may_cancel": may_cancel && !waits,
        "may_restore": may_restore && waits,
    }))
}

fn describe(meter: &MeterUsage, shares: Vec<Value>) -> Value {
    let taken = meter.used + meter.running;
    let most = meter.included.max(taken).max(1);
    json!({
        "title": meter.title,
        "used": meter.used,
        "running": meter.running,
        "taken": taken,
        "included": meter.included,
        "limit": meter.limit,
        "remaining": meter.remaining,
        "gauge_max": most,
        "gauge_high": meter.included * 4 / 5,
        "is_used_up": meter.limit.is_some_and(|limit| taken >= limit),
        "is_beyond": taken > meter.included,
        "prices": meter.prices.iter().map(|(tool, units)| json!({ "tool": tool, "units": units })).collect::<Vec<_>>(),
        "shares": shares,
    })
}

async fn describe_share(billing: &Billing, share: &ShareUsage) -> Result<Value> {
    let kind = match share.level.as_str() {
        "team" => "Team",
        "user" => "Person",
        _ => "Agent",
    };
    let name = match share.id.parse::<UserId>() {
        Ok(user) => billing.host().accounts().find(user).await?.map(|person| person.email),
        Err(_) => None,
    };
    Ok(
        json!({ "kind": kind, "name": name.unwrap_or_else(|| share.id.clone()), "used": share.used, "limit": share.limit }),
    )
}

/// The other accounts the person can look at.
async fn others(billing: &Billing, caller: &Caller, shown: &str) -> Result<Vec<Value>> {
    let user = caller.user();
    let own = if user.name.is_empty() { &user.email } else { &user.name };
    let mut all = vec![(user.id.to_string(), own.clone())];
    if let Some(organizations) = billing.host().provided::<Organizations>() {
        let list = organizations.0.list_of_user(user.id).await?;
        all.extend(list.into_iter().map(|organization| (organization.id.to_string(), organization.name)));
    }
    Ok(all.into_iter().filter(|(id, _)| id != shown).map(|(id, name)| json!({ "id": id, "name": name })).collect())
}
