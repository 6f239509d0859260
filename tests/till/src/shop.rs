//! What the stand-in keeps, and what happens to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use belgie_api::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::meters::Counted;
use super::record;
use super::whole::whole;

/// A request it got.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub parameters: Vec<(String, String)>,
    pub idempotency_key: Option<String>,
}

impl Seen {
    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rfind(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Everything there is.
pub struct Shop {
    origin: String,
    number: u64,
    pub prices: Vec<Value>,
    pub customers: BTreeMap<String, Value>,
    /// Customers that were there.
    pub deleted: BTreeSet<String>,
    pub sessions: BTreeMap<String, Value>,
    /// Portals that were opened.
    pub portals: BTreeMap<String, Value>,
    pub subscriptions: BTreeMap<String, Value>,
    pub products: BTreeMap<String, Value>,
    pub schedules: BTreeMap<String, Value>,
    pub events: Vec<Value>,
    pub seen: Vec<Seen>,
    /// Answers by their idempotency key, with what was asked.
    pub kept: BTreeMap<String, (String, u16, Value)>,
    /// What the next requests are answered with instead: a status, and what `Stripe-Should-Retry` says.
    pub failures: VecDeque<(u16, Option<&'static str>)>,
    /// How long what is paid for lasts, in seconds, if not for a month or a year of the calendar.
    pub period: Option<i64>,
    /// What meters have counted.
    pub counted: Counted,
    /// A page to pay on is made, and told only once somebody says so here.
    pub held: Option<Arc<Notify>>,
}

impl Shop {
    pub fn new(origin: &str) -> Self {
        let price = |id: &str, key: Option<&str>, interval: &str| {
            json!({ "id": id, "object": "price", "active": true, "currency": "usd", "unit_amount": 2000,
                    "lookup_key": key, "recurring": { "interval": interval, "interval_count": 1, "usage_type": "licensed" },
                    "type": "recurring", "livemode": false })
        };
        let mut counted = Counted::default();
        counted.add_meter("belgie_exports");
        Self {
            origin: origin.to_owned(),
            number: 0,
            prices: vec![
                price("price_pro_month", None, "month"),
                price("price_pro_year", Some("pro_yearly"), "year"),
                price("price_business_month", None, "month"),
                price("price_foreign", None, "month"),
                price("price_crew_month", None, "month"),
                price("price_seat", Some("crew_seat"), "month"),
                price("price_support", None, "month"),
                metered(price("price_calls", None, "month")),
            ],
            customers: BTreeMap::new(),
            deleted: BTreeSet::new(),
            sessions: BTreeMap::new(),
            portals: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            products: BTreeMap::new(),
            schedules: BTreeMap::new(),
            events: Vec::new(),
            seen: Vec::new(),
            kept: BTreeMap::new(),
            failures: VecDeque::new(),
            period: None,
            counted,
            held: None,
        }
    }

    pub fn now() -> i64 {
        let span = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        i64::try_from(span.as_secs()).expect("before the end of time")
    }

    pub fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}_test_{:04}", self.number)
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The requests to a path.
    pub fn asked(&self, method: &str, path: &str) -> Vec<Seen> {
        self.seen.iter().filter(|seen| seen.method == method && seen.path == path).cloned().collect()
    }

    /// Notes that something happened, with the object as it is now.
    pub(super) fn happen(&mut self, kind: &str, object: &Value) {
        let event = self.event(kind, &whole(object));
        record::note(&json!({ "kind": "event", "body": event }));
        self.events.push(event);
    }

    /// An event that somebody makes up, with as much of an object as they give. It is not compared with what Stripe tells.
    pub fn make_up(&mut self, kind: &str, object: &Value) {
        let event = self.event(kind, object);
        self.events.push(event);
    }

    fn event(&mut self, kind: &str, object: &Value) -> Value {
        json!({
            "id": self.id("evt"), "object": "event", "api_version": belgie_stripe::VERSION, "created": Self::now(), "type": kind,
            "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
        })
    }

    pub fn price(&self, id: &str) -> Option<Value> {
        self.prices.iter().find(|price| price["id"] == id).cloned()
    }

    /// One thing that is paid for in a subscription.
    pub fn item(&mut self, subscription: &str, price: Value, quantity: Option<i64>, period: (&Value, &Value)) -> Value {
        json!({ "id": self.id("si"), "object": "subscription_item", "price": price, "quantity": quantity,
            "current_period_start": period.0, "current_period_end": period.1, "subscription": subscription, "metadata": {} })
    }

    /// When a period ends that begins now or then, in seconds since 1970.
    pub fn end_of(&self, start: i64, price: &Value) -> i64 {
        let months = if price["recurring"]["interval"] == "year" { 12 } else { 1 };
        let by_calendar = Timestamp::from_unix_seconds(start).plus_months(months).unix_seconds();
        self.period.map_or(by_calendar, |period| start + period)
    }

    /// Another period begins, at a moment in seconds since 1970: the next one, or one for another price in the middle of this.
    pub fn begin_period(&mut self, id: &str, start: i64, price: &str) {
        let price = self.price(price).expect("a price of the shop");
        let end = self.end_of(start, &price);
        self.change(id, |own| {
            let item = &mut own["items"]["data"][0];
            item["price"] = price;
            item["current_period_start"] = json!(start);
            item["current_period_end"] = json!(end);
        });
    }

    /// What was planned for the end of the period comes true. The schedule stays, at its last phase, until that is over or somebody
    /// releases it.
    pub fn come_true(&mut self, id: &str) {
        let schedule = self.subscriptions[id]["schedule"].as_str().expect("a schedule").to_owned();
        let next = self.schedules[&schedule]["_next"].as_array().expect("a plan").clone();
        let discounts = self.schedules[&schedule]["_next_discounts"].clone();
        let phase = self.schedules[&schedule]["phases"][1].clone();
        let (start, end) = (phase["start_date"].clone(), phase["end_date"].clone());
        self.schedules.get_mut(&schedule).expect("a schedule")["current_phase"] =
            json!({ "start_date": start, "end_date": end });
        let mut items = Vec::new();
        for item in &next {
            let price = self.price(item[0].as_str().expect("a price")).expect("a price of the shop");
            items.push(self.item(id, price, item[1].as_i64(), (&start, &end)));
        }
        self.change(id, |subscription| {
            if subscription["status"] == "trialing" {
                subscription["status"] = json!("active");
            }
            subscription["discounts"] = discounts;
            subscription["items"]["data"] = json!(items);
        });
    }

    /// A subscription of a customer to a price, from now on.
    pub fn subscribe(
        &mut self,
        customer: &str,
        price: &str,
        quantity: i64,
        trial_days: i64,
        metadata: &Value,
    ) -> String {
        let (id, item, now) = (self.id("sub"), self.id("si"), Self::now());
        let price = self.price(price).expect("a price of the shop");
        let end = if trial_days > 0 { now + trial_days * 86_400 } else { self.end_of(now, &price) };
        let (status, trial) = if trial_days > 0 { ("trialing", Some((now, end))) } else { ("active", None) };
        let subscription = json!({
            "id": id, "object": "subscription", "customer": customer, "status": status, "created": now,
            "start_date": now, "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null, "ended_at": null,
            "trial_start": trial.map(|trial| trial.0), "trial_end": trial.map(|trial| trial.1),
            "collection_method": "charge_automatically", "livemode": false, "metadata": metadata, "schedule": null,
            "items": { "object": "list", "has_more": false, "url": format!("/v1/subscription_items?subscription={id}"),
                "data": [{ "id": item, "object": "subscription_item", "price": price, "quantity": quantity,
                    "current_period_start": now, "current_period_end": end, "subscription": id, "metadata": {} }] },
        });
        self.subscriptions.insert(id.clone(), subscription.clone());
        self.happen("customer.subscription.created", &subscription);
        id
    }

    /// Somebody pays on an open page; where the browser is sent.
    pub fn pay(&mut self, session: &str) -> Option<String> {
        let now = Self::now();
        let open = self.sessions.get(session).filter(|open| open["status"] == "open").cloned()?;
        let text = |name: &str| open[name].as_str().unwrap_or_default().to_owned();
        let lines = open["_lines"].as_array().cloned().unwrap_or_default();
        let quantity = lines[0]["quantity"].as_i64().unwrap_or(1);
        let price = lines[0]["price"].as_str().unwrap_or_default().to_owned();
        let trial = open["_trial_days"].as_i64().unwrap_or(0);
        let subscription = self.subscribe(&text("customer"), &price, quantity, trial, &open["_subscription_metadata"]);
        self.add_lines(&subscription, &lines[1..]);
        let paid = self.sessions.get_mut(session)?;
        paid["status"] = json!("complete");
        paid["payment_status"] = json!("paid");
        paid["url"] = Value::Null;
        paid["subscription"] = json!(subscription);
        paid["_paid_at"] = json!(now);
        let shown = public(paid);
        self.happen("checkout.session.completed", &shown);
        Some(text("success_url").replace("{CHECKOUT_SESSION_ID}", session))
    }

    /// Adds what is paid beside a plan, as if it had been there from the beginning.
    fn add_lines(&mut self, id: &str, lines: &[Value]) {
        for line in lines {
            let own = &self.subscriptions[id]["items"]["data"][0];
            let (start, end) = (own["current_period_start"].clone(), own["current_period_end"].clone());
            let price = self.price(line["price"].as_str().expect("a price")).expect("a price of the shop");
            let new = self.item(id, price, line["quantity"].as_i64(), (&start, &end));
            let own = self.subscriptions.get_mut(id).expect("a subscription");
            own["items"]["data"].as_array_mut().expect("items").push(new);
        }
    }

    /// Changes a subscription, as the portal or the passing of time does.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Value)) {
        let subscription = self.subscriptions.get_mut(id).expect("a subscription");
        change(subscription);
        let kind = if subscription["status"] == "canceled" { "deleted" } else { "updated" };
        let now = subscription.clone();
        self.happen(&format!("customer.subscription.{kind}"), &now);
    }

    /// A subscription ends at once.
    pub fn end(&mut self, id: &str) {
        let now = Self::now();
        self.change(id, |own| {
            own["status"] = json!("canceled");
            own["canceled_at"] = json!(now);
            own["ended_at"] = json!(now);
        });
    }

    /// A customer is deleted, as in the dashboard, and all that it pays for ends.
    pub fn delete_customer(&mut self, id: &str) {
        let customer = self.customers.remove(id).expect("a customer");
        self.deleted.insert(id.to_owned());
        let is_theirs = |(_, own): &(&String, &Value)| own["customer"] == id && own["status"] != "canceled";
        let own: Vec<String> = self.subscriptions.iter().filter(is_theirs).map(|(id, _)| id.clone()).collect();
        for subscription in own {
            self.end(&subscription);
        }
        self.happen("customer.deleted", &customer);
    }

    /// A key leads to another price from now on, which costs as much; the old one stays as it is.
    pub fn move_key(&mut self, key: &str, to: &str) {
        let old = self.prices.iter_mut().find(|price| price["lookup_key"] == key).expect("a price with that key");
        let mut new = old.clone();
        let id = old["id"].clone();
        old["lookup_key"] = Value::Null;
        new["id"] = json!(to);
        self.prices.push(new);
        for subscription in self.subscriptions.values_mut() {
            for item in subscription["items"]["data"].as_array_mut().expect("items") {
                if item["price"]["id"] == id {
                    item["price"]["lookup_key"] = Value::Null;
                }
            }
        }
    }

    /// Gives a subscription another price.
    pub fn reprice(&mut self, id: &str, price: &str) {
        let price = self.price(price).expect("a price of the shop");
        self.change(id, |subscription| subscription["items"]["data"][0]["price"] = price);
    }

    /// The only subscription there is.
    pub fn only_subscription(&self) -> String {
        assert_eq!(self.subscriptions.len(), 1, "{:?}", self.subscriptions.keys());
        self.subscriptions.keys().next().expect("one").clone()
    }
}

/// A price of what is used.
fn metered(mut price: Value) -> Value {
    price["recurring"]["usage_type"] = json!("metered");
    price["recurring"]["meter"] = json!("mtr_belgie_exports");
    price
}

/// An object without what the shop alone knows of it.
pub fn public(object: &Value) -> Value {
    let fields = object.as_object().expect("an object").iter().filter(|(name, _)| !name.starts_with('_'));
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}
