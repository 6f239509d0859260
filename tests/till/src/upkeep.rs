//! The rest of what the stand-in does: products and prices, changes of customers and subscriptions, schedules.

use serde_json::{Value, json};

use super::answers::{Answer, check, error, inside, missing, value};
use super::shop::Shop;

/// Answers what is about these; `None` for everything else.
pub fn answer(shop: &mut Shop, method: &str, parts: &[&str], parameters: &[(String, String)]) -> Option<Answer> {
    Some(match (method, parts) {
        ("GET", ["v1", "prices", id]) => {
            shop.prices.iter().find(|price| price["id"] == *id).cloned().ok_or_else(|| missing("price", id))
        }
        ("POST", ["v1", "prices"]) => new_price(shop, parameters),
        ("GET", ["v1", "products", id]) => shop.products.get(*id).cloned().ok_or_else(|| missing("product", id)),
        ("POST", ["v1", "products"]) => new_product(shop, parameters),
        ("POST", ["v1", "customers", id]) => change_customer(shop, id, parameters),
        ("DELETE", ["v1", "subscriptions", id]) => end(shop, id),
        ("POST", ["v1", "subscriptions", id]) => change_subscription(shop, id, parameters),
        ("POST", ["v1", "subscription_schedules"]) => new_schedule(shop, parameters),
        ("GET", ["v1", "subscription_schedules", id]) => {
            shop.schedules.get(*id).cloned().ok_or_else(|| missing("subscription_schedule", id))
        }
        ("POST", ["v1", "subscription_schedules", id]) => plan(shop, id, parameters),
        ("POST", ["v1", "subscription_schedules", id, "release"]) => release(shop, id),
        _ => return None,
    })
}

fn new_price(shop: &mut Shop, parameters: &[(String, String)]) -> Answer {
    let known = [
        "product",
        "lookup_key",
        "currency",
        "unit_amount",
        "recurring",
        "metadata",
        "billing_scheme",
        "tiers_mode",
        "tiers",
    ];
    check(parameters, &known)?;
    let text = |name: &str| value(parameters, name);
    let product = text("product").unwrap_or_default();
    if !shop.products.contains_key(product) {
        return Err(missing("product", product));
    }
    if shop.prices.iter().any(|price| price["lookup_key"] == json!(text("lookup_key"))) {
        return Err(error(400, "resource_already_exists", "A price already uses that lookup key."));
    }
    let meter = text("recurring[meter]");
    if let Some(meter) = meter.filter(|id| shop.counted.meters.iter().all(|own| own["id"] != *id)) {
        return Err(missing("billing meter", meter));
    }
    let amount = text("unit_amount").and_then(|text| text.parse::<i64>().ok());
    let tier = |place: usize| {
        let up_to = at(parameters, "tiers", place, "up_to")?;
        let amount = at(parameters, "tiers", place, "unit_amount").and_then(|text| text.parse::<i64>().ok());
        Some(json!({ "up_to": up_to.parse::<u64>().ok(), "unit_amount": amount, "flat_amount": null }))
    };
    let tiers: Vec<Value> = (0..20).map_while(tier).collect();
    if tiers.is_empty() == amount.is_none() {
        return Err(error(400, "parameter_missing", "a price has an amount or tiers"));
    }
    let price = json!({ "id": shop.id("price"), "object": "price", "active": true, "currency": text("currency"),
        "unit_amount": amount, "lookup_key": text("lookup_key"), "product": product, "type": "recurring", "livemode": false,
        "recurring": { "interval": text("recurring[interval]"), "interval_count": 1, "meter": meter,
            "usage_type": text("recurring[usage_type]").unwrap_or("licensed") },
        "tiers": (!tiers.is_empty()).then_some(tiers),
        "metadata": inside(parameters, "metadata") });
    shop.prices.push(price.clone());
    Ok(price)
}

fn new_product(shop: &mut Shop, parameters: &[(String, String)]) -> Answer {
    check(parameters, &["id", "name", "description", "metadata"])?;
    let id = value(parameters, "id").expect("an id of ours").to_owned();
    if shop.products.contains_key(&id) {
        return Err(error(400, "resource_already_exists", "Product already exists."));
    }
    let product = json!({ "id": id, "object": "product", "active": true, "name": value(parameters, "name"),
        "description": value(parameters, "description"), "metadata": inside(parameters, "metadata"), "livemode": false });
    shop.products.insert(id, product.clone());
    Ok(product)
}

