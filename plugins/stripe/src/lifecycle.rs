//! What applications and other plugins may do when something happens to what people pay.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use belgie_api::db::Tx;
use belgie_api::ports::BillingSubject;
use belgie_api::{Caller, Plan, Result, async_trait};
use serde_json::Value;

use crate::model::subscription::Subscription;
use crate::service::Account;

/// What somebody wants to do about the plan of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Choose a plan and pay it, or change to another.
    Upgrade,
    /// See what is paid.
    List,
    /// Cancel.
    Cancel,
    /// Take a cancellation or a planned change back.
    Restore,
    /// Look after cards and invoices.
    Portal,
}

/// A subscription as it was and as it is.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Whose it is.
    pub subject: BillingSubject,
    /// What was known before; `None` when nothing was.
    pub before: Option<&'a Subscription>,
    /// What is known now.
    pub after: &'a Subscription,
}

/// Hears of everything that happens to customers and subscriptions, inside the transaction that writes it and before its
/// commit: what it writes happens with it or not at all. An error undoes it, and the event it came from is tried again; so
/// the same may be told twice, and must be borne. What only asks Stripe runs outside of transactions.
#[async_trait]
pub trait Lifecycle: Send + Sync {
    /// Whether somebody may do something about the plan of an account that is not theirs alone. `None` leaves it to their
    /// roles; the first answer counts.
    async fn may(&self, _caller: &Caller, _account: &Account, _deed: Deed) -> Result<Option<bool>> {
        Ok(None)
    }

    /// What else a new customer is made with: parameters as Stripe writes them, such as `tax_exempt`. Ours go before.
    async fn customer_details(&self, _account: &Account) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    /// What else a page to pay on is made with, such as `allow_promotion_codes`. Ours go before.
    async fn checkout_details(&self, _account: &Account, _plan: &Plan) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    /// Somebody is about to be sent to a page to pay on; an error keeps them.
    async fn before_checkout(&self, _tx: &mut Tx, _account: &Account, _plan: &Plan) -> Result<()> {
        Ok(())
    }

    /// An account has a customer at Stripe now.
    async fn after_customer_create(&self, _tx: &mut Tx, _subject: BillingSubject, _customer: &str) -> Result<()> {
        Ok(())
    }

    /// What was begun here is paid.
    async fn after_complete(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// There is a subscription that was not there before.
    async fn after_create(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// Something about it is different, whatever that is.
    async fn after_update(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// Somebody has said that it is to end.
    async fn after_cancel(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// It is over.
    async fn after_delete(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// Days that cost nothing have begun.
    async fn after_trial_start(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// They are over, and it is paid for.
    async fn after_trial_end(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// They are over, and nobody pays.
    async fn after_trial_expire(&self, _tx: &mut Tx, _change: Change<'_>) -> Result<()> {
        Ok(())
    }

    /// Stripe has told something, whatever it is: the event as it came, its signature verified, once it was dealt with.
    async fn on_event(&self, _event: &Value) -> Result<()> {
        Ok(())
    }
}

/// Those who want to hear, in the order they came.
#[derive(Clone, Default)]
pub struct Listeners(Arc<RwLock<Vec<Arc<dyn Lifecycle>>>>);

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.all().len()).finish()
    }
}

impl Listeners {
    /// Adds one.
    pub fn add(&self, listener: Arc<dyn Lifecycle>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Lifecycle>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells everybody what a change is.
    ///
    /// # Errors
    /// What one of them says.
    pub async fn tell(&self, tx: &mut Tx, change: Change<'_>, was_begun_here: bool) -> Result<()> {
        let Change { before, after, .. } = change;
        let was = |status: &str| before.is_some_and(|before| before.status == status);
        let ends = |one: &Subscription| one.cancel_at_period_end || one.cancel_at.is_some();
        let is_over = |one: &Subscription| !one.goes_on();
        let has_trial = |one: Option<&Subscription>| one.is_some_and(|one| one.trial_start.is_some());
        for listener in self.all() {
            match before {
                None => {
                    listener.after_create(tx, change).await?;
                    if was_begun_here {
                        listener.after_complete(tx, change).await?;
                    }
                }
                Some(_) => listener.after_update(tx, change).await?,
            }
            if has_trial(Some(after)) && !has_trial(before) {
                listener.after_trial_start(tx, change).await?;
            }
            if was("trialing") && after.status != "trialing" {
                match after.status.as_str() {
                    "active" | "past_due" => listener.after_trial_end(tx, change).await?,
                    _ => listener.after_trial_expire(tx, change).await?,
                }
            }
            if ends(after) && !before.is_some_and(ends) {
                listener.after_cancel(tx, change).await?;
            }
            if is_over(after) && !before.is_some_and(is_over) {
                listener.after_delete(tx, change).await?;
            }
        }
        Ok(())
    }
}
