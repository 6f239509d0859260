//! Another plan in place of the present one: Stripe shows what it costs and the person confirms, or it comes with the next
//! period. What opens nothing is paid first.

use belgie_api::ports::AuditEntry;
use belgie_api::{Caller, Plan, Proration, Result};
use serde_json::json;

use super::line::{self, Line};
use super::lines::Priced;
use super::{Account, Billing, Bought, Wish};
use crate::client::{self, Form, PhaseDiscount, PortalSession, Refused, Schedule};
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::model::{refusal, return_to};
use crate::store;

/// Under which name a schedule of ours says that it is.
const OURS: &str = "belgie_subscription";

/// What Stripe calls it.
pub(super) const fn word_of(proration: Proration) -> &'static str {
    match proration {
        Proration::NextInvoice => "create_prorations",
        Proration::AtOnce => "always_invoice",
        Proration::Nothing => "none",
    }
}

impl Billing {
    pub(super) async fn change(
        &self,
        caller: &Caller,
        account: &Account,
        present: &Subscription,
        (plan, price): (&Plan, &str),
        wish: &Wish,
    ) -> Result<Bought> {
        if !present.is_open(self.host.now(), self.settings.lapse()) {
            // What it lacks is a payment: another plan in its place would not open either.
            let form = self.portal_form(&present.customer_id, &wish.return_url, wish.locale.as_deref())?;
            return Ok(Bought { url: self.portal(&form).await?.url });
        }
        let seats = match plan.sale.seats_from_members {
            true => Some(self.members(account.subject).await?),
            false => wish.seats().or(present.seats),
        };
        let is_same = present.price_id == price && (plan.sale.seats_from_members || present.seats == seats);
        let (ends, is_planned) = (present.ends_at().is_some(), present.schedule_id.is_some());
        if is_same && !ends && !is_planned {
            return Err(refusal::already_subscribed());
        }
        let back = return_to::local(self.host.urls(), &wish.return_url)?;
        self.make_way(present).await?;
        let (word, url) = if wish.at_period_end {
            self.schedule(present, (plan, price), seats).await?;
            ("subscription.scheduled", self.host.urls().absolute(&back))
        } else if present.item_count > 1
            || !plan.sale.extras.is_empty()
            || !plan.sale.metered.is_empty()
            || plan.sale.seat.is_some()
        {
            // Stripe's page changes a single item.
            self.swap(present, (plan, price), seats).await?;
            ("subscription.swapped", self.host.urls().absolute(&back))
        } else {
            self.note_sold(&plan.name, [(price, Line::Plan)].into_iter()).await?;
            return self.confirm(present, price, seats, wish, &back).await;
        };
        self.sync(&present.stripe_id).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        if wish.at_period_end {
            store::subscriptions::plan_change(&mut tx, &present.stripe_id, &plan.name).await?;
        }
        let entry = AuditEntry::done(word).by(caller).with(json!({ "from": present.plan, "to": plan.name }));
        let entry = entry.to(subject::shown(&account.subject)).within(subject::organization(&account.subject));
        self.host.audit().record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        Ok(Bought { url })
    }

    /// Stripe's page that shows what a change costs.
    async fn confirm(
        &self,
        present: &Subscription,
        price: &str,
        seats: Option<i64>,
        wish: &Wish,
        back: &str,
    ) -> Result<Bought> {
        let flow = "flow_data[subscription_update_confirm]";
        let form = Form::new()
            .with("customer", &present.customer_id)
            .with("return_url", self.host.urls().absolute(back))
            .with_some("locale", wish.locale.as_deref())
            .with("flow_data[type]", "subscription_update_confirm")
            .with(format!("{flow}[subscription]"), &present.stripe_id)
            .with(format!("{flow}[items][0][id]"), &present.item_id)
            .with(format!("{flow}[items][0][price]"), price)
            .with_some(&format!("{flow}[items][0][quantity]"), seats)
            .with("flow_data[after_completion][type]", "redirect")
            .with("flow_data[after_completion][redirect][return_url]", self.host.urls().absolute(back));
        let page: PortalSession = self.portal(&form).await?;
        Ok(Bought { url: page.url })
    }

