//! JSON for programs and scripts of our own pages.

mod bodies;
mod invitations;
mod machines;
mod members;
mod organizations;
mod record;
mod roles;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{get, post};
use belgie_api::web::Known;
use belgie_api::{Mount, Room};

use crate::actor::Actor;
use crate::service::Organizations;

/// Adds the endpoints.
pub fn mount(organizations: &Arc<Organizations>, mount: &mut Mount) {
    let state = || Arc::clone(organizations);
    let gets = [
        ("/auth/organization/list", get(organizations::list).with_state(state())),
        ("/auth/organization/invitations", get(invitations::mine).with_state(state())),
        ("/auth/organization/invitation/{invitation}", get(invitations::show).with_state(state())),
        ("/auth/organization/{organization}", get(organizations::details).with_state(state())),
        ("/auth/organization/{organization}/members", get(members::list).with_state(state())),
        ("/auth/organization/{organization}/roles", get(roles::list).with_state(state())),
        ("/auth/organization/{organization}/invitations", get(invitations::list).with_state(state())),
        ("/auth/organization/{organization}/agents", get(machines::agents).with_state(state())),
        ("/auth/organization/{organization}/agents/{agent}", get(machines::agent).with_state(state())),
        ("/auth/organization/{organization}/services", get(machines::services).with_state(state())),
        ("/auth/organization/{organization}/audit", get(record::list).with_state(state())),
    ];
    for (path, handler) in gets {
        mount.route(Room::Api, Method::GET, path, handler);
    }
    let posts = [
        ("/auth/organization/create", post(organizations::create).with_state(state())),
        ("/auth/organization/check-slug", post(organizations::check_slug).with_state(state())),
        ("/auth/organization/invitation/{invitation}/accept", post(invitations::accept).with_state(state())),
        ("/auth/organization/invitation/{invitation}/reject", post(invitations::reject).with_state(state())),
        ("/auth/organization/invitation/{invitation}/cancel", post(invitations::cancel).with_state(state())),
        ("/auth/organization/invitation/{invitation}/resend", post(invitations::resend).with_state(state())),
        ("/auth/organization/{organization}/update", post(organizations::update).with_state(state())),
        ("/auth/organization/{organization}/delete", post(organizations::delete).with_state(state())),
        ("/auth/organization/{organization}/leave", post(members::leave).with_state(state())),
        ("/auth/organization/{organization}/transfer-ownership", post(members::transfer).with_state(state())),
        ("/auth/organization/{organization}/members/remove", post(members::remove).with_state(state())),
        ("/auth/organization/{organization}/members/set-roles", post(members::set_roles).with_state(state())),
        ("/auth/organization/{organization}/roles/create", post(roles::create).with_state(state())),
        ("/auth/organization/{organization}/roles/update", post(roles::update).with_state(state())),
        ("/auth/organization/{organization}/roles/delete", post(roles::delete).with_state(state())),
        ("/auth/organization/{organization}/invite", post(invitations::invite).with_state(state())),
        ("/auth/organization/{organization}/agents/disconnect", post(machines::disconnect).with_state(state())),
        ("/auth/organization/{organization}/agents/narrow", post(machines::narrow).with_state(state())),
        ("/auth/organization/{organization}/services/create", post(machines::create).with_state(state())),
        ("/auth/organization/{organization}/services/revoke", post(machines::revoke).with_state(state())),
    ];
    for (path, handler) in posts {
        mount.route(Room::Api, Method::POST, path, handler);
    }
}

/// Whoever asks.
fn actor(known: &Known) -> Actor {
    Actor::caller(&known.caller).during(&known.visitor.info).present(known.visitor.is_fresh)
}
