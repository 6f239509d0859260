//! The prices of a plan, and what the file says of each.

use belgie_api::{Interval, Meter, Plan, PriceName};

use super::{MetersThere, compare};

/// A price of a plan, and what the file says of it.
pub(super) struct Wanted<'a> {
    /// `monthly`, `annual`, `seat`, `extra` or `metered`.
    pub(super) what: &'static str,
    /// How it is named.
    pub(super) name: &'a PriceName,
    /// How often it is paid: as often as the plan itself, and by the month what is used. The first is what a new price gets.
    pub(super) intervals: Vec<Interval>,
    /// How much it is, for each.
    pub(super) amount: Option<i64>,
    /// What counts it, where it is paid for what is used and that is clear.
    pub(super) meter: Option<&'a Meter>,
}

impl Wanted<'_> {
    /// Whether it is paid for what was used.
    pub(super) fn is_metered(&self) -> bool {
        self.what == "metered"
    }

    /// Units of a month that cost nothing: those that are in the price of the plan.
    pub(super) fn free_units(&self, plan: &Plan) -> u64 {
        let quota = self.meter.and_then(|meter| plan.quotas.get(&meter.name));
        quota.map_or(0, |quota| quota.included)
    }

    /// Whether it can be made where there is none: an id is Stripe's to give, and of a key all has to be known that a price has. What
    /// counts it may be made with it.
    pub(super) fn can_be_made(&self, plan: &Plan, meters: &MetersThere) -> bool {
        let has_key = matches!(self.name, PriceName::LookupKey(_));
        let event_name = self.meter.and_then(|meter| meter.event_name.as_ref());
        let is_counted = event_name.is_some_and(|name| meters.get(name).is_none_or(compare::is_active));
        has_key && self.amount.is_some() && plan.sale.currency.is_some() && (is_counted || !self.is_metered())
    }
}

/// All prices of a plan.
pub(super) fn prices_of<'a>(plan: &'a Plan, meters: &'a [Meter]) -> Vec<Wanted<'a>> {
    let sale = &plan.sale;
    let intervals: Vec<Interval> =
        [Interval::Month, Interval::Year].into_iter().filter(|interval| plan.price(*interval).is_some()).collect();
    let by = |interval: Interval, what: &'static str| {
        let amount = sale.amount(interval);
        plan.price(interval).map(|name| Wanted { what, name, intervals: vec![interval], amount, meter: None })
    };
    let beside = |what: &'static str| {
        let intervals = &intervals;
        move |name: &'a PriceName| {
            let amount = sale.amounts.get(name.text()).copied();
            let meter = plan.meter_of(name, meters).filter(|_| what == "metered");
            // What is included is for a month, and so is what is paid beyond it.
            let intervals = if what == "metered" { vec![Interval::Month] } else { intervals.clone() };
            Wanted { what, name, intervals, amount, meter }
        }
    };
    let own = by(Interval::Month, "monthly").into_iter().chain(by(Interval::Year, "annual"));
    own.chain(sale.seat.iter().map(beside("seat")))
        .chain(sale.extras.iter().map(beside("extra")))
        .chain(sale.metered.iter().map(beside("metered")))
        .collect()
}