    /// Changes every item at once: the plan, its seats, and what is paid beside it. What belongs to neither plan stays.
    async fn swap(&self, present: &Subscription, (plan, price): (&Plan, &str), seats: Option<i64>) -> Result<()> {
        let path = format!("v1/subscriptions/{}", present.stripe_id);
        let seen: client::Subscription = self.stripe.get(&path, &Form::new()).await?;
        let mut wanted = self.lines(plan, price, seats.unwrap_or(1)).await?;
        let mut of_plan = (!wanted.is_empty()).then(|| wanted.remove(0));
        let plans = self.current_plans().await?;
        let (old, sold) = (plans.find(&present.plan), self.sold_of(&seen.items.data).await?);
        let mut form = Form::new()
            .with("proration_behavior", word_of(plan.sale.proration))
            .with("payment_behavior", "error_if_incomplete")
            .with("cancel_at_period_end", false);
        let mut at = 0;
        for item in &seen.items.data {
            let name = |field: &str| format!("items[{at}][{field}]");
            // By the names of today or because it was sold so: what is ours and unknown would stay beside what takes its place.
            let of_old = line::beside(&present.plan, old, item, &sold).is_some()
                || present.seat_item_id.as_ref() == Some(&item.id);
            let is_plan = item.id == present.item_id;
            let next = if is_plan { of_plan.take() } else { take(&mut wanted, &item.price.id) };
            form = match next {
                Some((price, _, quantity)) => {
                    form.with(name("id"), &item.id).with(name("price"), price).with_some(&name("quantity"), quantity)
                }
                None if of_old => form.with(name("id"), &item.id).with(name("deleted"), true),
                None => continue,
            };
            at += 1;
        }
        for (price, _, quantity) in of_plan.into_iter().chain(wanted) {
            form = form.with(format!("items[{at}][price]"), price);
            form = form.with_some(&format!("items[{at}][quantity]"), quantity);
            at += 1;
        }
        let _changed: client::Subscription = self.stripe.post(&path, &form, &self.random_key("swap")).await?;
        Ok(())
    }

    /// Lets the plan go on until the end of its period, and another follow.
    async fn schedule(&self, present: &Subscription, (plan, price): (&Plan, &str), seats: Option<i64>) -> Result<()> {
        let path = format!("v1/subscriptions/{}", present.stripe_id);
        let seen: client::Subscription = self.stripe.get(&path, &Form::new()).await?;
        // What could still fail comes before anything is made.
        let lines = self.lines(plan, price, seats.unwrap_or(1)).await?;
        let made: Schedule = self
            .stripe
            .post(
                "v1/subscription_schedules",
                &Form::new().with("from_subscription", &present.stripe_id),
                &self.random_key("schedule"),
            )
            .await?;
        let mut form = Form::new().with("end_behavior", "release").with(format!("metadata[{OURS}]"), present.id);
        if let Some(phase) = made.phases.first() {
            // What is left out here Stripe takes for over, so the present phase is told as it is.
            form = form.with("phases[0][start_date]", phase.start_date).with("phases[0][end_date]", phase.end_date);
            form = form.with_some("phases[0][trial_end]", phase.trial_end);
            let discounts: Vec<_> = phase.discounts.iter().filter_map(PhaseDiscount::named).collect();
            for (at, (name, id)) in discounts.iter().enumerate() {
                form = form.with(format!("phases[0][discounts][{at}][{name}]"), id);
            }
            // What is taken off already goes on as long as it would have; a coupon would begin anew.
            for (at, (name, id)) in discounts.iter().filter(|(name, _)| *name == "discount").enumerate() {
                form = form.with(format!("phases[1][discounts][{at}][{name}]"), id);
            }
        }
        for (at, item) in seen.items.data.iter().enumerate() {
            form = form.with(format!("phases[0][items][{at}][price]"), &item.price.id);
            form = form.with_some(&format!("phases[0][items][{at}][quantity]"), item.quantity);
        }
        for (at, (price, _, quantity)) in lines.into_iter().enumerate() {
            form = form.with(format!("phases[1][items][{at}][price]"), price);
            form = form.with_some(&format!("phases[1][items][{at}][quantity]"), quantity);
        }
        form = form
            .with("phases[1][duration][interval]", "month")
            .with("phases[1][duration][interval_count]", 1)
            .with("phases[1][proration_behavior]", "none");
        let path = format!("v1/subscription_schedules/{}", made.id);
        let planned: Result<Schedule, Refused> = self.stripe.post(&path, &form, &self.random_key("plan")).await;
        if let Err(refused) = planned {
            // It does not say yet that it is ours, or nobody knows whether it does: left there, it would keep every other change away.
            if let Err(error) = self.release_schedule(&made.id).await {
                tracing::error!(stripe.schedule = %made.id, ?error, "a schedule that plans nothing is left at Stripe: release it there");
            }
            return Err(refused.into());
        }
        Ok(())
    }

