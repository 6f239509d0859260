//! Who is whom at Stripe.

use belgie_api::crypto::{base64url, sha256};
use belgie_api::ports::AuditEntry;
use belgie_api::{Caller, Result};
use serde_json::json;

use super::{Account, Billing};
use crate::client::{Customer, Form};
use crate::model::subject::{self, Columns};
use crate::store;

impl Billing {
    /// The customer of an account, made if there is none. One is only ever found by the account it was made for, never by an
    /// address: whoever wrote it on an account here need not be who pays under it there.
    pub(super) async fn customer(&self, caller: &Caller, account: &Account) -> Result<String> {
        let columns = Columns::from(account.subject);
        if let Some(known) = store::customers::find(&mut self.host.db().read().await?, &columns).await? {
            return Ok(known);
        }
        let user = caller.user();
        self.make_customer(account, Some(&user.email).filter(|_| user.email_verified).map(String::as_str)).await
    }

    /// Makes the customer of an account. `email`: a proven address.
    pub(super) async fn make_customer(&self, account: &Account, email: Option<&str>) -> Result<String> {
        let columns = Columns::from(account.subject);
        let id = subject::shown(&account.subject);
        let mut form =
            Form::new().with("name", &account.name).with_some("email", email).with("metadata[belgie_account]", &id);
        for listener in self.listeners.all() {
            form = form.with_others(listener.customer_details(account).await?);
        }
        // Stripe wants the same words under the same key, and the words differ with whoever asks. Of two people who ask at the
        // same moment each makes one; the first that is noted is it, and nobody ever pays as the other.
        let mut words = form.encode();
        // Of one that was deleted Stripe would tell again for a day under the same key.
        for former in store::customers::list_former(&mut self.host.db().read().await?, &columns).await? {
            words.push('&');
            words.push_str(&former);
        }
        let key = format!("customer-{id}-{}", base64url(&sha256(words.as_bytes())));
        let made: Customer = self.stripe.post("v1/customers", &form, &key).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::customers::insert(&mut tx, &columns, &made.id, now).await?;
        let noted = store::customers::find(&mut tx, &columns).await?;
        if noted.as_ref() == Some(&made.id) {
            for listener in self.listeners.all() {
                listener.after_customer_create(&mut tx, account.subject, &made.id).await?;
            }
        }
        tx.commit(now).await?;
        Ok(noted.unwrap_or(made.id))
    }

    /// Lets go of a customer that is not at Stripe any more, so that the account becomes another one when it buys again; `false`
    /// while something that it pays for goes on here: then the key may be that of another account or mode, and nothing changes.
    pub(super) async fn retire_customer(&self, columns: &Columns, customer: &str) -> Result<bool> {
        let all = store::subscriptions::list(&mut self.host.db().read().await?, columns).await?;
        if all.iter().any(|one| one.goes_on() && one.customer_id == customer) {
            return Ok(false);
        }
        self.note_gone(columns, customer).await?;
        Ok(true)
    }

    /// Stripe tells that a customer was deleted. With it go its subscriptions, each of which is looked at.
    pub(super) async fn bury_customer(&self, customer: &str) -> Result<bool> {
        let mut conn = self.host.db().read().await?;
        let Some(columns) = store::customers::find_subject(&mut conn, customer).await? else { return Ok(false) };
        let all = store::subscriptions::list(&mut conn, &columns).await?;
        drop(conn);
        for one in all.iter().filter(|one| one.goes_on() && one.customer_id == customer) {
            self.sync(&one.stripe_id).await?;
        }
        self.note_gone(&columns, customer).await?;
        Ok(true)
    }

    async fn note_gone(&self, columns: &Columns, customer: &str) -> Result<()> {
        let subject = columns.subject()?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        if store::customers::retire(&mut tx, customer, now).await? {
            let entry = AuditEntry::done("customer.gone")
                .to(subject::shown(&subject))
                .within(subject::organization(&subject))
                .with(json!({ "customer": customer }));
            self.host.audit().record(&mut tx, &entry).await?;
            tracing::warn!(stripe.customer = %customer, "Stripe does not know a customer any more");
        }
        tx.commit(now).await
    }
}
