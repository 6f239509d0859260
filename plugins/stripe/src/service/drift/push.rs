//! Making what is missing at Stripe.

use belgie_api::{Meter, Plan, PriceName, Result};
use serde::Serialize;

use super::{MetersThere, Wanted, compare, own_product, prices_of};
use crate::client::{BillingMeter, Form, Price, Product};
use crate::service::Billing;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The plan; the meter where it is one.
    pub plan: String,
    /// `product`, `price` or `meter`.
    pub what: &'static str,
    /// Its id at Stripe.
    pub id: String,
}

impl Billing {
    /// Makes the meters, products and prices that are missing at Stripe; done twice it makes nothing new. Prices are made for lookup
    /// keys that have an amount: an id is Stripe's to give, and what is there is never changed.
    ///
    /// # Errors
    /// When Stripe does not do it.
    pub async fn push_plans(&self) -> Result<Vec<Pushed>> {
        let plans = self.current_plans().await?;
        let mut meters = self.meters_there(&plans).await?;
        let mut made = Vec::new();
        for meter in plans.meters() {
            if let Some(event_name) = meter.event_name.as_ref().filter(|name| !meters.contains_key(*name)) {
                let new = self.make_meter(meter, event_name).await?;
                made.push(Pushed { plan: meter.name.clone(), what: "meter", id: new.id.clone() });
                meters.insert(event_name.clone(), new);
            }
        }
        for plan in plans.all().iter().filter(|plan| !plan.is_free()) {
            let (mut product, mut missing) = (None, Vec::new());
            for wanted in prices_of(plan, plans.meters()) {
                match self.look_up(wanted.name).await? {
                    Some(found) => product = product.or(found.product),
                    None if wanted.can_be_made(plan, &meters) => missing.push(wanted),
                    None => {}
                }
            }
            for wanted in missing {
                let id = match &product {
                    Some(id) => id.clone(),
                    None => self.make_product(plan, &mut made).await?,
                };
                if let Some(price) = self.make_price(plan, &wanted, &id, &meters).await? {
                    made.push(Pushed { plan: plan.name.clone(), what: "price", id: price.id });
                }
                product = Some(id);
            }
        }
        self.prices.clear();
        Ok(made)
    }

    /// A meter that adds up what our events say.
    async fn make_meter(&self, meter: &Meter, event_name: &str) -> Result<BillingMeter> {
        let form = Form::new()
            .with("display_name", &meter.title)
            .with("event_name", event_name)
            .with("default_aggregation[formula]", compare::FORMULA)
            .with("customer_mapping[type]", "by_id")
            .with("customer_mapping[event_payload_key]", compare::CUSTOMER_KEY)
            .with("value_settings[event_payload_key]", compare::VALUE_KEY);
        Ok(self.stripe.post("v1/billing/meters", &form, &self.random_key("meter")).await?)
    }

    /// A price. `None` where something of it is not known.
    async fn make_price(
        &self,
        plan: &Plan,
        wanted: &Wanted<'_>,
        product: &str,
        meters: &MetersThere,
    ) -> Result<Option<Price>> {
        let PriceName::LookupKey(key) = wanted.name else { return Ok(None) };
        let (Some(amount), Some(currency), Some(interval)) =
            (wanted.amount, &plan.sale.currency, wanted.intervals.first())
        else {
            return Ok(None);
        };
        let mut form = Form::new()
            .with("product", product)
            .with("lookup_key", key)
            .with("currency", currency)
            .with("recurring[interval]", interval.word())
            .with("metadata[belgie_plan]", &plan.name);
        let free = wanted.free_units(plan);
        if wanted.is_metered() {
            let event_name = wanted.meter.and_then(|meter| meter.event_name.as_ref());
            let Some(meter) = event_name.and_then(|name| meters.get(name)) else { return Ok(None) };
            form = form.with("recurring[usage_type]", "metered").with("recurring[meter]", &meter.id);
        }
        if free == 0 {
            form = form.with("unit_amount", amount);
        } else {
            form = form.with("billing_scheme", "tiered").with("tiers_mode", "graduated");
            for (at, tier) in compare::tiers(free, amount).into_iter().enumerate() {
                let up_to = tier.up_to.map_or_else(|| "inf".to_owned(), |up_to| up_to.to_string());
                form = form.with(format!("tiers[{at}][up_to]"), up_to);
                form = form.with_some(&format!("tiers[{at}][unit_amount]"), tier.unit_amount);
            }
        }
        // The same request has the same key, so that two who push at once make one price.
        let idempotency = format!("price-{product}-{key}-{currency}-{amount}-{free}-{}", interval.word());
        Ok(Some(self.stripe.post("v1/prices", &form, &idempotency).await?))
    }

    /// The product of a plan, made if there is none.
    async fn make_product(&self, plan: &Plan, made: &mut Vec<Pushed>) -> Result<String> {
        let id = own_product(plan);
        if self.find_product(&id).await?.is_some() {
            return Ok(id);
        }
        let form = Form::new()
            .with("id", &id)
            .with("name", &plan.title)
            .with_some("description", Some(&plan.description).filter(|text| !text.is_empty()))
            .with("metadata[belgie_plan]", &plan.name)
            .with("metadata[belgie_trial_days]", plan.trial_days.unwrap_or(0));
        let product: Product = self.stripe.post("v1/products", &form, &self.random_key("product")).await?;
        made.push(Pushed { plan: plan.name.clone(), what: "product", id: product.id.clone() });
        Ok(product.id)
    }
}
