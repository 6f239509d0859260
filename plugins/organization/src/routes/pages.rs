//! Pages for people. They need no script; every form carries the forgery token that the room asks for.

mod agents;
mod forms;
mod invitation;
mod list;
mod member;
mod one;
mod record;
mod role;
mod services;
mod settings;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{MethodRouter, get, post};
use belgie_api::web::Visitor;
use belgie_api::{Caller, Mount, Room};

use crate::actor::Actor;
use crate::service::Organizations;

type Service = belgie_api::axum::extract::State<Arc<Organizations>>;

/// Adds the pages.
pub fn mount(organizations: &Arc<Organizations>, mount: &mut Mount) {
    let state = || Arc::clone(organizations);
    let gets: [(&'static str, MethodRouter); 18] = [
        ("/organizations", get(list::page).with_state(state())),
        ("/organizations/new", get(list::new_page).with_state(state())),
        ("/organizations/invitation", get(invitation::page).with_state(state())),
        ("/organizations/{organization}", get(one::page).with_state(state())),
        ("/organizations/{organization}/settings", get(settings::page).with_state(state())),
        ("/organizations/{organization}/audit", get(record::page).with_state(state())),
        ("/organizations/{organization}/audit.jsonl", get(record::download).with_state(state())),
        ("/organizations/{organization}/leave", get(settings::leave_page).with_state(state())),
        ("/organizations/{organization}/delete", get(settings::delete_page).with_state(state())),
        ("/organizations/{organization}/members/{user}", get(member::page).with_state(state())),
        ("/organizations/{organization}/members/{user}/remove", get(member::remove_page).with_state(state())),
        ("/organizations/{organization}/members/{user}/transfer", get(member::transfer_page).with_state(state())),
        ("/organizations/{organization}/new-role", get(role::new_page).with_state(state())),
        ("/organizations/{organization}/roles/{role}", get(role::page).with_state(state())),
        ("/organizations/{organization}/agents", get(agents::page).with_state(state())),
        ("/organizations/{organization}/agents/{agent}", get(agents::one).with_state(state())),
        ("/organizations/{organization}/services", get(services::page).with_state(state())),
        ("/organizations/{organization}/new-service", get(services::new_page).with_state(state())),
    ];
    for (path, handler) in gets {
        mount.route(Room::Browser, Method::GET, path, handler);
    }
    let posts: [(&'static str, MethodRouter); 18] = [
        ("/organizations/new", post(list::create).with_state(state())),
        ("/organizations/invitation", post(invitation::answer).with_state(state())),
        ("/organizations/invitations", post(list::answer).with_state(state())),
        ("/organizations/{organization}/invite", post(one::invite).with_state(state())),
        ("/organizations/{organization}/invitations", post(one::change_invitation).with_state(state())),
        ("/organizations/{organization}/settings", post(settings::save).with_state(state())),
        ("/organizations/{organization}/leave", post(settings::leave).with_state(state())),
        ("/organizations/{organization}/delete", post(settings::delete).with_state(state())),
        ("/organizations/{organization}/members/{user}", post(member::save).with_state(state())),
        ("/organizations/{organization}/members/{user}/remove", post(member::remove).with_state(state())),
        ("/organizations/{organization}/members/{user}/transfer", post(member::transfer).with_state(state())),
        ("/organizations/{organization}/new-role", post(role::create).with_state(state())),
        ("/organizations/{organization}/roles/{role}", post(role::save).with_state(state())),
        ("/organizations/{organization}/roles/{role}/delete", post(role::delete).with_state(state())),
        ("/organizations/{organization}/agents", post(agents::disconnect).with_state(state())),
        ("/organizations/{organization}/agents/{agent}", post(agents::narrow).with_state(state())),
        ("/organizations/{organization}/services", post(services::revoke).with_state(state())),
        ("/organizations/{organization}/new-service", post(services::create).with_state(state())),
    ];
    for (path, handler) in posts {
        mount.route(Room::Browser, Method::POST, path, handler);
    }
}

fn actor(caller: &Caller, visitor: &Visitor) -> Actor {
    Actor::caller(caller).during(&visitor.info).present(visitor.is_fresh)
}
