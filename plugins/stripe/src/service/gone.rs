//! Subscriptions that Stripe does not know any more.

use belgie_api::ports::{AuditEntry, BillingSubject};
use belgie_api::{Event, Result};
use serde_json::{Value, json};

use super::Billing;
use crate::client::Form;
use crate::lifecycle::Change;
use crate::model::subject;
use crate::store;

impl Billing {
    /// Closes a subscription for which Stripe has answered that there is none: nobody pays for it, and no webhook will ever say so.
    /// Its customer must be known there. With a key of another account, or of the other mode, nothing is there at all, and nobody's
    /// plan is to end for a mistake in the settings.
    ///
    /// # Errors
    /// When Stripe does not know the customer either, or does not answer.
    pub(super) async fn close_gone(&self, stripe_id: &str, look: i64) -> Result<Option<BillingSubject>> {
        let known = store::subscriptions::find_by_stripe_id(&mut self.host.db().read().await?, stripe_id).await?;
        let Some(before) = known else { return Ok(None) };
        let subject = before.subject()?;
        if !before.goes_on() {
            return Ok(Some(subject));
        }
        let path = format!("v1/customers/{}", before.customer_id);
        if let Err(refused) = self.stripe.get::<Value>(&path, &Form::new()).await {
            tracing::error!(
                stripe.subscription = %stripe_id,
                error = %refused,
                "Stripe knows neither a subscription nor its customer: is the key that of another account or mode?"
            );
            return Err(refused.into());
        }
        let now = self.host.now();
        let mut after = before.clone();
        "canceled".clone_into(&mut after.status);
        after.ended_at = Some(now);
        after.canceled_at = after.canceled_at.or(Some(now));
        after.turns_at = None;
        after.synced_seq = look;
        after.updated_at = now;
        let mut tx = self.host.db().begin().await?;
        if store::subscriptions::save(&mut tx, &after).await? {
            let entry = AuditEntry::done("subscription.gone")
                .to(subject::shown(&subject))
                .within(subject::organization(&subject))
                .with(json!({ "plan": after.plan, "subscription": after.id, "stripe_id": stripe_id }));
            self.host.audit().record(&mut tx, &entry).await?;
            let change = Change { subject, before: Some(&before), after: &after };
            self.listeners.tell(&mut tx, change, false).await?;
            tx.emit(Event::SubscriptionChanged { subject });
            tracing::warn!(stripe.subscription = %stripe_id, "Stripe does not know a subscription any more: it is closed");
        }
        tx.commit(now).await?;
        Ok(Some(subject))
    }
}