    /// Ends a schedule; the subscription goes on as it is.
    async fn release_schedule(&self, schedule: &str) -> Result<()> {
        let path = format!("v1/subscription_schedules/{schedule}/release");
        let _released: Schedule = self.stripe.post(&path, &Form::new(), &self.random_key("release")).await?;
        Ok(())
    }

    /// Undoes what was planned for the end of the period, if it was planned here.
    pub(super) async fn let_go_of_schedule(&self, present: &Subscription) -> Result<bool> {
        let Some(id) = &present.schedule_id else { return Ok(false) };
        let path = format!("v1/subscription_schedules/{id}");
        let planned: Schedule = self.stripe.get(&path, &Form::new()).await?;
        if planned.is_over() {
            return Ok(false);
        }
        if !planned.metadata.contains_key(OURS) {
            return Err(refusal::scheduled_elsewhere());
        }
        self.release_schedule(id).await?;
        Ok(true)
    }

    /// Sees to it that nothing waits for the next period. What does is not let go of for another wish: that may be given up, or not be paid.
    async fn make_way(&self, present: &Subscription) -> Result<()> {
        let Some(id) = &present.schedule_id else { return Ok(()) };
        let planned: Schedule = self.stripe.get(&format!("v1/subscription_schedules/{id}"), &Form::new()).await?;
        if planned.is_over() {
            return Ok(());
        }
        if !planned.metadata.contains_key(OURS) {
            return Err(refusal::scheduled_elsewhere());
        }
        if !planned.has_come_true() {
            return Err(refusal::change_planned());
        }
        self.release_schedule(id).await
    }

    /// Ends the schedules of an account whose last step has begun. Stripe would keep each for as long as that step lasts, and lets nobody
    /// change in its portal what a schedule holds.
    pub(super) async fn end_schedules(&self, columns: &Columns) -> Result<()> {
        let all = store::subscriptions::list(&mut self.host.db().read().await?, columns).await?;
        for one in all.iter().filter(|one| one.goes_on() && one.scheduled_plan.is_none()) {
            let Some(id) = &one.schedule_id else { continue };
            let path = format!("v1/subscription_schedules/{id}");
            let schedule: Schedule = self.stripe.get(&path, &Form::new()).await?;
            if schedule.metadata.contains_key(OURS) && schedule.has_come_true() {
                self.release_schedule(id).await?;
                self.sync(&one.stripe_id).await?;
            }
        }
        Ok(())
    }
}

/// Takes the line of a price out of those that are wanted.
fn take(wanted: &mut Vec<Priced>, price: &str) -> Option<Priced> {
    let place = wanted.iter().position(|(own, _, _)| own == price)?;
    Some(wanted.remove(place))
}
