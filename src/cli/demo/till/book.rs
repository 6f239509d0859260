//! What the stand-in has written down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::PRICE;

/// How long what is paid for lasts, in seconds.
const PERIOD: i64 = 30 * 86_400;
/// How long one can pay on a page, in seconds.
const OPEN_FOR: i64 = 86_400;

/// Customers, pages to pay on, and what came of them.
#[derive(Default)]
pub struct Book {
    number: u64,
    customers: BTreeSet<String>,
    pages: BTreeMap<String, PayPage>,
    subscriptions: BTreeMap<String, Value>,
}

struct PayPage {
    session: Value,
    version: String,
    quantity: i64,
    metadata: Value,
}

/// What somebody has paid: where the browser goes, and what there is to tell.
pub struct Paid {
    pub back: String,
    pub events: Vec<Value>,
}

/// The value of a field; the last one counts.
fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().rfind(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// What stands in brackets behind a name: `metadata[a]=b`.
fn inside(fields: &[(String, String)], name: &str) -> Value {
    let prefix = format!("{name}[");
    let inner = |own: &String| own.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    Value::Object(fields.iter().filter_map(|(own, value)| Some((inner(own)?, json!(value)))).collect::<Map<_, _>>())
}

fn price() -> Value {
    let recurring = json!({ "interval": "month", "interval_count": 1, "usage_type": "licensed" });
    json!({ "id": PRICE, "object": "price", "active": true, "currency": "usd", "unit_amount": 2000, "lookup_key": null,
        "recurring": recurring, "type": "recurring", "livemode": false })
}

impl Book {
    fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}_test_{:04}", self.number)
    }

    /// Somebody who will pay.
    pub fn make_customer(&mut self, fields: &[(String, String)]) -> Value {
        let id = self.id("cus");
        self.customers.insert(id.clone());
        json!({ "id": id, "object": "customer", "name": value(fields, "name"), "email": value(fields, "email"),
            "metadata": inside(fields, "metadata"), "livemode": false })
    }

    /// A page to pay on; `None` when there is no such customer or price. `version`: of the interface, as the shop speaks it.
    pub fn open_page(&mut self, origin: &str, version: &str, fields: &[(String, String)], now: i64) -> Option<Value> {
        let customer = value(fields, "customer").filter(|id| self.customers.contains(*id))?;
        value(fields, "line_items[0][price]").filter(|id| *id == PRICE)?;
        let id = self.id("cs");
        let session = json!({
            "id": id, "object": "checkout.session", "mode": "subscription", "status": "open", "payment_status": "unpaid",
            "url": format!("{origin}/c/pay/{id}"), "customer": customer, "subscription": null,
            "client_reference_id": value(fields, "client_reference_id"), "success_url": value(fields, "success_url"),
            "cancel_url": value(fields, "cancel_url"), "expires_at": now + OPEN_FOR, "livemode": false,
            "metadata": inside(fields, "metadata"),
        });
        let quantity = value(fields, "line_items[0][quantity]").and_then(|text| text.parse().ok()).unwrap_or(1);
        let metadata = inside(fields, "subscription_data[metadata]");
        self.pages.insert(id, PayPage { session: session.clone(), version: version.to_owned(), quantity, metadata });
        Some(session)
    }

    /// A page to pay on.
    pub fn page(&self, id: &str) -> Option<&Value> {
        self.pages.get(id).map(|page| &page.session)
    }

    /// What somebody pays for.
    pub fn subscription(&self, id: &str) -> Option<&Value> {
        self.subscriptions.get(id)
    }

    /// Somebody pays on an open page; `None` when it is closed.
    pub fn pay(&mut self, id: &str, now: i64) -> Option<Paid> {
        let (subscription, item) = (self.id("sub"), self.id("si"));
        let page = self.pages.get_mut(id).filter(|page| page.session.get("status") == Some(&json!("open")))?;
        let bought = json!({
            "id": subscription, "object": "subscription", "customer": page.session.get("customer"), "status": "active",
            "created": now, "start_date": now, "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null,
            "ended_at": null, "trial_start": null, "trial_end": null, "collection_method": "charge_automatically",
            "livemode": false, "metadata": page.metadata, "schedule": null,
            "items": { "object": "list", "has_more": false, "data": [{ "id": item, "object": "subscription_item",
                "price": price(), "quantity": page.quantity, "current_period_start": now,
                "current_period_end": now + PERIOD, "subscription": subscription, "metadata": {} }] },
        });
        if let Some(session) = page.session.as_object_mut() {
            let changes =
                json!({ "status": "complete", "payment_status": "paid", "url": null, "subscription": subscription });
            session.extend(changes.as_object().cloned().unwrap_or_default());
        }
        let (session, version) = (page.session.clone(), page.version.clone());
        let back = session.get("success_url").and_then(Value::as_str).unwrap_or_default();
        let back = back.replace("{CHECKOUT_SESSION_ID}", id);
        self.subscriptions.insert(subscription, bought.clone());
        let happened = [("customer.subscription.created", bought), ("checkout.session.completed", session)];
        let events = happened.map(|(kind, object)| {
            json!({ "id": self.id("evt"), "object": "event", "api_version": version, "created": now, "type": kind,
                "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
                "request": { "id": null, "idempotency_key": null } })
        });
        Some(Paid { back, events: events.to_vec() })
    }
}
