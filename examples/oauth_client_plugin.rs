//! The typed handle of a plugin in an application's own handlers: it begins sign-ins and links where it likes, and gets back
//! what it gave along. `cargo run --example oauth_client_plugin`, with a provider set up as in the example `oauth`.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::net::SocketAddr;

use axum::extract::{Path, Query};
use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use belgie::api::Result;
use belgie::api::ports::Use;
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Gateway, Present, SignedIn};
use belgie_oauth_client::{FlowOptions, OAuthClient};
use serde::Deserialize;
use serde_json::{Value, json};

/// A button of the application's own: the basket travels along and comes back.
async fn buy(clients: Use<OAuthClient>, Path(provider): Path<String>) -> Result<Redirect> {
    let options = FlowOptions {
        return_to: Some("/basket".to_owned()),
        request_sign_up: true,
        payload: Some(json!({ "basket": ["tea"] })),
        ..FlowOptions::default()
    };
    Ok(Redirect::to(&clients.provider(&provider)?.signin_url(options).await?))
}

#[derive(Deserialize)]
struct Landed {
    oauth_flow: Option<String>,
}

/// Where the person lands; what was given along comes out once, and only for this person.
async fn basket(clients: Use<OAuthClient>, person: SignedIn, Query(landed): Query<Landed>) -> Result<Json<Value>> {
    let user = person.caller.user();
    let finished = match landed.oauth_flow {
        Some(handle) => clients.take_finished(&handle, user.id).await?,
        None => None,
    };
    Ok(Json(json!({ "buyer": user.email, "gave_along": finished.and_then(|flow| flow.payload) })))
}

/// One more way in, for somebody who proved a moment ago to be there.
async fn connect(clients: Use<OAuthClient>, person: Present, Path(provider): Path<String>) -> Result<Redirect> {
    let options = FlowOptions { return_to: Some("/connected".to_owned()), ..FlowOptions::default() };
    Ok(Redirect::to(&clients.provider(&provider)?.link_url(person.caller.user().id, options).await?))
}

/// Which accounts elsewhere open this one.
async fn connected(clients: Use<OAuthClient>, person: SignedIn) -> Result<Json<Value>> {
    let mut found = Vec::new();
    for id in clients.ids() {
        for account in clients.provider(&id)?.list_accounts(person.caller.user().id).await? {
            found.push(json!({ "provider": account.provider, "email": account.email }));
        }
    }
    Ok(Json(json!(found)))
}

/// The gateway; the plugin is there by default.
pub fn builder(config: RawConfig) -> Builder {
    Belgie::builder(config)
}

/// The application and the gateway.
pub fn application(gateway: &Gateway) -> Router {
    let own = Router::new()
        .route("/buy/{provider}", get(buy))
        .route("/basket", get(basket))
        .route("/connect/{provider}", get(connect))
        .route("/connected", get(connected));
    own.layer(gateway.layer()).merge(gateway.router())
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    for id in gateway.provided::<OAuthClient>().map(|clients| clients.ids()).unwrap_or_default() {
        println!("Buy with {id}: {}", gateway.host().urls().absolute(&format!("/buy/{id}")));
    }
    axum::serve(listener, application(&gateway).into_make_service_with_connect_info::<SocketAddr>()).await?;
    gateway.shutdown().await;
    Ok(())
}
