//! Objects as they go over the wire: with every field that Stripe's have. Inside, the stand-in keeps what it looks at, and `_names` for
//! itself. That nothing is missing and nothing is wrong is checked against the types of the official SDK
//! (tests/conformance/stripe/types.mjs).

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::shop::Shop;

/// When everything was made of which the stand-in does not keep it, in seconds since 1970: the same however often it is told.
static MADE: LazyLock<i64> = LazyLock::new(Shop::now);

/// An object as others see it, and all that is in it.
pub fn whole(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(whole).collect(),
        Value::Object(fields) => object(fields),
        plain => plain.clone(),
    }
}

fn object(fields: &Map<String, Value>) -> Value {
    let kind = fields.get("object").and_then(Value::as_str).unwrap_or_default();
    let is_shown = |name: &String| kind.is_empty() || !name.starts_with('_');
    let mut own: Map<String, Value> =
        fields.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name.clone(), whole(value))).collect();
    if own.get("deleted").is_some() {
        return Value::Object(own);
    }
    match kind {
        "price" => price(&mut own),
        "subscription_item" => item(&mut own),
        "subscription_schedule" => schedule(&mut own),
        _ => {}
    }
    fill(&mut own, missing(kind, fields));
    Value::Object(own)
}

/// Adds what is not there.
fn fill(own: &mut Map<String, Value>, missing: Value) {
    if let Value::Object(missing) = missing {
        for (name, value) in missing {
            own.entry(name).or_insert(value);
        }
    }
}

/// What objects of a kind have beside what the stand-in looks at.
fn missing(kind: &str, own: &Map<String, Value>) -> Value {
    let now = *MADE;
    match kind {
        "customer" => json!({ "balance": 0, "created": now, "default_source": null, "description": null, "email": null,
            "invoice_settings": { "custom_fields": null, "default_payment_method": null, "footer": null,
                "rendering_options": null },
            "livemode": false, "metadata": {}, "shipping": null }),
        "product" => {
            json!({ "created": now, "description": null, "images": [], "livemode": false, "marketing_features": [],
            "metadata": {}, "package_dimensions": null, "shippable": null, "tax_details": null, "type": "service",
            "updated": now, "url": null })
        }
        "billing.meter" => json!({ "created": now, "event_time_window": null, "updated": now,
            "status_transitions": { "deactivated_at": null } }),
        "billing_portal.session" => json!({ "configuration": "bpc_test", "created": now, "customer_account": null,
            "flow": null, "locale": null, "on_behalf_of": null }),
        "checkout.session" => session(now),
        "subscription" => subscription(own, now),
        _ => json!({}),
    }
}

fn price(own: &mut Map<String, Value>) {
    // Tiers are told only to whoever asks for them, and only where there are any.
    if own.get("tiers").is_some_and(Value::is_null) {
        own.remove("tiers");
    }
    let decimal = |amount: Option<&Value>| amount.and_then(Value::as_i64).map(|amount| amount.to_string());
    for tier in own.get_mut("tiers").and_then(Value::as_array_mut).into_iter().flatten() {
        let more = json!({ "flat_amount_decimal": null, "unit_amount_decimal": decimal(tier.get("unit_amount")) });
        if let Value::Object(tier) = tier {
            fill(tier, more);
        }
    }
    if let Some(Value::Object(recurring)) = own.get_mut("recurring") {
        fill(recurring, json!({ "meter": null, "trial_period_days": null }));
    }
    let is_tiered = own.get("unit_amount").is_none_or(Value::is_null);
    let more = json!({
        "billing_scheme": if is_tiered { "tiered" } else { "per_unit" }, "created": *MADE, "custom_unit_amount": null,
        "metadata": {}, "nickname": null, "product": "prod_test", "tax_behavior": "unspecified",
        "tiers_mode": is_tiered.then_some("graduated"), "transform_quantity": null,
        "unit_amount_decimal": decimal(own.get("unit_amount")),
    });
    fill(own, more);
}

