//! What is served: endpoints for programs, the webhook, and pages.

mod api;
mod bodies;
mod pages;
mod usage;
mod webhook;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{get, post};
use belgie_api::{Mount, Room};

use crate::service::Billing;

type Service = belgie_api::axum::extract::State<Arc<Billing>>;

/// Adds everything.
pub fn mount(billing: &Arc<Billing>, mount: &mut Mount) {
    let state = || Arc::clone(billing);
    mount
        .route(Room::Api, Method::POST, "/auth/subscription/upgrade", post(api::upgrade).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/subscription/list", get(api::list).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/subscription/export", get(api::export).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/subscription/cancel", post(api::cancel).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/subscription/restore", post(api::restore).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/subscription/billing-portal", post(api::portal).with_state(state()))
        .route(Room::Browser, Method::GET, "/auth/subscription/success", get(pages::land).with_state(state()))
        .route(Room::Webhook, Method::POST, "/auth/stripe/webhook", post(webhook::take).with_state(state()))
        .route(Room::Browser, Method::GET, "/billing/upgrade", get(pages::page).with_state(state()))
        .route(Room::Browser, Method::GET, "/billing/usage", get(usage::page).with_state(state()))
        .route(Room::Browser, Method::POST, "/billing/cancel", post(usage::cancel).with_state(state()))
        .route(Room::Browser, Method::POST, "/billing/restore", post(usage::restore).with_state(state()))
        .route(Room::Browser, Method::POST, "/billing/upgrade", post(pages::buy).with_state(state()));
}
