//! Bringing a subscription up to date: whatever the news is, Stripe is asked how things stand, so it does not matter in which
//! order news arrive, or how often.

use belgie_api::ports::{AuditEntry, BillingSubject};
use belgie_api::{Event, Failure, Plan, Plans, Result, SubscriptionId, Timestamp, UserId};
use serde_json::json;

use super::Billing;
use super::line::{self, Line};
use super::upkeep::{LINES, METERED, SCHEDULE, SEATS};
use crate::client::{self, Form, Item};
use crate::lifecycle::Change;
use crate::model::period::Period;
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::store;
use crate::store::sold::Sold;

/// Under which name a subscription says who began to pay for it.
pub(super) const PAYER: &str = "belgie_payer";

impl Billing {
    /// Asks Stripe for a subscription and writes down what it says; whose it is. `None` when it belongs to a customer that
    /// is none of ours, or is not there.
    ///
    /// # Errors
    /// When Stripe or the database does not answer, or a listener says no.
    pub(super) async fn sync(&self, stripe_id: &str) -> Result<Option<BillingSubject>> {
        let plans = self.current_plans().await?;
        let look = self.begin_look().await?;
        let path = format!("v1/subscriptions/{stripe_id}");
        let seen: client::Subscription = match self.stripe.get(&path, &Form::new()).await {
            Ok(seen) => seen,
            Err(refused) if refused.is_gone() => return self.close_gone(stripe_id, look).await,
            Err(refused) => return Err(refused.into()),
        };
        let known = store::subscriptions::find_by_stripe_id(&mut self.host.db().read().await?, stripe_id).await?;
        let sold = self.know(&plans, known.as_ref(), &seen).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let before = store::subscriptions::find_by_stripe_id(&mut tx, stripe_id).await?;
        // Whose it is, the customer says, and nothing that is written on the subscription.
        let Some(columns) = store::customers::find_subject(&mut tx, &seen.customer).await? else { return Ok(None) };
        let subject = columns.subject()?;
        let id = before.as_ref().map_or_else(|| self.own_id(&seen), |before| before.id);
        let row = self.row((&plans, &sold), (id, columns.clone()), before.as_ref(), &seen, look, now)?;
        if store::subscriptions::save(&mut tx, &row).await? {
            let was = before.as_ref().map(|before| (before.plan.as_str(), before.status.as_str()));
            if was != Some((row.plan.as_str(), row.status.as_str())) {
                self.record(&mut tx, &subject, &row).await?;
            }
            if let Some(began) = row.trial_start {
                self.note_trial(&mut tx, &columns, &seen, (row.id, began)).await?;
            }
            let was_begun_here = store::checkouts::find_by_subscription(&mut tx, row.id).await?.is_some();
            let change = Change { subject, before: before.as_ref(), after: &row };
            self.listeners.tell(&mut tx, change, was_begun_here).await?;
            for chore in chores_of(&plans, before.as_ref(), &row, &seen, &sold) {
                store::chores::add(&mut tx, &columns, chore, now).await?;
            }
            let was_planned = before.as_ref().is_some_and(|before| before.scheduled_plan.is_some());
            if was_planned && row.scheduled_plan.is_none() && row.schedule_id.is_some() {
                store::chores::add(&mut tx, &columns, SCHEDULE, now).await?;
            }
            tx.emit(Event::SubscriptionChanged { subject });
        }
        tx.commit(now).await?;
        Ok(Some(subject))
    }

    /// The account has had its days that cost nothing, and so has the person who began to pay for it.
    async fn note_trial(
        &self,
        tx: &mut belgie_api::db::Tx,
        holder: &Columns,
        seen: &client::Subscription,
        (id, began): (SubscriptionId, Timestamp),
    ) -> Result<()> {
        store::trials::note(tx, holder, id, began).await?;
        let payer = seen.metadata.get(PAYER).and_then(|id| id.parse::<UserId>().ok());
        if let Some(user) = payer {
            store::trials::note(tx, &Columns::from(BillingSubject::User { user }), id, began).await?;
        }
        Ok(())
    }

