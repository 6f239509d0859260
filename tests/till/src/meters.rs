//! Meter events, as Stripe takes them (API reference, `POST /v1/billing/meter_events`): counted once under their identifier.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{error, inside, value};
use super::shop::Shop;

/// How far back and how far ahead a moment may be, in seconds.
const OLDEST: i64 = 35 * 86_400;
const AHEAD: i64 = 300;

/// What was counted.
#[derive(Default)]
pub struct Counted {
    /// By their identifier.
    pub events: BTreeMap<String, Value>,
    /// How many were told that were there already.
    pub again: usize,
    /// How many of the next are counted and answered with an error all the same.
    pub swallow: usize,
    /// Whether it hears and never answers.
    pub stalls: bool,
    /// What counts, and what was deactivated.
    pub meters: Vec<Value>,
    /// How much later it is here than by the clock of the machine, in seconds.
    pub ahead: i64,
}

impl Counted {
    /// The sum of what a customer has used; of all customers together without one.
    pub fn sum(&self, customer: Option<&str>) -> u64 {
        let is_meant = |event: &&Value| customer.is_none_or(|id| event["payload"]["stripe_customer_id"] == id);
        let value =
            |event: &Value| event["payload"]["value"].as_str().expect("a text").parse::<u64>().expect("a number");
        self.events.values().filter(is_meant).map(value).sum()
    }

    /// A meter that adds up events of this name.
    pub fn add_meter(&mut self, name: &str) {
        self.meters.push(json!({ "id": format!("mtr_{name}"), "object": "billing.meter", "event_name": name,
            "display_name": name, "status": "active", "livemode": false, "default_aggregation": { "formula": "sum" },
            "customer_mapping": { "type": "by_id", "event_payload_key": "stripe_customer_id" },
            "value_settings": { "event_payload_key": "value" } }));
    }

    fn has_meter(&self, name: &str) -> bool {
        self.meters.iter().any(|meter| meter["event_name"] == name && meter["status"] == "active")
    }

    /// Makes one: there is one active meter for events of a name.
    pub fn make_meter(&mut self, parameters: &[(String, String)]) -> Result<Value, (u16, Value)> {
        let text = |name: &str| value(parameters, name).unwrap_or_default().to_owned();
        let name = text("event_name");
        if self.has_meter(&name) {
            let message = format!("An active meter with event name {name} already exists.");
            return Err(error(400, "resource_already_exists", &message));
        }
        self.add_meter(&name);
        let new = self.meters.last_mut().expect("it was added");
        new["display_name"] = json!(text("display_name"));
        for part in ["default_aggregation", "customer_mapping", "value_settings"] {
            new[part] = inside(parameters, part);
        }
        Ok(new.clone())
    }

    /// The meters, a page of them.
    pub fn list_meters(&self, limit: Option<&str>, after: Option<&str>) -> Value {
        let limit = limit.map_or(10, |limit| limit.parse::<usize>().expect("a number"));
        let all = self.meters.iter().cloned();
        let rest: Vec<Value> = match after {
            Some(after) => all.skip_while(|meter| meter["id"] != after).skip(1).collect(),
            None => all.collect(),
        };
        let (has_more, page) = (rest.len() > limit, rest.into_iter().take(limit).collect::<Vec<_>>());
        json!({ "object": "list", "url": "/v1/billing/meters", "has_more": has_more, "data": page })
    }

    /// Takes an event.
    pub fn take(&mut self, parameters: &[(String, String)]) -> Result<Value, (u16, Value)> {
        let refused = |code: &str, message: String| {
            Err((400, json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } })))
        };
        let value = |name: &str| value(parameters, name).map(ToOwned::to_owned);
        let now = Shop::now() + self.ahead;
        let (Some(name), Some(customer), Some(count)) =
            (value("event_name"), value("payload[stripe_customer_id]"), value("payload[value]"))
        else {
            return refused("parameter_missing", "Missing required param".to_owned());
        };
        if !self.has_meter(&name) {
            return refused("resource_missing", format!("No active meter found for event name: {name}"));
        }
        if count.parse::<u64>().is_err() || !customer.starts_with("cus_") {
            return refused("parameter_invalid", "the payload is none".to_owned());
        }
        let moment = value("timestamp").map_or(Some(now), |moment| moment.parse().ok());
        let Some(moment) = moment.filter(|moment| (now - OLDEST..=now + AHEAD).contains(moment)) else {
            let message = "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future";
            return refused("parameter_invalid", message.to_owned());
        };
        let identifier = value("identifier").unwrap_or_else(|| format!("generated_{}", self.events.len()));
        if identifier.len() > 100 {
            return refused("parameter_invalid", "the identifier is too long".to_owned());
        }
        if self.events.contains_key(&identifier) {
            self.again += 1;
            return refused("duplicate_meter_event", format!("An event already exists with identifier {identifier}."));
        }
        let event = json!({
            "object": "billing.meter_event", "created": now, "event_name": name, "identifier": identifier,
            "livemode": false, "payload": { "stripe_customer_id": customer, "value": count }, "timestamp": moment,
        });
        self.events.insert(identifier, event.clone());
        if self.swallow > 0 {
            self.swallow -= 1;
            return Err((500, json!({ "error": { "type": "api_error", "message": "the answer gets lost" } })));
        }
        Ok(event)
    }
}
