//! The endpoints. A handler reads, asks the service, and writes.

mod api;
mod callback;
mod link;
mod start;
mod wire;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{get, post};
use belgie_api::{Mount, Room};

use crate::service::Engine;

/// Adds every endpoint. One of a provider that is not set up answers as if it were not there.
pub fn mount(engine: &Arc<Engine>, mount: &mut Mount) {
    let state = || Arc::clone(engine);
    let start = "/auth/provider/{provider}/start";
    let callback = "/auth/provider/{provider}/callback";
    let link = "/auth/provider/{provider}/link";
    let unlink = "/account/unlink/{account}";
    mount
        .route(Room::Browser, Method::GET, start, get(start::start).with_state(state()))
        .route(Room::Return, Method::GET, callback, get(callback::finish).with_state(state()))
        .route(Room::Return, Method::POST, callback, post(callback::put_aside).with_state(state()))
        .route(Room::Browser, Method::GET, link, get(link::ask_to_link).with_state(state()))
        .route(Room::Browser, Method::POST, link, post(link::begin_link).with_state(state()))
        .route(Room::Browser, Method::GET, unlink, get(link::ask_to_unlink).with_state(state()))
        .route(Room::Browser, Method::POST, unlink, post(link::unlink).with_state(state()));
    api::mount(engine, mount);
}
