//! What things cost, as Stripe says. It is asked, and what it said is kept for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use belgie_api::{Failure, Interval, Plan, PriceName, Result, Timestamp};

use super::Billing;
use crate::client::{Form, List, Price};
use crate::model::money;

/// For how long a price is kept. Stripe changes no price, only where a key leads; news of that empty this node's.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// More prices than there are plans; more are not kept.
const MOST: usize = 1_000;

/// Prices by their name: at most a thousand, ten minutes each, emptied by news about prices.
#[derive(Default)]
pub struct Prices(Mutex<HashMap<String, (Timestamp, Price)>>);

impl Prices {
    /// What is known of a price, if that is not too long ago.
    fn find(&self, name: &PriceName, now: Timestamp) -> Option<Price> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, price) = known.get(&name.to_string())?;
        (since.plus(LASTS) > now).then(|| price.clone())
    }

    fn learn(&self, name: &PriceName, price: &Price, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(name.to_string(), (now, price.clone()));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Billing {
    /// The id of a price: what the plan says, or what its key leads to now.
    pub(super) async fn price_id(&self, name: &PriceName) -> Result<String> {
        match name {
            PriceName::Id(id) => Ok(id.clone()),
            PriceName::LookupKey(key) => {
                let none = || Failure::internal(format!("no price at Stripe has the lookup key `{key}`"));
                self.ask_for_price(name).await?.map(|price| price.id).ok_or_else(none)
            }
        }
    }

    /// A price as Stripe has it at this moment.
    pub(super) async fn ask_for_price(&self, name: &PriceName) -> Result<Option<Price>> {
        let found = match name {
            PriceName::Id(id) => match self.stripe.get(&format!("v1/prices/{id}"), &Form::new()).await {
                Ok(price) => Some(price),
                Err(refused) if refused.is_missing() => None,
                Err(refused) => return Err(refused.into()),
            },
            PriceName::LookupKey(key) => {
                let query = Form::new().with("lookup_keys[]", key).with("active", true).with("limit", 1);
                let found: List<Price> = self.stripe.get("v1/prices", &query).await?;
                found.data.into_iter().next()
            }
        };
        if let Some(price) = &found {
            self.prices.learn(name, price, self.host.now());
        }
        Ok(found)
    }

    /// What a plan costs by an interval, as people read it; `None` when it has no such price, or nobody knows at the moment.
    pub(crate) async fn cost(&self, plan: &Plan, interval: Interval) -> Option<String> {
        let name = plan.price(interval)?;
        let price = match self.prices.find(name, self.host.now()) {
            Some(known) => known,
            None => self
                .ask_for_price(name)
                .await
                .inspect_err(|error| tracing::warn!(?error, "the page shows no prices"))
                .ok()
                .flatten()?,
        };
        Some(money::shown(price.unit_amount?, price.currency.as_deref()?))
    }
}
