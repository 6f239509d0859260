//! How the stand-in answers: the interface for programs.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::KEY;
use super::shop::{Seen, Shop, public};
use super::whole::whole;
use super::{pages, record, upkeep};

pub(super) type Answer = Result<Value, (u16, Value)>;

pub(super) fn error(status: u16, code: &str, message: &str) -> (u16, Value) {
    let kind = if status == 401 { "authentication_error" } else { "invalid_request_error" };
    (status, json!({ "error": { "type": kind, "code": code, "message": message } }))
}

pub(super) fn missing(what: &str, id: &str) -> (u16, Value) {
    error(404, "resource_missing", &format!("No such {what}: '{id}'"))
}

/// What a parameter names is not there.
pub(super) fn absent(parameter: &str, what: &str, id: &str) -> (u16, Value) {
    let (_, mut body) = missing(what, id);
    body["error"]["param"] = json!(parameter);
    (400, body)
}

pub async fn answer(
    State(shop): State<Arc<Mutex<Shop>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = answer_now(&shop, &method, &uri, &headers, &body);
    if uri.path() == "/v1/billing/meter_events" && shop.lock().expect("nobody panicked").counted.stalls {
        std::future::pending::<()>().await;
    }
    if method == Method::POST && uri.path() == "/v1/checkout/sessions" {
        let held = shop.lock().expect("nobody panicked").held.clone();
        if let Some(held) = held {
            held.notified().await;
        }
    }
    response
}

fn answer_now(shop: &Mutex<Shop>, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut shop = shop.lock().expect("nobody panicked");
    if let Some(page) = pages::answer(&mut shop, method, uri.path()) {
        return page;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let raw = if *method == Method::POST { body.to_vec() } else { uri.query().unwrap_or_default().into() };
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(&raw).into_owned().collect();
    let key = text("idempotency-key");
    record::note(
        &json!({ "kind": "request", "method": method.as_str(), "path": uri.path(), "parameters": parameters }),
    );
    shop.seen.push(Seen {
        method: method.to_string(),
        path: uri.path().to_owned(),
        parameters: parameters.clone(),
        idempotency_key: key.clone(),
    });
    if let Some((status, retry)) = shop.failures.pop_front() {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = Json(json!({ "error": { "type": "api_error", "message": "the test wants this to fail" } }));
        let mut response = (status, body).into_response();
        if let Some(retry) = retry {
            response.headers_mut().insert("stripe-should-retry", retry.parse().expect("a header"));
        }
        return response;
    }
    let is_form = text(header::CONTENT_TYPE.as_str()).as_deref() == Some("application/x-www-form-urlencoded");
    let outcome = if text("authorization") != Some(format!("Bearer {KEY}")) {
        Err(error(401, "api_key_invalid", "Invalid API Key provided"))
    } else if text("stripe-version").as_deref() != Some(belgie_stripe::VERSION) || !is_form && *method == Method::POST {
        Err(error(400, "bad_headers", "the version or the type of the body is not what it should be"))
    } else {
        once(&mut shop, method, uri.path(), &parameters, key.as_deref())
    };
    let (status, body) = match outcome {
        Ok(body) => (200, whole(&body)),
        Err((status, body)) => (status, body),
    };
    if status == 200 {
        let path = uri.path();
        record::note(&json!({ "kind": "answer", "method": method.as_str(), "path": path, "body": body }));
    }
    (StatusCode::from_u16(status).expect("a status"), [("request-id", "req_test")], Json(body)).into_response()
}

/// Answers the same request under the same key the same way, and another one under it not at all.
fn once(shop: &mut Shop, method: &Method, path: &str, parameters: &[(String, String)], key: Option<&str>) -> Answer {
    let Some(key) = key.filter(|_| method == Method::POST) else {
        return handle(shop, method, path, parameters);
    };
    let asked = format!("{path} {parameters:?}");
    if let Some((before, status, body)) = shop.kept.get(key) {
        if *before != asked {
            let message = "Keys for idempotent requests can only be used with the same parameters";
            return Err((400, json!({ "error": { "type": "idempotency_error", "message": message } })));
        }
        return if *status == 200 { Ok(body.clone()) } else { Err((*status, body.clone())) };
    }
    let outcome = handle(shop, method, path, parameters);
    let (status, body) = match &outcome {
        Ok(body) => (200, body.clone()),
        Err((status, body)) => (*status, body.clone()),
    };
    shop.kept.insert(key.to_owned(), (asked, status, body));
    outcome
}

/// The first names of parameters each address knows.
pub(super) fn check(parameters: &[(String, String)], known: &[&str]) -> Result<(), (u16, Value)> {
    let first = |name: &str| name.split('[').next().unwrap_or_default().to_owned();
    match parameters.iter().map(|(name, _)| first(name)).find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(error(400, "parameter_unknown", &format!("Received unknown parameter: {name}"))),
        None => Ok(()),
    }
}

