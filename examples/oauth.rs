//! Sign in with a provider. `cargo run --example oauth`, with a client of yours in `belgie.toml`:
//!
//! ```toml
//! [sign_up]
//! open = true
//! [plugins.google]          # or [plugins.microsoft], or [plugins.oauth-client.acme] with a discovery_url
//! client_id = "..."
//! client_secret = "..."
//! ```
//!
//! At the provider, allow the address `<base_url>/auth/provider/google/callback`. The sign-in page has a button then.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::net::SocketAddr;

use axum::routing::get;
use axum::{Json, Router};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Gateway, Session};
use serde_json::{Value, json};

/// Whoever comes here unknown goes to the sign-in page, from there to the provider, and comes back.
async fn welcome(session: Session) -> Json<Value> {
    Json(json!({ "email": session.user.email, "came_by": session.presence.method }))
}

/// Providers that are set up are there; nothing needs to be said about them in code.
pub fn builder(config: RawConfig) -> Builder {
    Belgie::builder(config).on_sign_in("welcome.log", |sign_in| async move {
        println!("{} signed in by {}", sign_in.user.email, sign_in.method);
        Ok(())
    })
}

/// The application and the gateway.
pub fn application(gateway: &Gateway) -> Router {
    Router::new().route("/welcome", get(welcome)).layer(gateway.layer()).merge(gateway.router())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    println!("Sign in here: {}", gateway.host().urls().absolute("/welcome"));
    axum::serve(listener, application(&gateway).into_make_service_with_connect_info::<SocketAddr>()).await?;
    gateway.shutdown().await;
    Ok(())
}
