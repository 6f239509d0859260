//! Whether Stripe sells what the file says, and making what is missing there.

use std::collections::BTreeSet;

use belgie_api::{Interval, Meter, Plan, Plans, PriceName, Result};
use serde::Serialize;

use super::Billing;
use crate::client::{BillingMeter, Form, List, Price, Product, Refused};
use crate::model::money;

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

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The plan.
    pub plan: String,
    /// `product` or `price`.
    pub what: &'static str,
    /// Its id at Stripe.
    pub id: String,
}

/// A price of a plan, and what the file says of it.
struct Wanted<'a> {
    what: &'static str,
    name: &'a PriceName,
    interval: Option<Interval>,
    amount: Option<i64>,
}

impl Billing {
    /// Compares every plan that is sold, and every meter that Stripe is told of, with what is at Stripe.
    ///
    /// # Errors
    /// When Stripe does not answer.
    pub async fn plan_drift(&self) -> Result<Vec<Drift>> {
        let plans = self.current_plans().await?;
        let mut all = Vec::new();
        for plan in plans.all().iter().filter(|plan| !plan.is_free()) {
            let mut product = None;
            for wanted in prices_of(plan) {
                let found = self.ask_for_price(wanted.name).await?;
                product = product.or_else(|| found.as_ref().and_then(|price| price.product.clone()));
                all.extend(compare(plan, &wanted, found.as_ref()));
            }
            let found = match &product {
                Some(id) => self.find_product(id).await?,
                None => self.find_product(&own_product(plan)).await?,
            };
            all.extend(compare_product(plan, found.as_ref()));
        }
        all.extend(self.meter_drift(&plans).await?);
        Ok(all)
    }

    /// Meters of which Stripe would refuse every event.
    async fn meter_drift(&self, plans: &Plans) -> Result<Vec<Drift>> {
        let told: Vec<(&Meter, &String)> =
            plans.meters().iter().filter_map(|meter| Some((meter, meter.event_name.as_ref()?))).collect();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let active = self.active_meters().await?;
        let missing = told.into_iter().filter(|(_, name)| !active.contains(*name));
        let drift = |(meter, name): (&Meter, &String)| Drift {
            plan: meter.name.clone(),
            what: "meter",
            name: name.clone(),
            says: "no active meter at Stripe counts events of this name".to_owned(),
            can_be_pushed: false,
        };
        Ok(missing.map(drift).collect())
    }

    /// The names of events that are counted at Stripe now.
    async fn active_meters(&self) -> Result<BTreeSet<String>> {
        let (mut names, mut after) = (BTreeSet::new(), None::<String>);
        loop {
            let query = Form::new().with("status", "active").with("limit", 100);
            let query = query.with_some("starting_after", after.as_deref());
            let page: List<BillingMeter> = self.stripe.get("v1/billing/meters", &query).await?;
            after = page.data.last().filter(|_| page.has_more).map(|last| last.id.clone());
            names.extend(page.data.into_iter().map(|meter| meter.event_name));
            if after.is_none() {
                return Ok(names);
            }
        }
    }

    /// Makes the products and prices that are missing at Stripe; done twice it makes nothing new. Prices are made for lookup
    /// keys that have an amount: an id is Stripe's to give, and a price that is there is never changed.
    ///
    /// # Errors
    /// When Stripe does not do it.
    pub async fn push_plans(&self) -> Result<Vec<Pushed>> {
        let plans = self.current_plans().await?;
        let mut made = Vec::new();
        for plan in plans.all().iter().filter(|plan| !plan.is_free()) {
            for wanted in prices_of(plan) {
                let PriceName::LookupKey(key) = wanted.name else { continue };
                let (Some(amount), Some(currency), Some(interval)) =
                    (wanted.amount, &plan.sale.currency, wanted.interval)
                else {
                    continue;
                };
                if self.ask_for_price(wanted.name).await?.is_some() {
                    continue;
                }
                let product = self.product(plan, &mut made).await?;
                let form = Form::new()
                    .with("product", product)
                    .with("lookup_key", key)
                    .with("currency", currency)
                    .with("unit_amount", amount)
                    .with("recurring[interval]", interval.word())
                    .with("metadata[belgie_plan]", &plan.name);
                let idempotency = format!("price-{key}-{currency}-{amount}-{}", interval.word());
                let price: Price = self.stripe.post("v1/prices", &form, &idempotency).await?;
                made.push(Pushed { plan: plan.name.clone(), what: "price", id: price.id });
            }
        }
        self.prices.clear();
        Ok(made)
    }