/// A few of the languages that Stripe speaks. It says which parameter it does not take.
fn check_locale(parameters: &[(String, String)]) -> Result<(), (u16, Value)> {
    match value(parameters, "locale").filter(|locale| !["auto", "de", "en", "fr"].contains(locale)) {
        Some(locale) => Err((
            400,
            json!({ "error": { "type": "invalid_request_error", "param": "locale",
                "message": format!("Invalid locale: must be one of auto, de, en, or fr, not {locale}") } }),
        )),
        None => Ok(()),
    }
}

pub(super) fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().rfind(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// What stands in brackets behind a name.
pub(super) fn inside(parameters: &[(String, String)], name: &str) -> Value {
    let prefix = format!("{name}[");
    let inner = |own: &String| own.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    let fields = parameters.iter().filter_map(|(own, value)| Some((inner(own)?, json!(value))));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn handle(shop: &mut Shop, method: &Method, path: &str, parameters: &[(String, String)]) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let Some(answer) = upkeep::answer(shop, method.as_str(), &parts, parameters) {
        return answer;
    }
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["v1", "prices"]) => {
            check(parameters, &["lookup_keys", "active", "limit", "expand"])?;
            let key = value(parameters, "lookup_keys[]").unwrap_or_default();
            let is_meant = |price: &&Value| {
                let active =
                    value(parameters, "active").is_none_or(|active| price["active"] == json!(active == "true"));
                price["lookup_key"] == key && active
            };
            let found: Vec<&Value> = shop.prices.iter().filter(is_meant).collect();
            Ok(json!({ "object": "list", "url": "/v1/prices", "has_more": false, "data": found }))
        }
        ("POST", ["v1", "customers"]) => {
            check(parameters, &["name", "email", "metadata", "tax_exempt"])?;
            let id = shop.id("cus");
            let customer = json!({ "id": id, "object": "customer", "name": value(parameters, "name"),
                "email": value(parameters, "email"), "metadata": inside(parameters, "metadata"), "livemode": false });
            shop.customers.insert(id, customer.clone());
            Ok(customer)
        }
        ("POST", ["v1", "checkout", "sessions"]) => new_session(shop, parameters),
        ("GET", ["v1", "checkout", "sessions", id]) => {
            shop.sessions.get(*id).map(public).ok_or_else(|| missing("checkout.session", id))
        }
        ("POST", ["v1", "checkout", "sessions", id, "expire"]) => {
            let session = shop.sessions.get_mut(*id).ok_or_else(|| missing("checkout.session", id))?;
            if session["status"] != "open" {
                return Err(error(
                    400,
                    "resource_invalid_state",
                    "Only Checkout Sessions with a status of open can be expired",
                ));
            }
            session["status"] = json!("expired");
            session["url"] = Value::Null;
            let shown = public(session);
            shop.happen("checkout.session.expired", &shown);
            Ok(shown)
        }
        ("GET", ["v1", "customers", id]) => match shop.deleted.contains(*id) {
            true => Ok(json!({ "id": id, "object": "customer", "deleted": true })),
            false => shop.customers.get(*id).cloned().ok_or_else(|| missing("customer", id)),
        },
        ("GET", ["v1", "subscriptions", id]) => {
            shop.subscriptions.get(*id).cloned().ok_or_else(|| missing("subscription", id))
        }
        ("POST", ["v1", "billing", "meter_events"]) => {
            check(parameters, &["event_name", "payload", "identifier", "timestamp"])?;
            shop.counted.take(parameters)
        }
        ("GET", ["v1", "billing", "meters"]) => {
            check(parameters, &["limit", "starting_after"])?;
            Ok(shop.counted.list_meters(value(parameters, "limit"), value(parameters, "starting_after")))
        }
        ("POST", ["v1", "billing", "meters"]) => {
            let known = ["display_name", "event_name", "default_aggregation", "customer_mapping", "value_settings"];
            check(parameters, &known)?;
            shop.counted.make_meter(parameters)
        }
        ("POST", ["v1", "billing_portal", "sessions"]) => {
            check(parameters, &["customer", "return_url", "locale", "flow_data"])?;
            check_locale(parameters)?;
            let customer = value(parameters, "customer").unwrap_or_default();
            if !shop.customers.contains_key(customer) {
                return Err(absent("customer", "customer", customer));
            }
            let id = shop.id("bps");
            let url = shop.at(&format!("/p/session/{id}"));
            let session = json!({ "id": id, "object": "billing_portal.session", "customer": customer, "url": url,
                "return_url": value(parameters, "return_url"), "livemode": false,
                "_cancels": value(parameters, "flow_data[subscription_cancel][subscription]") });
            shop.portals.insert(id, session.clone());
            Ok(public(&session))
        }
        _ => Err(error(404, "unknown_url", &format!("Unrecognized request URL ({method}: {path})."))),
    }
}