fn change_customer(shop: &mut Shop, id: &str, parameters: &[(String, String)]) -> Answer {
    check(parameters, &["name", "email"])?;
    let customer = shop.customers.get_mut(id).ok_or_else(|| missing("customer", id))?;
    for name in ["name", "email"] {
        if let Some(value) = value(parameters, name) {
            customer[name] = json!(value);
        }
    }
    Ok(customer.clone())
}

/// What stands at a place of a list: `items[2][price]`.
fn at(parameters: &[(String, String)], list: &str, place: usize, field: &str) -> Option<String> {
    value(parameters, &format!("{list}[{place}][{field}]")).map(ToOwned::to_owned)
}

fn change_subscription(shop: &mut Shop, id: &str, parameters: &[(String, String)]) -> Answer {
    check(parameters, &["cancel_at_period_end", "cancel_at", "items", "proration_behavior", "payment_behavior"])?;
    let mut changed = shop.subscriptions.get(id).cloned().ok_or_else(|| missing("subscription", id))?;
    if let Some(ends) = value(parameters, "cancel_at_period_end") {
        changed["cancel_at_period_end"] = json!(ends == "true");
        changed["canceled_at"] = Value::Null;
    }
    if value(parameters, "cancel_at").is_some() {
        changed["cancel_at"] = Value::Null;
        changed["canceled_at"] = Value::Null;
    }
    let asked =
        (0..20).take_while(|place| parameters.iter().any(|(name, _)| name.starts_with(&format!("items[{place}]"))));
    for place in asked {
        let (item, price) = (at(parameters, "items", place, "id"), at(parameters, "items", place, "price"));
        let quantity = at(parameters, "items", place, "quantity").and_then(|text| text.parse::<i64>().ok());
        let items = changed["items"]["data"].as_array_mut().expect("items");
        if let Some(item) = item {
            let found =
                items.iter().position(|own| own["id"] == item).ok_or_else(|| missing("subscription item", &item))?;
            if at(parameters, "items", place, "deleted").as_deref() == Some("true") {
                items.remove(found);
                continue;
            }
            if let Some(price) = price {
                items[found]["price"] = shop.price(&price).ok_or_else(|| missing("price", &price))?;
            }
            if let Some(quantity) = quantity {
                items[found]["quantity"] = json!(quantity);
            }
        } else {
            let price = price.expect("a new item has a price");
            let (start, end) = (items[0]["current_period_start"].clone(), items[0]["current_period_end"].clone());
            let price = shop.price(&price).ok_or_else(|| missing("price", &price))?;
            let new = shop.item(id, price, quantity, (&start, &end));
            changed["items"]["data"].as_array_mut().expect("items").push(new);
        }
    }
    shop.change(id, |subscription| *subscription = changed);
    Ok(shop.subscriptions[id].clone())
}

/// What is over already is none.
fn end(shop: &mut Shop, id: &str) -> Answer {
    if shop.subscriptions.get(id).is_none_or(|own| own["status"] == "canceled") {
        return Err(missing("subscription", id));
    }
    shop.end(id);
    Ok(shop.subscriptions[id].clone())
}

