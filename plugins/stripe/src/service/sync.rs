//! Bringing a subscription up to date: whatever the news is, Stripe is asked how things stand, so it does not matter in which
//! order news arrive, or how often.

use belgie_api::ports::{AuditEntry, BillingSubject};
use belgie_api::{Event, Failure, Result, SubscriptionId, Timestamp};
use serde_json::json;

use super::Billing;
use crate::client::{self, Form};
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::store;

impl Billing {
    /// Asks Stripe for a subscription and writes down what it says; whose it is. `None` when it belongs to a customer that
    /// is none of ours, or is not there.
    ///
    /// # Errors
    /// When Stripe or the database does not answer.
    pub(super) async fn sync(&self, stripe_id: &str) -> Result<Option<BillingSubject>> {
        let look = self.begin_look().await?;
        let path = format!("v1/subscriptions/{stripe_id}");
        let seen: client::Subscription = match self.stripe.get(&path, &Form::new()).await {
            Ok(seen) => seen,
            Err(refused) if refused.is_missing() => return Ok(None),
            Err(refused) => return Err(refused.into()),
        };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let before = store::subscriptions::find_by_stripe_id(&mut tx, stripe_id).await?;
        // Whose it is, the customer says, and nothing that is written on the subscription.
        let Some(columns) = store::customers::find_subject(&mut tx, &seen.customer).await? else { return Ok(None) };
        let subject = columns.subject()?;
        let id = before.as_ref().map_or_else(|| self.own_id(&seen), |before| before.id);
        let row = self.row((id, columns), before.as_ref(), &seen, look, now)?;
        if store::subscriptions::save(&mut tx, &row).await? {
            let was = before.as_ref().map(|before| (before.plan.as_str(), before.status.as_str()));
            if was != Some((row.plan.as_str(), row.status.as_str())) {
                self.record(&mut tx, &subject, &row).await?;
            }
            tx.emit(Event::SubscriptionChanged { subject });
        }
        tx.commit(now).await?;
        Ok(Some(subject))
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
        (id, subject): (SubscriptionId, Columns),
        before: Option<&Subscription>,
        seen: &client::Subscription,
        look: i64,
        now: Timestamp,
    ) -> Result<Subscription> {
        let items = &seen.items.data;
        // Beside the plan there may be items that are none.
        let named = items.iter().find_map(|item| {
            let plan = self.plan_of_price(&item.price.id, item.price.lookup_key.as_deref())?;
            Some((item, plan.name.clone()))
        });
        // A key moves on and a price is replaced in the file, and people go on paying what they chose: it is what it was.
        let kept = || {
            let before = before?;
            let item = items.iter().find(|item| item.price.id == before.price_id)?;
            Some((item, before.plan.clone()))
        };
        let found = named.or_else(kept).or_else(|| items.first().map(|item| (item, String::new())));
        let (item, plan) = found.ok_or_else(|| Failure::internal("a subscription to nothing"))?;
        if self.host.plans().find(&plan).is_none() {
            tracing::warn!(stripe.price = %item.price.id, "a subscription has a price that no [[plan]] names: it opens nothing");
        }
        let moment = |seconds: Option<i64>| seconds.map(Timestamp::from_unix_seconds);
        Ok(Subscription {
            id,
            subject,
            stripe_id: seen.id.clone(),
            customer_id: seen.customer.clone(),
            plan,
            price_id: item.price.id.clone(),
            item_id: item.id.clone(),
            pay_interval: item.price.recurring.as_ref().map(|often| often.interval.clone()).unwrap_or_default(),
            status: seen.status.clone(),
            seats: item.quantity,
            period_start: moment(item.current_period_start),
            period_end: moment(item.current_period_end),
            trial_start: moment(seen.trial_start),
            trial_end: moment(seen.trial_end),
            cancel_at_period_end: seen.cancel_at_period_end,
            cancel_at: moment(seen.cancel_at),
            canceled_at: moment(seen.canceled_at),
            ended_at: moment(seen.ended_at),
            past_due_since: (seen.status == "past_due").then_some(now),
            synced_seq: look,
            created_at: now,
            updated_at: now,
        })
    }

    async fn record(&self, tx: &mut belgie_api::db::Tx, subject: &BillingSubject, row: &Subscription) -> Result<()> {
        let entry = AuditEntry::done("subscription.changed")
            .to(subject::shown(subject))
            .within(subject::organization(subject))
            .with(json!({ "plan": row.plan, "status": row.status, "subscription": row.id }));
        self.host.audit().record(tx, &entry).await
    }
}