fn new_session(shop: &mut Shop, parameters: &[(String, String)]) -> Answer {
    let known = [
        "mode",
        "customer",
        "client_reference_id",
        "line_items",
        "success_url",
        "cancel_url",
        "locale",
        "subscription_data",
        "metadata",
        "allow_promotion_codes",
    ];
    check(parameters, &known)?;
    check_locale(parameters)?;
    let text = |name: &str| value(parameters, name).unwrap_or_default().to_owned();
    let customer = text("customer");
    let number = |name: &str| value(parameters, name).and_then(|text| text.parse::<i64>().ok());
    let mut lines = Vec::new();
    for at in 0.. {
        let Some(price) = value(parameters, &format!("line_items[{at}][price]")) else { break };
        let known = shop.price(price).ok_or_else(|| missing("price", price))?;
        let quantity = number(&format!("line_items[{at}][quantity]"));
        if (known["recurring"]["usage_type"] == "metered") != quantity.is_none() {
            return Err(error(400, "invalid_quantity", "a metered price has no quantity, and every other has one"));
        }
        lines.push(json!({ "price": price, "quantity": quantity }));
    }
    if !shop.customers.contains_key(&customer) {
        return Err(absent("customer", "customer", &customer));
    }
    let id = shop.id("cs");
    let session = json!({
        "id": id, "object": "checkout.session", "mode": "subscription", "status": "open", "payment_status": "unpaid",
        "url": shop.at(&format!("/c/pay/{id}")), "customer": customer, "subscription": null,
        "client_reference_id": value(parameters, "client_reference_id"), "success_url": text("success_url"),
        "cancel_url": text("cancel_url"), "expires_at": Shop::now() + 86_400, "livemode": false,
        "metadata": inside(parameters, "metadata"), "_lines": lines,
        "_trial_days": number("subscription_data[trial_period_days]"),
        "_subscription_metadata": inside(parameters, "subscription_data[metadata]"),
    });
    shop.sessions.insert(id, session.clone());
    Ok(public(&session))
}