    /// The product of a plan, made if there is none.
    async fn product(&self, plan: &Plan, made: &mut Vec<Pushed>) -> Result<String> {
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

    async fn find_product(&self, id: &str) -> Result<Option<Product>> {
        let found: Result<Product, Refused> = self.stripe.get(&format!("v1/products/{id}"), &Form::new()).await;
        match found {
            Ok(product) => Ok(Some(product)),
            Err(refused) if refused.is_missing() => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }
}

/// What we call the product of a plan at Stripe.
fn own_product(plan: &Plan) -> String {
    format!("belgie_{}", plan.name)
}

fn prices_of(plan: &Plan) -> Vec<Wanted<'_>> {
    let by = |interval: Interval, what: &'static str| {
        let amount = plan.sale.amount(interval);
        plan.price(interval).map(|name| Wanted { what, name, interval: Some(interval), amount })
    };
    let other = |what: &'static str| move |name| Wanted { what, name, interval: None, amount: None };
    let sale = &plan.sale;
    let own = by(Interval::Month, "monthly").into_iter().chain(by(Interval::Year, "annual"));
    own.chain(sale.seat.iter().map(other("seat")))
        .chain(sale.extras.iter().map(other("extra")))
        .chain(sale.metered.iter().map(other("metered")))
        .collect()
}

fn compare(plan: &Plan, wanted: &Wanted<'_>, found: Option<&Price>) -> Vec<Drift> {
    let drift = |says: String, can_be_pushed: bool| Drift {
        plan: plan.name.clone(),
        what: wanted.what,
        name: wanted.name.to_string(),
        says,
        can_be_pushed,
    };
    let Some(price) = found else {
        let is_known = wanted.amount.is_some() && plan.sale.currency.is_some() && wanted.interval.is_some();
        let can_be_pushed = matches!(wanted.name, PriceName::LookupKey(_)) && is_known;
        return vec![drift("there is no such price at Stripe".to_owned(), can_be_pushed)];
    };
    let mut all = Vec::new();
    if price.active == Some(false) {
        all.push(drift("the price is archived at Stripe: nobody can buy it".to_owned(), false));
    }
    let often = price.recurring.as_ref().map_or("once", |often| often.interval.as_str());
    if let Some(interval) = wanted.interval.filter(|interval| interval.word() != often) {
        all.push(drift(format!("it is paid by the {} here, and there: {often}", interval.word()), false));
    }
    let (currency, amount) = (price.currency.as_deref().unwrap_or_default(), price.unit_amount.unwrap_or_default());
    if let Some(ours) = wanted.amount.filter(|ours| *ours != amount) {
        let here = money::shown(ours, plan.sale.currency.as_deref().unwrap_or(currency));
        all.push(drift(format!("it costs {here} here, and {} there", money::shown(amount, currency)), false));
    }
    if let Some(ours) = plan.sale.currency.as_ref().filter(|ours| wanted.amount.is_some() && *ours != currency) {
        all.push(drift(format!("it is paid in {ours} here, and in {currency} there"), false));
    }
    all
}

fn compare_product(plan: &Plan, found: Option<&Product>) -> Vec<Drift> {
    let drift = |says: String, can_be_pushed: bool| Drift {
        plan: plan.name.clone(),
        what: "product",
        name: found.map_or_else(|| own_product(plan), |product| product.id.clone()),
        says,
        can_be_pushed,
    };
    let Some(product) = found else { return vec![drift("there is no such product at Stripe".to_owned(), true)] };
    let mut all = Vec::new();
    if !product.active {
        all.push(drift("the product is archived at Stripe".to_owned(), false));
    }
    if product.name != plan.title {
        all.push(drift(format!("it is called `{}` here, and `{}` there", plan.title, product.name), false));
    }
    let theirs = product.description.as_deref().unwrap_or_default();
    if !plan.description.is_empty() && theirs != plan.description {
        all.push(drift(format!("it is described as `{}` here, and as `{theirs}` there", plan.description), false));
    }
    // Stripe keeps no trial with a price; where we made the product, we wrote it on that.
    let trial = product.metadata.get("belgie_trial_days").and_then(|days| days.parse::<u16>().ok());
    if let Some(theirs) = trial.filter(|theirs| *theirs != plan.trial_days.unwrap_or(0)) {
        all.push(drift(
            format!("it has {} days of trial here, and {theirs} there", plan.trial_days.unwrap_or(0)),
            false,
        ));
    }
    all
}
