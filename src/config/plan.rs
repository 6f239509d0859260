//! `[[plan]]`: what can be had, the smallest first. A plugin sells them; rules ask for them by name.

mod quota;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use belgie_api::settings::{Ledger, Section};
use belgie_api::{Meter, Plan, PriceName, Proration, Sale, Scope};

pub(super) use self::quota::read_meter;
pub(crate) use self::quota::unknown as unknown_meters;

/// The longest trial, in days: what Stripe takes (two years).
const MAX_TRIAL_DAYS: u16 = 730;
/// The most that Stripe takes for one thing.
const MAX_AMOUNT: i64 = 99_999_999;
const NAME: &str = "write 1 to 48 of a-z, 0-9, - and _, such as \"pro\"";

/// Reads one.
pub(super) fn read(section: &mut Section) -> Plan {
    let name = section.opt_string("name");
    let name = section.require("name", name, "what rules call it, such as \"pro\"").unwrap_or_default();
    if !name.is_empty() && !is_name(&name) {
        section.complain("name", "not the name of a plan", NAME);
    }
    let title = section.opt_string("title").unwrap_or_else(|| name.clone());
    let description = section.opt_string("description").unwrap_or_default();
    let monthly = price(section, "monthly");
    let annual = price(section, "annual");
    let trial_days = section.opt_integer("trial_days", 1..=MAX_TRIAL_DAYS);
    let scope = |text: &str| text.parse::<Scope>().map_err(|error| error.to_string());
    let scopes = section.parsed_list("scopes", scope, "write each scope on its own, such as \"notes:write\"");
    let entitlements = section.parsed_list("entitlements", entitlement, "write each feature on its own");
    let plan = Plan {
        name,
        title,
        description,
        monthly,
        annual,
        trial_days,
        entitlements: entitlements.into_iter().collect(),
        limits: section.map("limits"),
        quotas: quota::read(section),
        calls_per_minute: section.opt_integer("calls_per_minute", 1..=1_000_000).and_then(NonZeroU32::new),
        tools: section.parsed_list("tools", entitlement, "write each name or pattern on its own, such as \"export_*\""),
        scopes: scopes.into_iter().collect(),
        sale: sale(section),
    };
    if plan.is_free() && plan.trial_days.is_some() {
        section.complain(
            "trial_days",
            "nobody pays for this plan, so there is nothing to try",
            "add a price, or take it out",
        );
    }
    plan
}

/// How it is sold, beyond its prices.
fn sale(section: &mut Section) -> Sale {
    let seats_from_members = section.one_of("seats", &[("asked", false), ("members", true)], false);
    let prorations =
        [("next_invoice", Proration::NextInvoice), ("at_once", Proration::AtOnce), ("nothing", Proration::Nothing)];
    let named = |text: &str| entitlement(text).map(|text| PriceName::of(&text));
    let remedy = "write the id (`price_...`) or the lookup key of each price on its own";
    let currency = |text: &str| match text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        true => Ok(text.to_owned()),
        false => Err("not a currency".to_owned()),
    };
    let seat = price(section, "seat");
    let extras = section.parsed_list("extra_prices", named, remedy);
    let metered = section.parsed_list("metered_prices", named, remedy);
    let (amounts, metered_by) = (amounts(section), section.map("metered_by"));
    for name in amounts.keys().filter(|name| seat.iter().chain(&extras).chain(&metered).all(|own| own.text() != *name))
    {
        let remedy = "name a price of seat_price, extra_prices or metered_prices; monthly_amount and annual_amount are the plan's own";
        section.complain("amounts", format!("`{name}` is no price beside the plan's own"), remedy);
    }
    for name in metered_by.keys().filter(|name| metered.iter().all(|own| own.text() != *name)) {
        section.complain("metered_by", format!("`{name}` is not in metered_prices"), "add it there, or take it out");
    }
    Sale {
        seats_from_members,
        seat,
        extras,
        metered,
        amounts,
        metered_by,
        proration: section.one_of("proration", &prorations, Proration::NextInvoice),
        monthly_amount: section.opt_integer("monthly_amount", 0..=MAX_AMOUNT),
        annual_amount: section.opt_integer("annual_amount", 0..=MAX_AMOUNT),
        currency: section.opt_parsed("currency", "three letters, such as \"eur\"", currency),
    }
}

/// What prices beside the plan's own are to be.
fn amounts(section: &mut Section) -> BTreeMap<String, i64> {
    let mut amounts = BTreeMap::new();
    for (name, amount) in section.counts("amounts") {
        match i64::try_from(amount).ok().filter(|amount| *amount <= MAX_AMOUNT) {
            Some(amount) => {
                amounts.insert(name, amount);
            }
            None => section.complain("amounts", format!("`{name}` costs more than {MAX_AMOUNT}"), "write less"),
        }
    }
    amounts
}

/// `<interval>_price` or `<interval>_lookup_key`.
fn price(section: &mut Section, interval: &str) -> Option<PriceName> {
    let (by_id, by_key) = (format!("{interval}_price"), format!("{interval}_lookup_key"));
    match (section.opt_string(&by_id), section.opt_string(&by_key)) {
        (Some(_), Some(_)) => {
            section.complain(
                &by_key,
                format!("the price is named twice: `{by_id}` says another"),
                "take one of them out",
            );
            None
        }
        (Some(id), None) => Some(PriceName::Id(id)),
        (None, key) => key.map(PriceName::LookupKey),
    }
}

/// Notes what is wrong with the plans together.
pub(super) fn check(plans: &[Plan], meters: &[Meter], ledger: &Ledger) {
    quota::check(plans, meters, ledger);
    let mut names = BTreeSet::new();
    let mut prices = BTreeSet::new();
    let mut has_free = false;
    for (index, plan) in plans.iter().enumerate() {
        let at = |key: &str| format!("plan[{index}].{key}");
        if !plan.name.is_empty() && !names.insert(plan.name.as_str()) {
            ledger.complain(&at("name"), "there is a plan of this name before", "give each plan a name of its own");
        }
        if plan.is_free() && std::mem::replace(&mut has_free, true) {
            ledger.complain(
                &at("name"),
                "a second plan without a price: nobody could say which of them everybody has",
                "add monthly_price or annual_price (or a lookup key), or take the plan out",
            );
        }
        for price in plan.monthly.iter().chain(&plan.annual) {
            if !prices.insert(price.to_string()) {
                ledger.complain(
                    &at("monthly_price"),
                    format!("the price `{price}` stands here twice, so it says nothing about the plan"),
                    "give each plan and interval a price of its own",
                );
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=48).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

fn entitlement(text: &str) -> Result<String, String> {
    let is_fine = !text.is_empty() && text.trim() == text;
    is_fine.then(|| text.to_owned()).ok_or_else(|| "empty, or with spaces around it".to_owned())
}
