//! What an item of a subscription is for the plan it belongs to: by the name the file has for its price, or because it was sold as
//! that. A key moves on to another price and an id is replaced in the file, and people go on paying what they chose.

use belgie_api::{Plan, PriceName};

use crate::client::{Item, Price};
use crate::store::sold::Sold;

/// A line of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// The plan itself.
    Plan,
    /// Its seats, where they have a price of their own.
    Seat,
    /// What is paid beside it.
    Extra,
    /// What is paid as it is used.
    Metered,
}

impl Line {
    /// As tables say it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Seat => "seat",
            Self::Extra => "extra",
            Self::Metered => "metered",
        }
    }

    /// What the file calls the prices of it beside the plan itself.
    fn names(self, plan: &Plan) -> &[PriceName] {
        match self {
            Self::Plan => &[],
            Self::Seat => plan.sale.seat.as_slice(),
            Self::Extra => &plan.sale.extras,
            Self::Metered => &plan.sale.metered,
        }
    }
}

/// Everything that is paid beside a plan.
const BESIDE: [Line; 3] = [Line::Seat, Line::Extra, Line::Metered];

/// Whether a name means this price: by its id, or the key that leads to it now.
pub(super) fn is_price(name: &PriceName, price: &Price) -> bool {
    match name {
        PriceName::Id(id) => *id == price.id,
        PriceName::LookupKey(key) => Some(key) == price.lookup_key.as_ref(),
    }
}

/// The plan whose own price this is, by the names of today.
pub(super) fn is_plan(plan: &Plan, price: &Price) -> bool {
    plan.monthly.iter().chain(&plan.annual).any(|name| is_price(name, price))
}

/// What an item is beside a plan of this name; `None` when it is the plan itself, or does not belong to it. `plan`: what the file says of
/// it, if it still has it.
pub(super) fn beside(name: &str, plan: Option<&Plan>, item: &Item, sold: &[Sold]) -> Option<Line> {
    let is_named =
        |line: &Line| plan.is_some_and(|plan| line.names(plan).iter().any(|name| is_price(name, &item.price)));
    let was_sold = |line: &Line| {
        let is_it = |own: &Sold| own.price_id == item.price.id && own.plan == name && own.line == line.word();
        sold.iter().any(is_it)
    };
    BESIDE.into_iter().find(is_named).or_else(|| BESIDE.into_iter().find(was_sold))
}

/// What a plan has beside itself and a subscription to it lacks. A price that took the place of one that is still paid is not lacking.
pub(super) fn lacking<'a>(
    plan: &'a Plan,
    plan_item: &str,
    items: &[Item],
    sold: &[Sold],
) -> Vec<(Line, &'a PriceName)> {
    let own: Vec<&Item> = items.iter().filter(|item| item.id != plan_item).collect();
    let mut lacking = Vec::new();
    for line in BESIDE {
        let names = line.names(plan);
        let is_paid = |name: &&PriceName| own.iter().any(|item| is_price(name, &item.price));
        let is_former = |item: &&&Item| {
            !names.iter().any(|name| is_price(name, &item.price))
                && beside(&plan.name, Some(plan), item, sold) == Some(line)
        };
        let former = own.iter().filter(is_former).count();
        lacking.extend(names.iter().filter(|name| !is_paid(name)).skip(former).map(|name| (line, name)));
    }
    lacking
}
