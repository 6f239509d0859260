//! Whether Stripe sells what the file says.

mod compare;
mod push;
mod wanted;

use std::collections::BTreeMap;

use belgie_api::{Plan, Plans, PriceName, Result};
use serde::Serialize;

pub use self::push::Pushed;
use self::wanted::{Wanted, prices_of};
use super::Billing;
use crate::client::{BillingMeter, Form, List, Price, Product, Refused};

/// Something in which Stripe and the file differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The plan; the meter where it is about one.
    pub plan: String,
    /// `monthly`, `annual`, `seat`, `extra`, `metered`, `product` or `meter`.
    pub what: &'static str,
    /// The price or product, as it is named in the file; the name of a meter's events.
    pub name: String,
    /// A sentence.
    pub says: String,
    /// Whether `plan push` puts it right.
    pub can_be_pushed: bool,
}

/// The meters there are at Stripe, by the names of their events: the active one, or if there is none one that was active.
type MetersThere = BTreeMap<String, BillingMeter>;

impl Billing {
    /// Compares every plan that is sold, and every meter that Stripe is told of, with what is at Stripe.
    ///
    /// # Errors
    /// When Stripe does not answer.
    pub async fn plan_drift(&self) -> Result<Vec<Drift>> {
        let plans = self.current_plans().await?;
        let meters = self.meters_there(&plans).await?;
        let mut all = Vec::new();
        for plan in plans.all().iter().filter(|plan| !plan.is_free()) {
            let (mut product, mut is_made) = (None, false);
            for wanted in prices_of(plan, plans.meters()) {
                let found = self.look_up(wanted.name).await?;
                product = product.or_else(|| found.as_ref().and_then(|price| price.product.clone()));
                is_made |= found.is_none() && wanted.can_be_made(plan, &meters);
                all.extend(compare::price(plan, &wanted, found.as_ref(), &meters));
            }
            let own = product.unwrap_or_else(|| own_product(plan));
            all.extend(compare::product(plan, &own, self.find_product(&own).await?.as_ref(), is_made));
        }
        for meter in plans.meters() {
            if let Some(event_name) = &meter.event_name {
                all.extend(compare::meter(meter, event_name, meters.get(event_name)));
            }
        }
        Ok(all)
    }

    /// The meters there are at Stripe. Nobody is asked where nobody is told anything.
    async fn meters_there(&self, plans: &Plans) -> Result<MetersThere> {
        let (mut all, mut after) = (MetersThere::new(), None::<String>);
        if plans.meters().iter().all(|meter| meter.event_name.is_none()) {
            return Ok(all);
        }
        loop {
            let query = Form::new().with("limit", 100).with_some("starting_after", after.as_deref());
            let page: List<BillingMeter> = self.stripe.get("v1/billing/meters", &query).await?;
            after = page.data.last().filter(|_| page.has_more).map(|last| last.id.clone());
            for meter in page.data {
                if compare::is_active(&meter) || !all.contains_key(&meter.event_name) {
                    all.insert(meter.event_name.clone(), meter);
                }
            }
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// A price as Stripe has it, with all that depends on how many, sold or archived: a key stays with what is archived.
    async fn look_up(&self, name: &PriceName) -> Result<Option<Price>> {
        let key = match name {
            PriceName::Id(id) => {
                let path = format!("v1/prices/{id}");
                return found(self.stripe.get(&path, &Form::new().with("expand[]", "tiers")).await);
            }
            PriceName::LookupKey(key) => key,
        };
        for is_active in [true, false] {
            let query = Form::new().with("lookup_keys[]", key).with("active", is_active).with("limit", 1);
            let page: List<Price> = self.stripe.get("v1/prices", &query.with("expand[]", "data.tiers")).await?;
            if let Some(price) = page.data.into_iter().next() {
                return Ok(Some(price));
            }
        }
        Ok(None)
    }

    async fn find_product(&self, id: &str) -> Result<Option<Product>> {
        found(self.stripe.get(&format!("v1/products/{id}"), &Form::new()).await)
    }
}

fn found<T>(answer: Result<T, Refused>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(refused) if refused.is_missing() => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// What we call the product of a plan at Stripe.
fn own_product(plan: &Plan) -> String {
    format!("belgie_{}", plan.name)
}
