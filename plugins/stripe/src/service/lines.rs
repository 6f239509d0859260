//! What is paid for a plan, line by line: what a subscription is begun with and changed to, what it lacks, and what prices were sold as.

use std::collections::BTreeSet;

use belgie_api::{Plan, Result};

use super::Billing;
use super::line::{Line, lacking};
use crate::client::{self, Form, Item};
use crate::model::subject::Columns;
use crate::model::subscription::Subscription;
use crate::store;
use crate::store::sold::Sold;

/// A price, what it is for the plan, and how many; metered prices have no number.
pub(super) type Priced = (String, Line, Option<i64>);

impl Billing {
    /// What is paid for a plan. The plan itself comes first. From now on each price is known as what it is sold as.
    pub(super) async fn lines(&self, plan: &Plan, price: &str, seats: i64) -> Result<Vec<Priced>> {
        let sale = &plan.sale;
        let of_plan = if sale.seat.is_some() { 1 } else { seats };
        let mut lines = vec![(price.to_owned(), Line::Plan, Some(of_plan))];
        if let Some(seat) = &sale.seat {
            lines.push((self.price_id(seat).await?, Line::Seat, Some(seats)));
        }
        for extra in &sale.extras {
            lines.push((self.price_id(extra).await?, Line::Extra, Some(1)));
        }
        for metered in &sale.metered {
            lines.push((self.price_id(metered).await?, Line::Metered, None));
        }
        self.note_sold(&plan.name, lines.iter().map(|(price, line, _)| (price.as_str(), *line))).await?;
        Ok(lines)
    }

    /// Notes what prices are sold as, before anybody can pay them.
    pub(super) async fn note_sold(&self, plan: &str, prices: impl Iterator<Item = (&str, Line)>) -> Result<()> {
        let new = |(price, line): (&str, Line)| Sold {
            price_id: price.to_owned(),
            plan: plan.to_owned(),
            line: line.word().to_owned(),
        };
        // In one order, so that nobody waits for whoever waits for them.
        let all: BTreeSet<Sold> = prices.map(new).collect();
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        for one in &all {
            store::sold::note(&mut tx, one, now).await?;
        }
        tx.commit(now).await
    }

    /// What the prices of these items were sold as.
    pub(super) async fn sold_of(&self, items: &[Item]) -> Result<Vec<Sold>> {
        let mut conn = self.host.db().read().await?;
        let mut all = Vec::new();
        for item in items {
            all.extend(store::sold::list(&mut conn, &item.price.id).await?);
        }
        Ok(all)
    }

    /// Adds what the subscriptions of an account lack of these lines. Of what is there already nothing is added, so it may be done again.
    pub(super) async fn add_lines(&self, columns: &Columns, wanted: &[Line]) -> Result<()> {
        let plans = self.current_plans().await?;
        let all = store::subscriptions::list(&mut self.host.db().read().await?, columns).await?;
        for one in all.iter().filter(|one| one.is_charged()) {
            let Some(plan) = plans.find(&one.plan) else { continue };
            // Seats of members have a chore of their own.
            let wanted: Vec<Line> =
                wanted.iter().copied().filter(|line| *line != Line::Seat || !plan.sale.seats_from_members).collect();
            self.add_lines_of(one, plan, one.seats.unwrap_or(1), &wanted).await?;
        }
        Ok(())
    }

    /// Adds what a subscription lacks of these lines.
    pub(super) async fn add_lines_of(
        &self,
        one: &Subscription,
        plan: &Plan,
        seats: i64,
        wanted: &[Line],
    ) -> Result<()> {
        let path = format!("v1/subscriptions/{}", one.stripe_id);
        let seen: client::Subscription = self.stripe.get(&path, &Form::new()).await?;
        let items = &seen.items.data;
        let sold = self.sold_of(items).await?;
        let is_wanted = |line: &Line| wanted.contains(line);
        let mut form = Form::new();
        let (mut at, mut added) = (0, Vec::new());
        for (line, name) in lacking(plan, &one.item_id, items, &sold).into_iter().filter(|(line, _)| is_wanted(line)) {
            let price = self.price_id(name).await?;
            if line == Line::Seat {
                // Where seats have a price of their own the plan itself is paid once.
                form = form.with(format!("items[{at}][id]"), &one.item_id).with(format!("items[{at}][quantity]"), 1);
                at += 1;
            }
            let quantity = match line {
                Line::Seat => Some(seats),
                Line::Plan | Line::Extra => Some(1),
                Line::Metered => None,
            };
            form = form.with(format!("items[{at}][price]"), &price);
            form = form.with_some(&format!("items[{at}][quantity]"), quantity);
            at += 1;
            added.push((price, line));
        }
        if added.is_empty() {
            return Ok(());
        }
        self.note_sold(&plan.name, added.iter().map(|(price, line)| (price.as_str(), *line))).await?;
        let form = form.with("proration_behavior", super::change::word_of(plan.sale.proration));
        let _changed: client::Subscription = self.stripe.post(&path, &form, &self.random_key("lines")).await?;
        self.sync(&one.stripe_id).await?;
        Ok(())
    }
}
