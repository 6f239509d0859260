//! The stand-in for Stripe, in the process of a test, which hands its news on when it likes.

use std::sync::{Arc, Mutex, MutexGuard};

use belgie_api::{Clock, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use belgie_till::{SIGNING_SECRET, Shop};

use super::{Reply, TestGateway};

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
        let routes = belgie_till::routes(Arc::clone(&shop));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the stand-in runs") });
        Self { origin, shop, serving }
    }

    /// Nobody listens there any more, until it is opened again.
    pub async fn close(&mut self) {
        self.serving.abort();
        let _gone = (&mut self.serving).await;
    }

    /// Opens again, at the same address.
    pub async fn reopen(&mut self) {
        let address = self.origin.trim_start_matches("http://");
        let listener = TcpListener::bind(address).await.expect("its port");
        let routes = belgie_till::routes(Arc::clone(&self.shop));
        self.serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the stand-in runs") });
    }

    /// What a gateway needs to sell through it.
    pub fn table(&self) -> String {
        belgie_till::settings(&self.origin)
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
    belgie_till::sign(secret, body, at.unix_seconds())
}

/// Tells the gateway of one event, signed now.
pub async fn tell(gateway: &TestGateway, event: &Value) -> Reply {
    let body = event.to_string();
    let signature = sign(SIGNING_SECRET, &body, gateway.clock.now());
    belgie_till::note(&json!({ "kind": "webhook", "body": body, "header": signature, "secret": SIGNING_SECRET }));
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
