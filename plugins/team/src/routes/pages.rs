//! Pages for people. They need no script; every form carries the forgery token that the room asks for.

mod list;
mod member;
mod one;

use std::sync::Arc;

use belgie_api::axum::http::Method;
use belgie_api::axum::routing::{MethodRouter, get, post};
use belgie_api::web::Visitor;
use belgie_api::{Caller, Mount, Room};
use belgie_organization::Actor;
use serde::Deserialize;

use crate::service::Teams;

type Service = belgie_api::axum::extract::State<Arc<Teams>>;
type Names = belgie_api::axum::extract::Path<(String, String)>;

/// Adds the pages.
pub fn mount(teams: &Arc<Teams>, mount: &mut Mount) {
    let state = || Arc::clone(teams);
    let gets: [(&'static str, MethodRouter); 7] = [
        ("/organizations/{organization}/teams", get(list::page).with_state(state())),
        ("/organizations/{organization}/teams/new", get(list::new_page).with_state(state())),
        ("/organizations/{organization}/teams/{team}", get(one::page).with_state(state())),
        ("/organizations/{organization}/teams/{team}/settings", get(one::settings_page).with_state(state())),
        ("/organizations/{organization}/teams/{team}/leave", get(one::leave_page).with_state(state())),
        ("/organizations/{organization}/teams/{team}/delete", get(one::delete_page).with_state(state())),
        ("/organizations/{organization}/teams/{team}/members/{user}", get(member::page).with_state(state())),
    ];
    for (path, handler) in gets {
        mount.route(Room::Browser, Method::GET, path, handler);
    }
    let posts: [(&'static str, MethodRouter); 7] = [
        ("/organizations/{organization}/teams/new", post(list::create).with_state(state())),
        ("/organizations/{organization}/teams/{team}/add", post(member::add).with_state(state())),
        ("/organizations/{organization}/teams/{team}/settings", post(one::save).with_state(state())),
        ("/organizations/{organization}/teams/{team}/leave", post(one::leave).with_state(state())),
        ("/organizations/{organization}/teams/{team}/delete", post(one::delete).with_state(state())),
        ("/organizations/{organization}/teams/{team}/members/{user}", post(member::save).with_state(state())),
        ("/organizations/{organization}/teams/{team}/members/{user}/remove", post(member::remove).with_state(state())),
    ];
    for (path, handler) in posts {
        mount.route(Room::Browser, Method::POST, path, handler);
    }
}

fn actor(caller: &Caller, visitor: &Visitor) -> Actor {
    Actor::caller(caller).during(&visitor.info)
}

/// What has been done, in the query of the page that says so.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    done: String,
    #[serde(default)]
    page: u32,
}

/// What the word in the query stands for; nothing, when somebody made it up.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "created" => "The team is there, and you lead it.",
        "saved" => "The team has another name.",
        "added" => "The member is in the team.",
        "roles" => "The roles are set.",
        "removed" => "The member is out of the team.",
        "left" => "You are not in the team any more.",
        "deleted" => "The team is deleted.",
        _ => return None,
    })
}