    /// What the prices of a subscription were sold as. What is known by the names of today is noted, for the day on which they mean
    /// other prices.
    async fn know(
        &self,
        plans: &Plans,
        before: Option<&Subscription>,
        seen: &client::Subscription,
    ) -> Result<Vec<Sold>> {
        let items = &seen.items.data;
        let mut sold = self.sold_of(items).await?;
        let Some((own, name)) = plan_item(plans, &sold, before, items).filter(|(_, name)| !name.is_empty()) else {
            return Ok(sold);
        };
        let plan = plans.find(&name);
        let seat = plan.and_then(|plan| seat_item(plan, before, (own, items), &sold));
        let mut new = Vec::new();
        for item in items {
            let line = match item {
                _ if item.id == own.id => Some(Line::Plan),
                _ if seat.is_some_and(|seat| seat.id == item.id) => Some(Line::Seat),
                _ => line::beside(&name, plan, item, &sold),
            };
            let Some(line) = line else { continue };
            let is_known = |one: &Sold| one.price_id == item.price.id && one.plan == name && one.line == line.word();
            if !sold.iter().any(is_known) {
                new.push((item.price.id.as_str(), line));
            }
        }
        if !new.is_empty() {
            self.note_sold(&name, new.into_iter()).await?;
            sold = self.sold_of(items).await?;
        }
        Ok(sold)
    }

    async fn begin_look(&self) -> Result<i64> {
        let mut tx = self.host.db().begin().await?;
        let look = store::subscriptions::next_look(&mut tx).await?;
        tx.commit(self.host.now()).await?;
        Ok(look)
    }

    /// The id it was begun under here, or a new one for what was begun at Stripe.
    fn own_id(&self, seen: &client::Subscription) -> SubscriptionId {
        let begun = seen.metadata.get("belgie_subscription").and_then(|id| id.parse().ok());
        begun.unwrap_or_else(|| SubscriptionId::new(self.host.clock(), self.host.entropy()))
    }

    fn row(
        &self,
        (plans, sold): (&Plans, &[Sold]),
        (id, subject): (SubscriptionId, Columns),
        before: Option<&Subscription>,
        seen: &client::Subscription,
        look: i64,
        now: Timestamp,
    ) -> Result<Subscription> {
        let items = &seen.items.data;
        let (item, plan) =
            plan_item(plans, sold, before, items).ok_or_else(|| Failure::internal("a subscription to nothing"))?;
        if plans.find(&plan).is_none() {
            tracing::warn!(stripe.price = %item.price.id, "a subscription has a price that no [[plan]] names: it opens nothing");
        }
        let seat = plans.find(&plan).and_then(|plan| seat_item(plan, before, (item, items), sold));
        let moment = |seconds: Option<i64>| seconds.map(Timestamp::from_unix_seconds);
        let is_unpaid = matches!(seen.status.as_str(), "past_due" | "unpaid");
        let mut row = Subscription {
            id,
            subject,
            stripe_id: seen.id.clone(),
            customer_id: seen.customer.clone(),
            plan,
            price_id: item.price.id.clone(),
            item_id: item.id.clone(),
            pay_interval: item.price.recurring.as_ref().map(|often| often.interval.clone()).unwrap_or_default(),
            status: seen.status.clone(),
            seats: seat.unwrap_or(item).quantity,
            period_start: moment(item.current_period_start),
            period_end: moment(item.current_period_end),
            counted_from: None,
            trial_start: moment(seen.trial_start),
            trial_end: moment(seen.trial_end),
            cancel_at_period_end: seen.cancel_at_period_end,
            cancel_at: moment(seen.cancel_at),
            canceled_at: moment(seen.canceled_at),
            ended_at: moment(seen.ended_at),
            past_due_since: is_unpaid.then(|| before.and_then(|before| before.past_due_since).unwrap_or(now)),
            item_count: i64::try_from(items.len()).unwrap_or(i64::MAX),
            seat_item_id: seat.map(|seat| seat.id.clone()),
            schedule_id: seen.schedule.clone(),
            scheduled_plan: None,
            turns_at: None,
            synced_seq: look,
            created_at: before.map_or(now, |before| before.created_at),
            updated_at: now,
        };
        // What was planned for the end of a period has come true with the next, though Stripe keeps the schedule for a while.
        let is_same_period =
            before.and_then(|before| row.period_start.zip(before.period_end)).is_none_or(|(start, end)| start < end);
        let planned = before.and_then(|before| before.scheduled_plan.clone());
        row.scheduled_plan = planned.filter(|_| row.schedule_id.is_some() && is_same_period);
        row.counted_from = before.and_then(|before| Period::kept_anchor(before, &row));
        row.turns_at = row.next_turn(now, self.settings.lapse());
        Ok(row)
    }

