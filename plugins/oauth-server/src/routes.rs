//! The endpoints. A handler reads, asks the service, and writes.

mod authorize;
mod client_api;
mod clients;
mod connections;
mod consents;
mod device;
mod interactions;
mod introspect;
mod keys;
mod logout;
mod manage;
mod metadata;
mod par;
mod register;
mod revoke;
mod token;
mod tokens;
mod userinfo;
mod wire;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{delete, get, post, put};
use belgie_api::{Mount, Room};

use crate::model::settings::Pushing;
use crate::pages::interaction::CONTINUE;
use crate::service::{DEVICE, DEVICE_ALLOWED, DEVICE_DENIED, LOGOUT, OAuth, USERINFO};

/// Adds every endpoint. What is closed is not there at all.
pub fn mount(oauth: &Arc<OAuth>, mount: &mut Mount) {
    let state = || Arc::clone(oauth);
    mount
        .route(Room::WellKnown, Method::GET, metadata::PATH, get(metadata::show).with_state(state()))
        .route(Room::WellKnown, Method::GET, keys::PATH, get(keys::show).with_state(state()))
        .route(Room::Browser, Method::GET, "/authorize", get(authorize::ask).with_state(state()))
        .route(Room::Browser, Method::POST, "/authorize", post(authorize::answer).with_state(state()))
        .route(Room::Browser, Method::GET, CONTINUE, get(interactions::go_on).with_state(state()))
        .route(Room::Api, Method::GET, interactions::PATH, get(interactions::show).with_state(state()))
        .route(Room::Api, Method::POST, interactions::ANSWER, post(interactions::answer).with_state(state()))
        .route(Room::OAuth, Method::POST, token::PATH, post(token::redeem).with_state(state()))
        .route(Room::OAuth, Method::POST, "/revoke", post(revoke::revoke).with_state(state()))
        .route(Room::OAuth, Method::POST, "/introspect", post(introspect::introspect).with_state(state()))
        .route(
            Room::Browser,
            Method::POST,
            "/account/connections/revoke",
            post(connections::disconnect).with_state(state()),
        );
    mount
        .route(Room::Browser, Method::GET, "/account/connections/{grant}", get(connections::page).with_state(state()))
        .route(
            Room::Browser,
            Method::POST,
            "/account/connections/{grant}",
            post(connections::narrow).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::POST,
            "/account/consents/withdraw",
            post(connections::withdraw).with_state(state()),
        )
        .route(Room::Browser, Method::GET, "/account/consents/{consent}", get(consents::page).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/consents/{consent}", post(consents::narrow).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/consents", get(consents::list_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/consents/narrow", post(consents::narrow_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/consents/withdraw", post(consents::withdraw_json).with_state(state()))
        .route(Room::Browser, Method::GET, "/account/tokens", get(tokens::page).with_state(state()))
        .route(Room::Browser, Method::GET, "/account/tokens/new", get(tokens::new_page).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/tokens/new", post(tokens::create).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/tokens/revoke", post(tokens::revoke).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/tokens", get(tokens::list_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/tokens/create", post(tokens::create_json).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/tokens/revoke", post(tokens::revoke_json).with_state(state()));
    mount_clients(oauth, mount);
    if oauth.settings().openid_connect {
        mount
            .route(Room::WellKnown, Method::GET, metadata::OPENID_PATH, get(metadata::show_openid).with_state(state()))
            .route(Room::OAuth, Method::GET, USERINFO, get(userinfo::show).with_state(state()))
            .route(Room::OAuth, Method::POST, USERINFO, post(userinfo::show).with_state(state()))
            .route(Room::Return, Method::GET, LOGOUT, get(logout::ask).with_state(state()))
            .route(Room::Return, Method::POST, LOGOUT, post(logout::put_aside))
            .route(Room::Browser, Method::POST, "/logout/confirm", post(logout::confirm).with_state(state()));
    }
    if oauth.settings().device_authorization {
        mount
            .route(Room::OAuth, Method::POST, device::PATH, post(device::begin).with_state(state()))
            .route(Room::Browser, Method::GET, DEVICE, get(device::page).with_state(state()))
            .route(Room::Browser, Method::POST, DEVICE, post(device::find).with_state(state()))
            .route(Room::Browser, Method::GET, DEVICE_ALLOWED, get(device::allowed).with_state(state()))
            .route(Room::Browser, Method::GET, DEVICE_DENIED, get(device::denied).with_state(state()));
    }
    if oauth.settings().pushed_requests != Pushing::Off {
        mount.route(Room::OAuth, Method::POST, par::PATH, post(par::push).with_state(state()));
    }
    if oauth.settings().has_registration() {
        mount
            .route(Room::OAuth, Method::POST, "/register", post(register::register).with_state(state()))
            .route(Room::OAuth, Method::GET, "/register/{client}", get(manage::show).with_state(state()))
            .route(Room::OAuth, Method::PUT, "/register/{client}", put(manage::change).with_state(state()))
            .route(Room::OAuth, Method::DELETE, "/register/{client}", delete(manage::end).with_state(state()));
    }
}

/// The applications of people and organizations.
fn mount_clients(oauth: &Arc<OAuth>, mount: &mut Mount) {
    let state = || Arc::clone(oauth);
    mount
        .route(Room::Browser, Method::GET, "/account/clients", get(clients::page).with_state(state()))
        .route(Room::Browser, Method::GET, "/account/clients/new", get(clients::new_page).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/clients/new", post(clients::create).with_state(state()))
        .route(Room::Browser, Method::GET, "/account/clients/{client}", get(clients::edit_page).with_state(state()))
        .route(Room::Browser, Method::POST, "/account/clients/{client}", post(clients::update).with_state(state()))
        .route(
            Room::Browser,
            Method::GET,
            "/account/clients/{client}/secret",
            get(clients::secret_page).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::POST,
            "/account/clients/{client}/secret",
            post(clients::rotate).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::GET,
            "/account/clients/{client}/delete",
            get(clients::delete_page).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::POST,
            "/account/clients/{client}/delete",
            post(clients::delete).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::GET,
            "/account/clients/{client}/trust",
            get(clients::trust_page).with_state(state()),
        )
        .route(
            Room::Browser,
            Method::POST,
            "/account/clients/{client}/trust",
            post(clients::trust).with_state(state()),
        );
    mount
        .route(Room::Api, Method::GET, "/auth/clients", get(client_api::list).with_state(state()))
        .route(Room::Api, Method::GET, "/auth/clients/public", get(client_api::public).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/clients/create", post(client_api::create).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/clients/update", post(client_api::update).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/clients/rotate-secret", post(client_api::rotate).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/clients/delete", post(client_api::delete).with_state(state()))
        .route(Room::Api, Method::POST, "/auth/clients/trust", post(client_api::trust).with_state(state()));
}
