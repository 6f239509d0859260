//! A router for every audience. The room decides CORS, whether cookies count, forgery protection and how errors look.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use belgie_api::plugin::{Room, Route};
use belgie_api::ports::{DPOP, DPOP_NONCE};
use tower_http::cors::{Any, CorsLayer};

use super::{
    Web, account, admin, body, code, confirm, edge, errors, forgot, home, magic_link, mcp, outbox, session, setup,
    sign_in, sign_up, verify, visit, well_known,
};

const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// All routes, to be merged into an application's own router. It brings no fallback.
pub fn router(web: &Arc<Web>, plugin_routes: Vec<Route>) -> Router {
    let mut well_known = well_known::routes(web).merge(web.assets.router());
    let mut oauth = Router::new();
    let mut browser = browser_routes(web);
    let mut returns = Router::new();
    let mut webhooks = Router::new();
    let mut api = Router::new().route("/auth/session", get(session::show)).with_state(Arc::clone(web));
    for Route { room, path, handler, .. } in plugin_routes {
        let target = match room {
            Room::WellKnown => &mut well_known,
            Room::OAuth => &mut oauth,
            Room::Browser => &mut browser,
            Room::Return => &mut returns,
            Room::Webhook => &mut webhooks,
            Room::Api => &mut api,
        };
        *target = std::mem::take(target).route(path, handler);
    }
    let well_known = well_known.layer(from_fn(errors::dress_json)).layer(open_to_all());
    let oauth = oauth
        .layer(from_fn_with_state(Arc::clone(web), body::in_time))
        .layer(from_fn(errors::dress_oauth))
        .layer(open_to_all());
    let browser = browser
        .layer(from_fn_with_state(Arc::clone(web), visit::visit))
        .merge(admin::routes(web).layer(from_fn_with_state(Arc::clone(web), visit::visit_operators)))
        .merge(admin::way_back(web).layer(from_fn_with_state(Arc::clone(web), visit::visit_worn)));
    let returns = returns.layer(from_fn_with_state(Arc::clone(web), visit::visit_back));
    let webhooks =
        webhooks.layer(from_fn_with_state(Arc::clone(web), body::whole_in_time)).layer(from_fn(errors::dress_json));
    let api = api
        .layer(from_fn_with_state(Arc::clone(web), visit::visit_api))
        .layer(from_fn_with_state(Arc::clone(web), body::in_time))
        .layer(from_fn(errors::dress_api));
    let all = well_known.merge(oauth).merge(browser).merge(returns).merge(webhooks).merge(api).merge(mcp::routes(web));
    edge::around(all, web).merge(edge::observed(home::health(web), web))
}

/// All routes and a page for everything else: for [`Front`](super::Front).
pub fn router_alone(web: &Arc<Web>, plugin_routes: Vec<Route>) -> Router {
    let nowhere =
        Router::new().fallback(errors::not_found).layer(from_fn_with_state(Arc::clone(web), visit::visit_nowhere));
    router(web, plugin_routes).fallback_service(edge::around(nowhere, web))
}

fn browser_routes(web: &Arc<Web>) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/auth/signin", get(sign_in::page).post(sign_in::submit))
        .route("/auth/signup", get(sign_up::page).post(sign_up::submit))
        .route("/auth/signup/finish", get(sign_up::finish_page).post(sign_up::finish))
        .route("/auth/signout", post(sign_in::sign_out))
        .route("/auth/link", get(sign_in::elsewhere).post(magic_link::ask))
        .route("/auth/link/open", get(magic_link::open).post(magic_link::follow))
        .route("/auth/code", get(sign_in::elsewhere).post(code::submit))
        .route("/auth/forgot", get(forgot::page).post(forgot::ask))
        .route("/auth/reset", get(forgot::reset_page).post(forgot::reset))
        .route("/auth/verify", get(verify::page).post(verify::submit))
        .route("/auth/confirm", get(confirm::page).post(confirm::submit))
        .route("/auth/email/confirm", get(account::email::confirm_page).post(account::email::confirm))
        .route("/auth/email/undo", get(account::email::undo_page).post(account::email::undo))
        .route("/auth/setup", get(setup::page).post(setup::submit))
        .merge(account_routes())
        .route("/dev/outbox", get(outbox::page))
        .route("/dev/outbox/{id}", get(outbox::html))
        .with_state(Arc::clone(web))
}

fn account_routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/account", get(account::page))
        .route("/account/profile", get(account::profile::page).post(account::profile::save))
        .route("/account/password", get(account::password::page).post(account::password::save))
        .route("/account/password/remove", get(account::password::back).post(account::password::remove))
        .route("/account/email", get(account::email::page).post(account::email::ask))
        .route("/account/email/verify", post(verify::send))
        .route("/account/delete", get(account::close::page).post(account::close::delete))
        .route("/account/export", get(account::export::download))
        .route("/account/sessions/revoke", post(account::revoke_session))
        .route("/account/sessions/revoke-others", post(account::revoke_other_sessions))
}

/// Metadata and OAuth endpoints answer every origin; no credential travels by itself (no cookies).
fn open_to_all() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, MCP_PROTOCOL_VERSION, DPOP])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER, DPOP_NONCE])
}
