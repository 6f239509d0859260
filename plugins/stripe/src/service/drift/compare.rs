//! In what something at Stripe differs from what the file says of it.

use belgie_api::{Interval, Meter, Plan};

use super::{Drift, MetersThere, Wanted};
use crate::client::{BillingMeter, Price, Product, Tier};
use crate::model::money;

/// How events of ours are added up at Stripe.
pub(super) const FORMULA: &str = "sum";
/// Where an event says who.
pub(super) const CUSTOMER_KEY: &str = "stripe_customer_id";
/// Where it says how much.
pub(super) const VALUE_KEY: &str = "value";

/// Whether it counts now.
pub(super) fn is_active(meter: &BillingMeter) -> bool {
    meter.status.as_deref() != Some("inactive")
}

/// What a unit costs beyond those that cost nothing, as Stripe writes it.
pub(super) fn tiers(free: u64, amount: i64) -> Vec<Tier> {
    let own = |up_to, amount| Tier { up_to, unit_amount: Some(amount), flat_amount: None };
    vec![own(Some(free), 0), own(None, amount)]
}

/// A price, if there is one.
pub(super) fn price(plan: &Plan, wanted: &Wanted<'_>, found: Option<&Price>, meters: &MetersThere) -> Vec<Drift> {
    let drift = |says: String| Drift {
        plan: plan.name.clone(),
        what: wanted.what,
        name: wanted.name.to_string(),
        says,
        can_be_pushed: false,
    };
    let Some(price) = found else {
        let can_be_pushed = wanted.can_be_made(plan, meters);
        return vec![Drift { can_be_pushed, ..drift("there is no such price at Stripe".to_owned()) }];
    };
    let mut all = Vec::new();
    if price.active == Some(false) {
        all.push(drift("the price is archived at Stripe: nobody can buy it".to_owned()));
    }
    all.extend(interval(wanted, price).map(drift));
    all.extend(usage(wanted, price, meters).map(drift));
    all.extend(amount(plan, wanted, price).map(drift));
    let currency = price.currency.as_deref().unwrap_or_default();
    if let Some(ours) = plan.sale.currency.as_ref().filter(|ours| *ours != currency) {
        all.push(drift(format!("it is paid in {ours} here, and in {currency} there")));
    }
    all
}

/// How often it is paid.
fn interval(wanted: &Wanted<'_>, price: &Price) -> Option<String> {
    let there = match &price.recurring {
        None => "once".to_owned(),
        Some(often) => match often.interval_count {
            None | Some(1) => often.interval.clone(),
            Some(count) => format!("every {count} {}s", often.interval),
        },
    };
    let here: Vec<&str> = wanted.intervals.iter().copied().map(Interval::word).collect();
    let is_same = here.contains(&there.as_str());
    (!is_same).then(|| format!("it is paid by the {} here, and there: {there}", here.join(" or the ")))
}

/// Whether it is paid for what is there or for what was used, and what counts that.
fn usage(wanted: &Wanted<'_>, price: &Price, meters: &MetersThere) -> Option<String> {
    let often = price.recurring.as_ref()?;
    let is_metered = often.usage_type.as_deref() == Some("metered");
    match (wanted.is_metered(), is_metered) {
        (true, false) => return Some("it is paid for what was used here, and for a quantity there".to_owned()),
        (false, true) => return Some("it is paid for a quantity here, and for what was used there".to_owned()),
        (false, false) => return None,
        (true, true) => {}
    }
    let ours = wanted.meter?.event_name.as_ref()?;
    let Some(id) = &often.meter else {
        return Some(format!("events `{ours}` are counted for it here, and no meter there"));
    };
    let theirs = meters.values().find(|own| own.id == *id).map_or(id, |own| &own.event_name);
    (theirs != ours).then(|| format!("events `{ours}` are counted for it here, and `{theirs}` there"))
}