fn new_schedule(shop: &mut Shop, parameters: &[(String, String)]) -> Answer {
    check(parameters, &["from_subscription"])?;
    let subscription = value(parameters, "from_subscription").unwrap_or_default().to_owned();
    let seen = shop.subscriptions.get(&subscription).cloned().ok_or_else(|| missing("subscription", &subscription))?;
    if !seen["schedule"].is_null() {
        return Err(error(400, "invalid_request", "The subscription is already attached to a schedule."));
    }
    let id = shop.id("sub_sched");
    let item = &seen["items"]["data"][0];
    let discounts = seen["discounts"].as_array().into_iter().flatten();
    let discounts: Vec<Value> =
        discounts.map(|id| json!({ "coupon": null, "discount": id, "promotion_code": null })).collect();
    let phase = json!({ "start_date": item["current_period_start"], "end_date": item["current_period_end"],
        "items": of_phase(seen["items"]["data"].as_array().expect("items").iter().map(|item| (&item["price"]["id"], &item["quantity"]))),
        "trial_end": seen["trial_end"], "discounts": discounts });
    let schedule = json!({ "id": id, "object": "subscription_schedule", "status": "active", "subscription": subscription,
        "customer": seen["customer"], "metadata": {}, "end_behavior": "release", "livemode": false,
        "current_phase": { "start_date": phase["start_date"], "end_date": phase["end_date"] }, "phases": [phase] });
    shop.schedules.insert(id.clone(), schedule.clone());
    shop.change(&subscription, |own| own["schedule"] = json!(id));
    Ok(schedule)
}

/// The items of a phase: a price that is metered has no number.
fn of_phase<'a>(items: impl Iterator<Item = (&'a Value, &'a Value)>) -> Value {
    let one = |(price, quantity): (&Value, &Value)| match quantity.is_null() {
        true => json!({ "price": price }),
        false => json!({ "price": price, "quantity": quantity }),
    };
    items.map(one).collect()
}

fn plan(shop: &mut Shop, id: &str, parameters: &[(String, String)]) -> Answer {
    check(parameters, &["end_behavior", "metadata", "phases"])?;
    let items = |phase: usize| -> Vec<(String, Option<i64>)> {
        let one = |place: usize| {
            let list = format!("phases[{phase}][items]");
            let quantity = at(parameters, &list, place, "quantity").and_then(|text| text.parse().ok());
            Some((at(parameters, &list, place, "price")?, quantity))
        };
        (0..20).map_while(one).collect()
    };
    let (present, next) = (items(0), items(1));
    for (price, _) in present.iter().chain(&next) {
        shop.price(price).ok_or_else(|| missing("price", price))?;
    }
    let discounts = |phase: usize| -> Value {
        let name = |place: usize| format!("phases[{phase}][discounts][{place}][discount]");
        (0..20).map_while(|place| value(parameters, &name(place))).collect()
    };
    let planned = shop.schedules.get(id).ok_or_else(|| missing("subscription_schedule", id))?;
    let shown = |items: &[(String, Option<i64>)]| {
        let all: Vec<_> = items.iter().map(|(price, quantity)| (json!(price), json!(quantity))).collect();
        of_phase(all.iter().map(|(price, quantity)| (price, quantity)))
    };
    let mut first = planned["phases"][0].clone();
    first["items"] = shown(&present);
    let until = first["end_date"].as_i64().expect("seconds");
    let end = shop.end_of(until, &shop.price(&next[0].0).expect("a price of the shop"));
    let second =
        json!({ "start_date": until, "end_date": end, "items": shown(&next), "trial_end": null, "discounts": [] });
    let schedule = shop.schedules.get_mut(id).expect("it is there");
    schedule["metadata"] = inside(parameters, "metadata");
    schedule["phases"] = json!([first, second]);
    schedule["_next"] = json!(next);
    schedule["_next_discounts"] = discounts(1);
    let (shown, subscription) =
        (super::shop::public(schedule), schedule["subscription"].as_str().expect("an id").to_owned());
    // What the present phase leaves out is over at once.
    let own = shop.subscriptions.get_mut(&subscription).expect("a subscription");
    own["discounts"] = discounts(0);
    if own["status"] == "trialing" && value(parameters, "phases[0][trial_end]").is_none() {
        shop.change(&subscription, |own| {
            own["status"] = json!("active");
            own["trial_end"] = json!(Shop::now());
        });
    }
    Ok(shown)
}

fn release(shop: &mut Shop, id: &str) -> Answer {
    let schedule = shop.schedules.get_mut(id).ok_or_else(|| missing("subscription_schedule", id))?;
    schedule["status"] = json!("released");
    schedule["current_phase"] = Value::Null;
    let (shown, subscription) =
        (super::shop::public(schedule), schedule["subscription"].as_str().expect("an id").to_owned());
    shop.change(&subscription, |own| own["schedule"] = Value::Null);
    Ok(shown)
}
