//! Nobody goes on paying for an account that is gone.

use std::time::Duration;

use belgie_api::ports::{AuditEntry, BillingSubject};
use belgie_api::{Failure, Result};
use serde_json::json;

use super::Billing;
use crate::client::{self, CheckoutSession, Form, Refused};
use crate::model::subject::{self, Columns};
use crate::store;

/// For how long a page to pay on can be in the making: Stripe is asked three times, twenty seconds each.
const IS_MADE_WITHIN: Duration = Duration::from_secs(10 * 60);

impl Billing {
    /// Closes the page on which an account that is gone could still be paid for, and ends what somebody has paid for there.
    pub(super) async fn close_for_good(&self, columns: &Columns, subject: BillingSubject) -> Result<()> {
        let found = store::checkouts::find(&mut self.host.db().read().await?, columns).await?;
        if let Some(under_way) = found {
            match &under_way.session_id {
                Some(session) => self.close_page(session).await?,
                None if under_way.created_at.plus(IS_MADE_WITHIN) > self.host.now() => {
                    return Err(Failure::unavailable("the page to pay on is not there yet"));
                }
                // Whoever made it died over it: nobody has its address.
                None => {}
            }
        }
        if self.is_gone(subject).await? {
            self.end_all(columns, subject).await?;
        }
        Ok(())
    }

    async fn close_page(&self, session: &str) -> Result<()> {
        let path = format!("v1/checkout/sessions/{session}/expire");
        let closed: Result<CheckoutSession, Refused> =
            self.stripe.post(&path, &Form::new(), &format!("expire-{session}")).await;
        match closed {
            Ok(_) => {}
            Err(refused) if refused.is_final() => {
                if let Some(subscription) = self.look_at_session(session).await? {
                    self.sync(&subscription).await?;
                }
            }
            Err(refused) => return Err(refused.into()),
        }
        let mut tx = self.host.db().begin().await?;
        store::checkouts::close(&mut tx, session).await?;
        tx.commit(self.host.now()).await
    }

    /// Ends at once what is still paid for by an account that is gone: nobody else could.
    async fn end_all(&self, columns: &Columns, subject: BillingSubject) -> Result<()> {
        let all = store::subscriptions::list(&mut self.host.db().read().await?, columns).await?;
        for one in all.iter().filter(|one| one.goes_on()) {
            let ended: Result<client::Subscription, Refused> =
                self.stripe.delete(&format!("v1/subscriptions/{}", one.stripe_id)).await;
            match ended {
                Ok(_) => {}
                Err(refused) if refused.is_gone() => {}
                Err(refused) => return Err(refused.into()),
            }
            tracing::error!(
                stripe.subscription = %one.stripe_id,
                "somebody has paid for an account that is gone: it is ended, pay it back at Stripe"
            );
            let entry = AuditEntry::done("subscription.ended")
                .to(subject::shown(&subject))
                .within(subject::organization(&subject))
                .with(json!({ "plan": one.plan, "subscription": one.id, "stripe_id": one.stripe_id }));
            let mut tx = self.host.db().begin().await?;
            self.host.audit().record(&mut tx, &entry).await?;
            tx.commit(self.host.now()).await?;
            self.sync(&one.stripe_id).await?;
        }
        Ok(())
    }

    async fn is_gone(&self, subject: BillingSubject) -> Result<bool> {
        match subject {
            BillingSubject::User { user } => Ok(self.host.accounts().find(user).await?.is_none()),
            BillingSubject::Organization { .. } | BillingSubject::Team { .. } => {
                Ok(self.size_of(subject).await?.is_none())
            }
        }
    }
}