    async fn record(&self, tx: &mut belgie_api::db::Tx, subject: &BillingSubject, row: &Subscription) -> Result<()> {
        let entry = AuditEntry::done("subscription.changed")
            .to(subject::shown(subject))
            .within(subject::organization(subject))
            .with(json!({ "plan": row.plan, "status": row.status, "subscription": row.id }));
        self.host.audit().record(tx, &entry).await
    }
}

/// The item that is the plan, and which plan that is: beside it there may be items that are none. A key moves on and a price is replaced
/// in the file, and people go on paying what they chose: it is what it was, or what it was sold as.
fn plan_item<'a>(
    plans: &Plans,
    sold: &[Sold],
    before: Option<&Subscription>,
    items: &'a [Item],
) -> Option<(&'a Item, String)> {
    let named = items.iter().find_map(|item| {
        let is_meant = |plan: &&Plan| line::is_plan(plan, &item.price);
        Some((item, plans.all().iter().find(is_meant)?.name.clone()))
    });
    let kept = || {
        let before = before.filter(|before| !before.plan.is_empty())?;
        let item = items.iter().find(|item| item.price.id == before.price_id)?;
        Some((item, before.plan.clone()))
    };
    let was_sold = || {
        let is_plan = |own: &&Sold| own.line == Line::Plan.word() && plans.find(&own.plan).is_some();
        items.iter().find_map(|item| {
            let own = sold.iter().filter(is_plan).find(|own| own.price_id == item.price.id)?;
            Some((item, own.plan.clone()))
        })
    };
    named.or_else(kept).or_else(was_sold).or_else(|| items.first().map(|item| (item, String::new())))
}

/// The item that carries the price of seats: by the price, or because it carried it before.
fn seat_item<'a>(
    plan: &Plan,
    before: Option<&Subscription>,
    (own, items): (&Item, &'a [Item]),
    sold: &[Sold],
) -> Option<&'a Item> {
    plan.sale.seat.as_ref()?;
    let others = || items.iter().filter(|item| item.id != own.id);
    let known = others().find(|item| line::beside(&plan.name, Some(plan), item, sold) == Some(Line::Seat));
    let kept = || {
        let id = before.filter(|before| before.plan == plan.name)?.seat_item_id.as_ref()?;
        others().find(|item| item.id == *id)
    };
    known.or_else(kept)
}

/// What is still to be done about what a subscription is made of. Whoever has had a plan before the file named an extra for it goes on
/// without; what is charged by use is added for everybody, since without it nobody pays for what is beyond.
fn chores_of(
    plans: &Plans,
    before: Option<&Subscription>,
    row: &Subscription,
    seen: &client::Subscription,
    sold: &[Sold],
) -> Vec<&'static str> {
    let Some(plan) = plans.find(&row.plan) else { return Vec::new() };
    let mut chores = Vec::new();
    if plan.sale.seats_from_members && row.goes_on() {
        chores.push(SEATS);
    }
    let lacking = match row.is_charged() {
        true => line::lacking(plan, &row.item_id, &seen.items.data, sold),
        false => Vec::new(),
    };
    if lacking.iter().any(|(line, _)| *line == Line::Metered) {
        chores.push(METERED);
    }
    let is_new_here = before.is_some_and(|before| before.plan != row.plan);
    if is_new_here && lacking.iter().any(|(line, _)| *line != Line::Metered) {
        chores.push(LINES);
    }
    chores
}
