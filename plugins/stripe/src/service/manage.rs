//! Looking after what is paid for: cancelling, taking that back, cards and invoices.

use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Result};
use serde_json::json;

use super::{Account, Billing, Bought};
use crate::client::{self, Form, PortalSession, Refused};
use crate::model::subject::{self, Columns};
use crate::model::subscription::{Shown, Subscription};
use crate::model::{refusal, return_to};
use crate::store;

impl Billing {
    /// Begins to cancel: Stripe asks, and says until when what is paid for stays open.
    ///
    /// # Errors
    /// 404 when there is nothing to cancel.
    pub async fn cancel(
        &self,
        account: &Account,
        id: Option<&str>,
        back: &str,
        locale: Option<&str>,
    ) -> Result<Bought> {
        let present = self.meant(account, id).await?;
        let form = self
            .portal_form(&present.customer_id, back, locale)?
            .with("flow_data[type]", "subscription_cancel")
            .with("flow_data[subscription_cancel][subscription]", &present.stripe_id);
        Ok(Bought { url: self.portal(&form).await?.url })
    }

    /// Takes a cancellation back before it has come true.
    ///
    /// # Errors
    /// 404 when there is no subscription, 400 when it does not end.
    pub async fn restore(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        account: &Account,
        id: Option<&str>,
    ) -> Result<Shown> {
        let present = self.meant(account, id).await?;
        let form = match (present.cancel_at_period_end, present.cancel_at) {
            (true, _) => Some(Form::new().with("cancel_at_period_end", false)),
            (false, Some(_)) => Some(Form::new().with("cancel_at", "")),
            (false, None) if present.schedule_id.is_some() => None,
            (false, None) => return Err(refusal::not_canceled()),
        };
        // What was planned for the end of the period is taken back with it.
        self.let_go_of_schedule(&present).await?;
        // Once for each look: after another cancellation it is another act.
        let key = format!("restore-{}-{}", present.stripe_id, present.synced_seq);
        let path = format!("v1/subscriptions/{}", present.stripe_id);
        if let Some(form) = form {
            let _restored: client::Subscription = self.stripe.post(&path, &form, &key).await?;
        }
        self.sync(&present.stripe_id).await?;
        let mut tx = self.host.db().begin().await?;
        let entry =
            AuditEntry::done("subscription.restored").by(caller).during(info).with(json!({ "plan": present.plan }));
        let entry = entry.to(subject::shown(&account.subject)).within(subject::organization(&account.subject));
        self.host.audit().record(&mut tx, &entry).await?;
        let now = store::subscriptions::find_by_stripe_id(&mut tx, &present.stripe_id).await?.unwrap_or(present);
        tx.commit(self.host.now()).await?;
        now.shown(self.current_plans().await?.find(&now.plan))
    }

    /// Stripe's page for cards, invoices and the plan.
    ///
    /// # Errors
    /// 404 when nothing was ever paid for.
    pub async fn billing_portal(&self, account: &Account, back: &str, locale: Option<&str>) -> Result<Bought> {
        let columns = Columns::from(account.subject);
        let customer = store::customers::find(&mut self.host.db().read().await?, &columns).await?;
        let customer = customer.ok_or_else(refusal::no_customer)?;
        let form = self.portal_form(&customer, back, locale)?;
        let key = self.random_key("portal");
        let page: Result<PortalSession, Refused> = self.stripe.post("v1/billing_portal/sessions", &form, &key).await;
        match page {
            Ok(page) => Ok(Bought { url: page.url }),
            Err(refused) if refused.lacks("customer") && self.retire_customer(&columns, &customer).await? => {
                Err(refusal::no_customer().source(refused))
            }
            Err(refused) => Err(refused.into()),
        }
    }

    pub(super) fn portal_form(&self, customer: &str, back: &str, locale: Option<&str>) -> Result<Form> {
        let back = self.host.urls().absolute(&return_to::local(self.host.urls(), back)?);
        Ok(Form::new().with("customer", customer).with("return_url", back).with_some("locale", locale))
    }

    /// A page of the portal; each is good for one visit, so each is made anew.
    pub(super) async fn portal(&self, form: &Form) -> Result<PortalSession> {
        Ok(self.stripe.post("v1/billing_portal/sessions", form, &self.random_key("portal")).await?)
    }

    /// Of what is paid for by an account and goes on, that which opens most.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn present(&self, account: &Account) -> Result<Option<Subscription>> {
        let all = self.going_on(account).await?;
        Ok(self.foremost(&self.current_plans().await?, &all).cloned())
    }

    /// The subscription that is meant: the one of this id, ours or Stripe's, or of those that go on the one that opens most.
    async fn meant(&self, account: &Account, id: Option<&str>) -> Result<Subscription> {
        let Some(id) = id else {
            return self.present(account).await?.ok_or_else(refusal::no_subscription);
        };
        let all = self.going_on(account).await?;
        let is_meant = |one: &Subscription| one.stripe_id == id || one.id.to_string() == id;
        all.into_iter().find(is_meant).ok_or_else(refusal::no_subscription)
    }
}
