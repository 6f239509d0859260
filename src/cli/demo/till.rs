//! A stand-in for Stripe, for the play alone: no money moves, and only this machine can reach it. What it says goes over the
//! wire as Stripe says it: forms in, JSON out, and webhooks that are signed (docs.stripe.com, "Verify webhook signatures
//! manually"). It knows nothing of the gateway but the address for webhooks, and the gateway nothing of it but its own.
//!
//! The suite has another one, which misbehaves when it is told to and stops a test at what it does not know. This one is a part
//! of the program and keeps to what the play needs.

mod answers;
mod book;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use belgie_api::crypto::{base64url, hmac_sha256_plain};
use belgie_api::{Clock, Entropy, Failure, Result};
use reqwest::Method;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::book::Book;
use super::expect::Broken;
use super::wire::Wire;

/// What its pages say, so that nobody takes it for the real thing.
pub const LABEL: &str = "A stand-in for Stripe. No money moves here.";
/// In its answer to a payment: which webhooks it sent, and how they were answered.
pub const TOLD: &str = "stand-in-told";
/// The price of the play.
pub const PRICE: &str = "price_demo_pro_month";

/// The stand-in, before it opens.
pub struct Till {
    listener: TcpListener,
    desk: Arc<Desk>,
}

/// Where everybody is served: what all its answers share.
struct Desk {
    origin: String,
    key: String,
    signing_secret: String,
    wire: Wire,
    webhook: OnceLock<Url>,
    book: Mutex<Book>,
}

impl Till {
    /// A stand-in on a free port of this machine, with keys of its own.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn open(entropy: &dyn Entropy) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::internal)?;
        let origin = format!("http://{}", listener.local_addr().map_err(Failure::internal)?);
        let random = || {
            let mut bytes = [0; 18];
            entropy.fill(&mut bytes);
            base64url(&bytes)
        };
        let desk = Desk {
            origin,
            key: format!("sk_test_{}", random()),
            signing_secret: format!("whsec_{}", random()),
            wire: Wire::new().map_err(|Broken { expected, came }| Failure::internal(format!("{expected}: {came}")))?,
            webhook: OnceLock::new(),
            book: Mutex::default(),
        };
        Ok(Self { listener, desk: Arc::new(desk) })
    }

    /// What a gateway needs to sell through it, for `belgie.toml`.
    pub fn settings(&self) -> String {
        let Desk { origin, key, signing_secret, .. } = self.desk.as_ref();
        format!(
            "[outbound]\ndanger_allow_loopback = true\n[plugins.stripe]\nsecret_key = \"{key}\"\n\
             webhook_secret = \"{signing_secret}\"\napi_base = \"{origin}/\"\n"
        )
    }

    /// Where webhooks go: what one enters in Stripe's dashboard.
    pub fn send_webhooks_to(&self, url: Url) {
        let _only_set_here = self.desk.webhook.set(url);
    }

    /// Answers until it is to stop.
    pub async fn serve(self, stop: CancellationToken) {
        let routes = Router::new()
            .route("/v1/customers", post(answers::make_customer))
            .route("/v1/checkout/sessions", post(answers::open_page))
            .route("/v1/checkout/sessions/{id}", get(answers::show_page))
            .route("/v1/subscriptions/{id}", get(answers::show_subscription))
            .route("/c/pay/{id}", get(answers::ask_to_pay).post(answers::pay))
            .with_state(self.desk);
        let serving = axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::warn!(%error, "the stand-in for Stripe has ended");
        }
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now() -> i64 {
        belgie_api::clock::SystemClock.now().unix_seconds()
    }

    /// Tells of an event, signed with the secret both sides know, and says how that was answered.
    async fn tell(&self, event: &Value) -> String {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(url) = self.webhook.get() else { return format!("{kind}: nobody to tell") };
        let (moment, body) = (Self::now().to_string(), event.to_string());
        let tag = hmac_sha256_plain(self.signing_secret.as_bytes(), &[moment.as_bytes(), b".", body.as_bytes()]);
        let hex = tag.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let request = self
            .wire
            .request(Method::POST, url)
            .header("content-type", "application/json")
            .header("stripe-signature", format!("t={moment},v1={hex}"))
            .body(body);
        match self.wire.ask(request).await {
            Ok(reply) => format!("{kind} {}", reply.status.as_u16()),
            Err(broken) => format!("{kind}: {}", broken.came),
        }
    }
}
