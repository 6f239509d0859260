//! A stand-in for Stripe: no money moves. It speaks Stripe's wire format (forms in, JSON out, signed webhooks), keeps
//! idempotency keys, refuses parameters it does not know, and misbehaves when told to.

mod answers;
mod meters;
mod record;
mod shop;
mod upkeep;

use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::hmac;
use axum::Router;
use belgie_api::{Clock, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::shop::Shop;
use super::{Reply, TestGateway};

/// The secret key of the suite.
pub const KEY: &str = "sk_test_suite";
/// What webhooks are signed with.
pub const SIGNING_SECRET: &str = "whsec_suite";

/// Stripe, on a port of its own.
pub struct Stripe {
    origin: String,
    shop: Arc<Mutex<Shop>>,
    serving: JoinHandle<()>,
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Stripe {
    /// Opens for business.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("its address"));
        let shop = Arc::new(Mutex::new(Shop::new(&origin)));
        let routes = Router::new().fallback(answers::answer).with_state(Arc::clone(&shop));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the stand-in runs") });
        Self { origin, shop, serving }
    }

    /// What a gateway needs to sell through it.
    pub fn table(&self) -> String {
        format!(
            "[outbound]\ndanger_allow_loopback = true\n[plugins.stripe]\nsecret_key = \"{KEY}\"\n\
             webhook_secret = \"{SIGNING_SECRET}\"\napi_base = \"{}/\"\n",
            self.origin
        )
    }

    /// What it keeps, to be looked at and changed.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().expect("nobody panicked")
    }

    /// Somebody pays on this page; where the browser is sent.
    pub fn pay(&self, url: &str) -> String {
        let id = url.rsplit('/').next().expect("an address");
        self.shop().pay(id).expect("an open page to pay on")
    }

    /// The events since this was asked last, in the order they happened.
    pub fn news(&self) -> Vec<Value> {
        std::mem::take(&mut self.shop().events)
    }

    /// Tells the gateway everything that has happened.
    pub async fn tell_all(&self, gateway: &TestGateway) {
        for event in self.news() {
            let told = tell(gateway, &event).await;
            assert_eq!((told.status, &told.body), (StatusCode::OK, &json!({ "received": true })), "{event}");
        }
    }
}

/// A signature as Stripe makes it.
pub fn sign(secret: &str, body: &str, at: Timestamp) -> String {
    let moment = at.unix_seconds();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{moment}.{body}").as_bytes());
    let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("t={moment},v1={hex}")
}

/// Tells the gateway of one event, signed now.
pub async fn tell(gateway: &TestGateway, event: &Value) -> Reply {
    let body = event.to_string();
    let signature = sign(SIGNING_SECRET, &body, gateway.clock.now());
    record::note(&json!({ "kind": "webhook", "body": body, "header": signature, "secret": SIGNING_SECRET }));
    tell_raw(gateway, &body, Some(&signature)).await
}

/// Sends any text to the address of webhooks.
pub async fn tell_raw(gateway: &TestGateway, body: &str, signature: Option<&str>) -> Reply {
    let client = reqwest::Client::new();
    let mut request = client.post(gateway.at("/auth/stripe/webhook")).header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    Reply::read(request.body(body.to_owned()).send().await.expect("the gateway answers")).await
}