fn item(own: &mut Map<String, Value>) {
    // What is metered has no number.
    if own.get("quantity").is_some_and(Value::is_null) {
        own.remove("quantity");
    }
    let price = own.get("price").cloned().unwrap_or_default();
    let recurring = &price["recurring"];
    let plan = json!({
        "id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "billing_scheme": price["billing_scheme"],
        "created": price["created"], "currency": price["currency"], "interval": recurring["interval"],
        "interval_count": recurring["interval_count"], "livemode": false, "metadata": price["metadata"],
        "meter": recurring["meter"], "nickname": null, "product": price["product"], "tiers_mode": price["tiers_mode"],
        "transform_usage": null, "trial_period_days": null, "usage_type": recurring["usage_type"],
    });
    let more = json!({ "billing_thresholds": null, "created": *MADE, "current_trial": null, "discounts": [],
        "plan": plan, "tax_rates": [] });
    fill(own, more);
}

fn subscription(own: &Map<String, Value>, now: i64) -> Value {
    json!({
        "application": null, "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": own.get("start_date"), "billing_cycle_anchor_config": null,
        "billing_mode": { "flexible": null, "type": "classic" }, "billing_schedules": [], "billing_thresholds": null,
        "cancellation_details": { "comment": null, "feedback": null, "feedback_option": null, "reason": null },
        "created": now, "currency": "usd", "customer_account": null, "days_until_due": null,
        "default_payment_method": null, "default_source": null, "description": null, "discounts": [],
        "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
            "issuer": { "type": "self" } },
        "latest_invoice": null, "managed_payments": null, "next_pending_invoice_item_invoice": null, "on_behalf_of": null,
        "pause_collection": null, "payment_settings": null, "pending_invoice_item_interval": null,
        "pending_setup_intent": null, "pending_update": null, "test_clock": null, "transfer_data": null,
        "trial_settings": null,
    })
}

fn session(now: i64) -> Value {
    json!({
        "adaptive_pricing": null, "after_expiration": null, "allow_promotion_codes": null,
        "allowed_payment_method_types": null, "amount_subtotal": null, "amount_total": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": null, "client_secret": null, "collected_information": null, "consent": null,
        "consent_collection": null, "created": now, "currency": "usd", "currency_conversion": null, "custom_fields": [],
        "custom_text": { "after_submit": null, "shipping_address": null, "submit": null,
            "terms_of_service_acceptance": null },
        "customer_account": null, "customer_creation": null, "customer_details": null, "customer_email": null,
        "discounts": [], "integration_identifier": null, "invoice": null, "invoice_creation": null, "locale": null,
        "managed_payments": null, "origin_context": null, "payment_intent": null, "payment_link": null,
        "payment_method_collection": "always", "payment_method_configuration_details": null,
        "payment_method_options": null, "payment_method_types": ["card"], "permissions": null, "recovered_from": null,
        "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
        "shipping_cost": null, "shipping_options": [], "submit_type": null, "total_details": null,
        "ui_mode": "hosted_page", "wallet_options": null,
    })
}

fn schedule(own: &mut Map<String, Value>) {
    for phase in own.get_mut("phases").and_then(Value::as_array_mut).into_iter().flatten() {
        for item in phase.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            let more = json!({ "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": item["price"],
                "tax_rates": [] });
            if let Value::Object(item) = item {
                fill(item, more);
            }
        }
        let more = json!({
            "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null,
            "billing_thresholds": null, "collection_method": null, "currency": "usd", "default_payment_method": null,
            "description": null, "invoice_settings": null, "metadata": {}, "on_behalf_of": null,
            "proration_behavior": "create_prorations", "transfer_data": null,
        });
        if let Value::Object(phase) = phase {
            fill(phase, more);
        }
    }
    let more = json!({
        "application": null, "billing_mode": { "flexible": null, "type": "classic" }, "canceled_at": null,
        "completed_at": null, "created": *MADE, "customer_account": null, "end_behavior": "release",
        "default_settings": { "application_fee_percent": null, "billing_cycle_anchor": "automatic",
            "billing_thresholds": null, "collection_method": "charge_automatically", "default_payment_method": null,
            "description": null, "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "days_until_due": null,
                "description": null, "footer": null, "issuer": { "type": "self" } },
            "on_behalf_of": null, "transfer_data": null },
        "livemode": false, "metadata": {}, "pause_schedules": [], "released_at": null, "released_subscription": null,
        "test_clock": null,
    });
    fill(own, more);
}
