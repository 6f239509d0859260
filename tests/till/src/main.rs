//! The stand-in for Stripe as a process, for gateways that run in another:
//!
//! ```sh
//! belgie-till
//! ```
//!
//! It prints `{"origin": ..., "settings": ...}`, the latter for a `belgie.toml`, and tells the gateway of whatever happens, signed.
//! Whoever plays with it says at `/stand-in/` what in the world is otherwise said in a dashboard, or by time:
//!
//! | | |
//! |---|---|
//! | `POST /stand-in/webhooks` `{"url"}` | where news go |
//! | `POST /stand-in/period` `{"ends_in"}` | the period of the only subscription ends in so many seconds |
//! | `GET /stand-in/seen` | the news with the answers to them, and what meters have counted |

#![expect(clippy::disallowed_methods, reason = "what stands in for the outside world is no part of the machine")]

use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use belgie_till::{SIGNING_SECRET, Shop, sign};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Till {
    shop: Arc<Mutex<Shop>>,
    client: reqwest::Client,
    /// Held while news are told, so that they come in their order.
    news: tokio::sync::Mutex<News>,
}

#[derive(Default)]
struct News {
    url: Option<String>,
    told: Vec<Value>,
}

#[derive(Deserialize)]
struct Webhooks {
    url: String,
}

#[derive(Deserialize)]
struct Period {
    ends_in: i64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let shop = Arc::new(Mutex::new(Shop::new(&origin)));
    let till =
        Arc::new(Till { shop: Arc::clone(&shop), client: reqwest::Client::new(), news: tokio::sync::Mutex::default() });
    let routes = Router::new()
        .route("/stand-in/webhooks", post(send_news_to))
        .route("/stand-in/period", post(end_period))
        .route("/stand-in/seen", get(seen))
        .with_state(Arc::clone(&till))
        .merge(belgie_till::routes(shop).layer(from_fn_with_state(till, tell_after)));
    println!("{}", json!({ "origin": origin, "settings": belgie_till::settings(&origin) }));
    axum::serve(listener, routes).await.context("the stand-in has ended")
}

/// Tells what a request has brought about. A browser waits for that, so that whoever is sent on meets a gateway that knows;
/// a gateway does not, since it is asked back while it is told.
async fn tell_after(State(till): State<Arc<Till>>, request: Request, next: Next) -> Response {
    let is_asked_by_browser = !request.uri().path().starts_with("/v1/");
    let response = next.run(request).await;
    let telling = tokio::spawn(async move { till.tell().await });
    if is_asked_by_browser {
        telling.await.expect("news are told");
    }
    response
}

async fn send_news_to(State(till): State<Arc<Till>>, Json(Webhooks { url }): Json<Webhooks>) -> Json<Value> {
    till.news.lock().await.url = Some(url);
    Json(json!({}))
}

async fn end_period(State(till): State<Arc<Till>>, Json(Period { ends_in }): Json<Period>) -> Json<Value> {
    let ends_at = Shop::now() + ends_in;
    {
        let mut shop = till.shop();
        let id = shop.only_subscription();
        shop.change(&id, |own| own["items"]["data"][0]["current_period_end"] = json!(ends_at));
    }
    till.tell().await;
    Json(json!({ "ends_at": ends_at }))
}

async fn seen(State(till): State<Arc<Till>>) -> Json<Value> {
    let news = till.news.lock().await;
    let shop = till.shop();
    let counted: Vec<&Value> = shop.counted.events.values().collect();
    Json(json!({ "news": news.told, "counted": counted, "counted_again": shop.counted.again }))
}

impl Till {
    fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().expect("nobody panicked")
    }

    /// Tells of everything that has happened, one after the other.
    async fn tell(&self) {
        let mut news = self.news.lock().await;
        let events = std::mem::take(&mut self.shop().events);
        for event in events {
            let url = news.url.clone().expect("somebody to tell");
            let body = event.to_string();
            let request = self.client.post(url).header("content-type", "application/json");
            let request = request.header("stripe-signature", sign(SIGNING_SECRET, &body, Shop::now()));
            let status = request.body(body).send().await.map_or(0, |answer| answer.status().as_u16());
            news.told.push(json!({ "type": event["type"], "status": status }));
        }
    }
}
