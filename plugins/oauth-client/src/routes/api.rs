//! JSON for scripts of our own pages and for apps.

mod accounts;
mod bodies;
mod native;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{get, post};
use belgie_api::web::Visitor;
use belgie_api::{Mount, Result, Room};

use crate::model::refusal;
use crate::service::Engine;

/// Adds the endpoints.
pub fn mount(engine: &Arc<Engine>, mount: &mut Mount) {
    let state = || Arc::clone(engine);
    let posts = [
        ("/auth/provider/{provider}/nonce", post(native::nonce).with_state(state())),
        ("/auth/provider/{provider}/signin/id-token", post(native::sign_in).with_state(state())),
        ("/auth/provider/{provider}/link/id-token", post(native::link).with_state(state())),
        ("/auth/provider/{provider}/unlink", post(accounts::unlink).with_state(state())),
        ("/auth/provider/{provider}/access-token", post(accounts::access_token).with_state(state())),
        ("/auth/provider/{provider}/refresh-token", post(accounts::refresh_token).with_state(state())),
    ];
    for (path, handler) in posts {
        mount.route(Room::Api, Method::POST, path, handler);
    }
    let (list, info) = ("/auth/provider/{provider}/accounts", "/auth/provider/{provider}/account-info");
    mount.route(Room::Api, Method::GET, list, get(accounts::list).with_state(state())).route(
        Room::Api,
        Method::GET,
        info,
        get(accounts::info).with_state(state()),
    );
}

/// Ways in are changed in a fresh session only, and never by an operator who wears it.
fn must_be_fresh(visitor: &Visitor) -> Result<()> {
    if visitor.is_fresh {
        return Ok(());
    }
    Err(refusal::not_fresh())
}
