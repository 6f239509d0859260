//! The endpoints. A handler reads, asks the service, and writes.

mod authorize;
mod connections;
mod introspect;
mod keys;
mod metadata;
mod register;
mod revoke;
mod token;
mod tokens;
mod userinfo;
mod wire;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{get, post};
use belgie_api::{Mount, Room};

use crate::service::{OAuth, USERINFO};

/// Adds every endpoint. What is closed is not there at all.
pub fn mount(oauth: &Arc<OAuth>, mount: &mut Mount) {
    let state = || Arc::clone(oauth);
    mount
        .route(Room::WellKnown, Method::GET, metadata::PATH, get(metadata::show).with_state(state()))
        .route(Room::WellKnown, Method::GET, keys::PATH, get(keys::show).with_state(state()))
        .route(Room::Browser, Method::GET, "/authorize", get(authorize::ask).with_state(state()))
        .route(Room::Browser, Method::POST, "/authorize", post(authorize::answer).with_state(state()))
        .route(Room::OAuth, Method::POST, "/token", post(token::redeem).with_state(state()))
        .route(Room::OAuth, Method::POST, "/revoke", post(revoke::revoke).with_state(state()))
        .route(Room::OAuth, Method::POST, "/introspect", post(introspect::introspect).with_state(state()))
        .route(
            Room::Browser,
            Method::POST,
            "/account/connections/revoke",
            post(connections::disconnect).with_state(state()),
        );
    mount
        .route(
            Room::Browser,
            Method::POST,
            "/account/consents/withdraw",
            post(connections::withdraw).with_state(state()),
        )
        .route(Room::Browser, Method::GET, "/account/tokens", get(tokens::page).with_state(state()))
        .route(Room::Browser, Method::GET, "/account/tokens/new", get(tokens::new_page).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/tokens/new", post(tokens::create).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/tokens/revoke", post(tokens::revoke).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/tokens", get(tokens::list_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/tokens/create", post(tokens::create_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/tokens/revoke", post(tokens::revoke_json).with_state(state()));
    if oauth.settings().openid_connect {
        mount
            .route(Room::WellKnown, Method::GET, metadata::OPENID_PATH, get(metadata::show_openid).with_state(state()))
            .route(Room::OAuth, Method::GET, USERINFO, get(userinfo::show).with_state(state()))
            .route(Room::OAuth, Method::POST, USERINFO, post(userinfo::show).with_state(state()));
    }
    if oauth.settings().registration_open {
        mount.route(Room::OAuth, Method::POST, "/register", post(register::register).with_state(state()));
    }
}
