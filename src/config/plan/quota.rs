//! `[[meter]]`, and `[plan.quotas.<meter>]`: what a plan includes of it.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::plan::{Cap, Meter, Quota};
use belgie_api::settings::{Ledger, Section};
use belgie_api::{Plan, Plans};

/// More than anybody counts, and what sums of it still fit the columns.
const MOST: u64 = 1_000_000_000_000;
/// The longest name of an event that Stripe takes.
const LONGEST_EVENT_NAME: usize = 100;
const NAME: &str = "write 1 to 48 of a-z, 0-9, - and _, such as \"exports\"";
const PERCENT: &str = "write parts of what is included, such as [\"80%\", \"100%\"]";

/// Reads a `[[meter]]`.
pub(in crate::config) fn read_meter(section: &mut Section) -> Meter {
    let name = section.opt_string("name");
    let name = section.require("name", name, "what rules and plans call it, such as \"exports\"").unwrap_or_default();
    if !name.is_empty() && !super::is_name(&name) {
        section.complain("name", "not the name of a meter", NAME);
    }
    let title = section.opt_string("title").unwrap_or_else(|| name.clone());
    let event_name = section.opt_string("event_name");
    if event_name.as_ref().is_some_and(|event| event.len() > LONGEST_EVENT_NAME) {
        let remedy = "use the `event_name` of the meter at Stripe";
        section.complain("event_name", format!("longer than {LONGEST_EVENT_NAME} bytes"), remedy);
    }
    Meter { name, title, event_name }
}

/// Reads what a plan includes, by meter.
pub(super) fn read(section: &mut Section) -> BTreeMap<String, Quota> {
    let mut quotas = BTreeMap::new();
    for (meter, mut table) in section.children("quotas") {
        quotas.insert(meter, read_one(&mut table));
        table.finish();
    }
    quotas
}

fn read_one(section: &mut Section) -> Quota {
    let included = section.opt_integer("included", 0..=MOST);
    let included = section.require("included", included, "the units that are in the price of a period");
    let included = included.unwrap_or_default();
    let is_soft = section.one_of("cap", &[("hard", false), ("soft", true)], false);
    let at_most = section.opt_integer("at_most", 1..=MOST);
    match at_most {
        Some(_) if !is_soft => {
            let remedy = "take it out, or set cap = \"soft\"";
            section.complain("at_most", "a hard cap ends with what is included", remedy);
        }
        Some(at_most) if at_most < included => {
            let remedy = format!("set it to {included} or more, or include less");
            section.complain("at_most", "less than what is included", remedy);
        }
        _ => {}
    }
    let alerts = section.list("alert_at", &["80%", "100%"]);
    let alerts = percents(section, &alerts);
    let prices = section.counts("prices");
    for (tool, units) in prices.iter().filter(|(_, units)| **units > MOST) {
        section.complain("prices", format!("{units} units for `{tool}` are more than anybody counts"), "write less");
    }
    Quota {
        included,
        cap: if is_soft { Cap::Soft { at_most } } else { Cap::Hard },
        per_user: section.opt_integer("per_user", 1..=MOST),
        per_team: section.opt_integer("per_team", 1..=MOST),
        per_agent: section.opt_integer("per_agent", 1..=MOST),
        alerts,
        prices,
    }
}

fn percents(section: &Section, texts: &[String]) -> BTreeSet<u16> {
    let mut percents = BTreeSet::new();
    for text in texts {
        match text.strip_suffix('%').and_then(|digits| digits.parse().ok()).filter(|part| (1..=1000).contains(part)) {
            Some(percent) => {
                percents.insert(percent);
            }
            None => section.complain("alert_at", format!("`{text}` is no part of what is included"), PERCENT),
        }
    }
    percents
}

/// Notes what is wrong with meters and quotas together.
pub(super) fn check(plans: &[Plan], meters: &[Meter], ledger: &Ledger) {
    let mut names = BTreeSet::new();
    let mut events = BTreeSet::new();
    for (index, meter) in meters.iter().enumerate() {
        if !meter.name.is_empty() && !names.insert(meter.name.as_str()) {
            let remedy = "give each meter a name of its own";
            ledger.complain(&format!("meter[{index}].name"), "there is a meter of this name before", remedy);
        }
        if meter.event_name.as_deref().is_some_and(|event| !events.insert(event)) {
            let remedy = "a meter at Stripe adds up all events of its name: give each an event_name of its own";
            ledger.complain(&format!("meter[{index}].event_name"), "another meter tells events of this name", remedy);
        }
        if !meter.name.is_empty() && !plans.iter().any(|plan| plan.quotas.contains_key(&meter.name)) {
            let remedy = format!("add [plan.quotas.{}] to a plan, or take the meter out", meter.name);
            ledger.complain(&format!("meter[{index}].name"), "no plan includes anything of it", remedy);
        }
    }
    for (index, plan) in plans.iter().enumerate() {
        for (price, meter) in plan.sale.metered_by.iter().filter(|(_, meter)| !plan.quotas.contains_key(*meter)) {
            let at = format!("plan[{index}].metered_by");
            let remedy = format!("add [plan.quotas.{meter}], or name another meter");
            ledger.complain(&at, format!("`{price}` is for the meter `{meter}`, which the plan does not have"), remedy);
        }
        for (name, quota) in &plan.quotas {
            let at = format!("plan[{index}].quotas.{name}");
            let Some(meter) = meters.iter().find(|meter| meter.name == *name) else {
                let remedy = format!("add [[meter]] with name = \"{name}\"");
                ledger.complain(&at, "there is no such meter", remedy);
                continue;
            };
            let is_soft = matches!(quota.cap, Cap::Soft { .. });
            if is_soft && plan.is_free() {
                let remedy = "set it to \"hard\", or give the plan a price";
                ledger.complain(&format!("{at}.cap"), "nobody pays for this plan, so nothing beyond is paid", remedy);
            } else if is_soft && meter.event_name.is_none() {
                let remedy = format!("set event_name of the meter `{name}`, or set the cap to \"hard\"");
                ledger.complain(&format!("{at}.cap"), "what is beyond is told to nobody who could charge it", remedy);
            } else if is_soft && !plan.charges(name) {
                let remedy = format!(
                    "add a price of the meter `{name}` to metered_prices of the plan, with a free first tier for what is included, or set \
                     the cap to \"hard\""
                );
                ledger.complain(&format!("{at}.cap"), "no price of the plan charges what is beyond", remedy);
            }
        }
    }
}

/// Meters that no plan has, among those that are asked for.
pub(crate) fn unknown<'a>(plans: &Plans, asked: impl Iterator<Item = &'a String>) -> BTreeSet<&'a String> {
    asked.filter(|meter| plans.meter(meter).is_none()).collect()
}
