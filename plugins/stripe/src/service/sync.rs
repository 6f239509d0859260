//! Bringing a subscription up to date: whatever the news is, Stripe is asked how things stand, so it does not matter in which
//! order news arrive, or how often.

use belgie_api::ports::{AuditEntry, BillingSubject};
use belgie_api::{Event, Failure, Plan, Plans, Result, SubscriptionId, Timestamp, UserId};
use serde_json::json;

use super::Billing;
use super::plans::is_price;
use super::upkeep::{SCHEDULE, SEATS};
use crate::client::{self, Form, Item};
use crate::lifecycle::Change;
use crate::model::period::Period;
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::store;

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
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let before = store::subscriptions::find_by_stripe_id(&mut tx, stripe_id).await?;
        // Whose it is, the customer says, and nothing that is written on the subscription.
        let Some(columns) = store::customers::find_subject(&mut tx, &seen.customer).await? else { return Ok(None) };
        let subject = columns.subject()?;
        let id = before.as_ref().map_or_else(|| self.own_id(&seen), |before| before.id);
        let row = self.row(&plans, (id, columns.clone()), before.as_ref(), &seen, look, now)?;
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
            if plans.find(&row.plan).is_some_and(|plan| plan.sale.seats_from_members) && row.goes_on() {
                store::chores::add(&mut tx, &columns, SEATS, now).await?;
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
        plans: &Plans,
        (id, subject): (SubscriptionId, Columns),
        before: Option<&Subscription>,
        seen: &client::Subscription,
        look: i64,
        now: Timestamp,
    ) -> Result<Subscription> {
        let items = &seen.items.data;
        let (item, plan) =
            plan_item(plans, before, items).ok_or_else(|| Failure::internal("a subscription to nothing"))?;
        if plans.find(&plan).is_none() {
            tracing::warn!(stripe.price = %item.price.id, "a subscription has a price that no [[plan]] names: it opens nothing");
        }
        let seat = plans.find(&plan).and_then(|plan| seat_item(plan, items));
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

/// The item that is the plan, and which plan that is: beside it there may be items that are none.
fn plan_item<'a>(plans: &Plans, before: Option<&Subscription>, items: &'a [Item]) -> Option<(&'a Item, String)> {
    let named = items.iter().find_map(|item| {
        let is_meant = |plan: &&Plan| plan.monthly.iter().chain(&plan.annual).any(|name| is_price(name, &item.price));
        Some((item, plans.all().iter().find(is_meant)?.name.clone()))
    });
    // A key moves on and a price is replaced in the file, and people go on paying what they chose: it is what it was.
    let kept = || {
        let before = before?;
        let item = items.iter().find(|item| item.price.id == before.price_id)?;
        Some((item, before.plan.clone()))
    };
    named.or_else(kept).or_else(|| items.first().map(|item| (item, String::new())))
}

/// The item that carries the price of seats.
fn seat_item<'a>(plan: &Plan, items: &'a [Item]) -> Option<&'a Item> {
    let seat = plan.sale.seat.as_ref()?;
    items.iter().find(|item| is_price(seat, &item.price))
}
