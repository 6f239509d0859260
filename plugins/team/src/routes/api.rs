//! JSON for programs and scripts of our own pages, below the organization's.

mod bodies;
mod members;
mod teams;

use std::sync::Arc;

use belgie_api::axum::extract::Query;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::http::{HeaderMap, Method};
use belgie_api::axum::routing::{get, post};
use belgie_api::web::{Known, json};
use belgie_api::{Failure, Mount, Result, Room};
use belgie_organization::Actor;
use serde::de::DeserializeOwned;

use self::bodies::Which;
use crate::service::Teams;

type Service = belgie_api::axum::extract::State<Arc<Teams>>;
type Names = belgie_api::axum::extract::Path<(String, String)>;

/// The longest body, in KiB.
const LONGEST: usize = 16;

/// Adds the endpoints.
pub fn mount(teams: &Arc<Teams>, mount: &mut Mount) {
    let state = || Arc::clone(teams);
    let gets = [
        ("/auth/organization/teams", get(teams::mine).with_state(state())),
        ("/auth/organization/{organization}/teams", get(teams::list).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}", get(teams::details).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/members", get(members::list).with_state(state())),
    ];
    for (path, handler) in gets {
        mount.route(Room::Api, Method::GET, path, handler);
    }
    let posts = [
        ("/auth/organization/{organization}/teams/create", post(teams::create).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/update", post(teams::update).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/delete", post(teams::delete).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/leave", post(members::leave).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/members/add", post(members::add).with_state(state())),
        ("/auth/organization/{organization}/teams/{team}/members/remove", post(members::remove).with_state(state())),
        (
            "/auth/organization/{organization}/teams/{team}/members/set-roles",
            post(members::set_roles).with_state(state()),
        ),
    ];
    for (path, handler) in posts {
        mount.route(Room::Api, Method::POST, path, handler);
    }
}

/// Whoever asks.
fn actor(known: &Known) -> Actor {
    Actor::caller(&known.caller).during(&known.visitor.info)
}

/// Which page of a list.
fn which_page(which: Result<Query<Which>, QueryRejection>) -> Result<Which> {
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    which.map(|Query(which)| which).map_err(unreadable)
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    json::read_json(headers, body, LONGEST)
}
