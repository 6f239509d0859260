//! Sign-in, OAuth and `/mcp` inside an axum application that has its own routes and state. `cargo run --example embed`.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use belgie::Belgie;
use belgie::config::RawConfig;

/// The application's own state; the gateway brings its own and does not see this one.
#[derive(Clone, Default)]
struct Shop(Arc<AtomicU64>);

async fn visits(State(shop): State<Shop>) -> String {
    format!("You are visitor number {}", shop.0.fetch_add(1, Ordering::Relaxed) + 1)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = Belgie::builder(RawConfig::of_process(Default::default())?).demo_tools().listen().await?;
    let application = Router::new().route("/shop", get(visits)).with_state(Shop::default()).merge(gateway.router());

    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("The shop:     {}", gateway.host().urls().absolute("/shop"));
    println!("MCP endpoint: {}", gateway.host().urls().absolute("/mcp"));
    axum::serve(listener, application.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(gateway.stop_on_signal())
        .await?;
    gateway.shutdown().await;
    Ok(())
}