/// What it costs.
fn amount(plan: &Plan, wanted: &Wanted<'_>, price: &Price) -> Option<String> {
    let ours = wanted.amount?;
    let free = wanted.free_units(plan);
    let currency = price.currency.as_deref().unwrap_or_default();
    let shown = |amount: i64, free: u64, currency: &str| match free {
        0 => money::shown(amount, currency),
        free => format!("{} after {free} units for nothing", money::shown(amount, currency)),
    };
    let there = match (price.unit_amount, price.tiers.as_deref()) {
        (Some(amount), _) if amount == ours && free == 0 => return None,
        (Some(amount), _) => money::shown(amount, currency),
        (None, Some([first, last])) if is_simple(first, last) => {
            let (own, up_to) = (last.unit_amount.unwrap_or_default(), first.up_to.unwrap_or_default());
            if (own, up_to) == (ours, free) {
                return None;
            }
            shown(own, up_to, currency)
        }
        (None, Some(_)) => "by tiers of its own".to_owned(),
        (None, None) => "no whole number".to_owned(),
    };
    let here = shown(ours, free, plan.sale.currency.as_deref().unwrap_or(currency));
    Some(format!("it costs {here} here, and {there} there"))
}

/// Whether the first units cost nothing, and each of the others the same.
fn is_simple(first: &Tier, last: &Tier) -> bool {
    let is_flat = |tier: &Tier| tier.flat_amount.is_none_or(|amount| amount == 0);
    is_flat(first)
        && is_flat(last)
        && first.unit_amount == Some(0)
        && last.unit_amount.is_some()
        && last.up_to.is_none()
}

/// A product, if there is one. `is_made`: it comes with a price of the plan that can be made.
pub(super) fn product(plan: &Plan, own: &str, found: Option<&Product>, is_made: bool) -> Vec<Drift> {
    let drift = |says: String| Drift {
        plan: plan.name.clone(),
        what: "product",
        name: found.map_or_else(|| own.to_owned(), |product| product.id.clone()),
        says,
        can_be_pushed: false,
    };
    let Some(product) = found else {
        return vec![Drift { can_be_pushed: is_made, ..drift("there is no such product at Stripe".to_owned()) }];
    };
    let mut all = Vec::new();
    if !product.active {
        all.push(drift("the product is archived at Stripe".to_owned()));
    }
    if product.name != plan.title {
        all.push(drift(format!("it is called `{}` here, and `{}` there", plan.title, product.name)));
    }
    let theirs = product.description.as_deref().unwrap_or_default();
    if !plan.description.is_empty() && theirs != plan.description {
        all.push(drift(format!("it is described as `{}` here, and as `{theirs}` there", plan.description)));
    }
    // Stripe keeps no trial with a price; where we made the product, we wrote it on that.
    let trial = product.metadata.get("belgie_trial_days").and_then(|days| days.parse::<u16>().ok());
    let ours = plan.trial_days.unwrap_or(0);
    if let Some(theirs) = trial.filter(|theirs| *theirs != ours) {
        all.push(drift(format!("it has {ours} days of trial here, and {theirs} there")));
    }
    all
}

/// A meter that Stripe is told of: without an active one it refuses every event.
pub(super) fn meter(meter: &Meter, event_name: &str, found: Option<&BillingMeter>) -> Vec<Drift> {
    let drift = |says: String| Drift {
        plan: meter.name.clone(),
        what: "meter",
        name: event_name.to_owned(),
        says,
        can_be_pushed: false,
    };
    let Some(found) = found else {
        let says = "no active meter at Stripe counts events of this name".to_owned();
        return vec![Drift { can_be_pushed: true, ..drift(says) }];
    };
    let mut all = Vec::new();
    if !is_active(found) {
        all.push(drift("the meter at Stripe is deactivated: reactivate it there".to_owned()));
    }
    if let Some(theirs) = found.default_aggregation.as_ref().filter(|own| own.formula != FORMULA) {
        all.push(drift(format!("it is the {FORMULA} of its events here, and their {} there", theirs.formula)));
    }
    for (own, key) in [(&found.customer_mapping, CUSTOMER_KEY), (&found.value_settings, VALUE_KEY)] {
        if let Some(theirs) = own.as_ref().filter(|own| own.event_payload_key != key) {
            all.push(drift(format!("events say `{key}` here, and are read by `{}` there", theirs.event_payload_key)));
        }
    }
    all
}
