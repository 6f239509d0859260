//! What takes the place of Stripe: it counts meter events once under their identifier, says how a subscription stands, and can hear
//! without answering.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

#[derive(Default)]
struct Heard {
    events: Mutex<BTreeMap<String, u64>>,
    again: AtomicUsize,
    stalls: AtomicBool,
    looks: AtomicUsize,
    seats: AtomicI64,
    period: Range<i64>,
}

/// It listens as long as the value lives.
pub struct StandIn {
    address: SocketAddr,
    heard: Arc<Heard>,
    _runtime: Runtime,
}

impl StandIn {
    /// Opens a free port. `period` is what is paid for, in seconds since 1970.
    pub fn start(period: Range<i64>) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let heard = Arc::new(Heard { period, ..Heard::default() });
        let routes = Router::new()
            .route("/v1/billing/meter_events", post(take))
            .route("/v1/subscriptions/sub_bench", get(subscription))
            .with_state(Arc::clone(&heard));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("no free port")?;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, heard, _runtime: runtime })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it hears and never answers from now on.
    pub fn stall(&self, stalls: bool) {
        self.heard.stalls.store(stalls, Ordering::SeqCst);
    }

    /// Somebody pays for so many seats from now on.
    pub fn set_seats(&self, seats: i64) {
        self.heard.seats.store(seats, Ordering::SeqCst);
    }

    /// For how many is paid.
    pub fn seats(&self) -> i64 {
        self.heard.seats.load(Ordering::SeqCst)
    }

    /// How often it was asked how the subscription stands.
    pub fn looks(&self) -> usize {
        self.heard.looks.load(Ordering::SeqCst)
    }

    /// What it has counted, by identifier.
    pub fn heard(&self) -> BTreeMap<String, u64> {
        self.heard.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it was told what it had heard before.
    pub fn again(&self) -> usize {
        self.heard.again.load(Ordering::SeqCst)
    }
}

async fn take(State(heard): State<Arc<Heard>>, Form(parameters): Form<BTreeMap<String, String>>) -> Response {
    let text = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    let identifier = text("identifier");
    let is_new = {
        let mut events = heard.events.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !events.contains_key(&identifier);
        if is_new {
            events.insert(identifier.clone(), text("payload[value]").parse().unwrap_or_default());
        }
        is_new
    };
    if !is_new {
        heard.again.fetch_add(1, Ordering::SeqCst);
    }
    if heard.stalls.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if !is_new {
        let message = format!("An event already exists with identifier {identifier}.");
        let error = json!({ "error": { "type": "invalid_request_error", "message": message } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let event = json!({
        "object": "billing.meter_event", "created": 0, "event_name": text("event_name"), "identifier": identifier,
        "livemode": false, "timestamp": 0,
        "payload": { "stripe_customer_id": text("payload[stripe_customer_id]"), "value": text("payload[value]") },
    });
    Json(event).into_response()
}

async fn subscription(State(heard): State<Arc<Heard>>) -> Response {
    heard.looks.fetch_add(1, Ordering::SeqCst);
    if heard.stalls.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let price = json!({ "id": "price_1", "object": "price", "active": true, "lookup_key": null, "type": "recurring",
        "currency": "usd", "unit_amount": 2000, "recurring": { "interval": "month", "interval_count": 1 } });
    let item = json!({ "id": "si_bench", "object": "subscription_item", "price": price,
        "quantity": heard.seats.load(Ordering::SeqCst), "current_period_start": heard.period.start,
        "current_period_end": heard.period.end });
    Json(json!({ "id": "sub_bench", "object": "subscription", "customer": "cus_bench", "status": "active",
        "cancel_at_period_end": false, "items": { "object": "list", "has_more": false, "data": [item] }, "metadata": {} }))
    .into_response()
}
