//! Pages for operators: who is here, what was done, and what can be done about it. For everybody else there is nothing at
//! these addresses.

mod acts;
mod dangerous;
mod explain;
mod operator;
mod person;
mod record;
mod users;
mod wear;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use belgie_api::{Failure, Result, UserId};
use serde_json::json;

use self::operator::Operator;
use super::Web;

const LATEST: u32 = 10;

/// Everything that is there for operators only.
pub fn routes(web: &Arc<Web>) -> Router {
    Router::new()
        .route("/admin", get(overview))
        .route("/admin/audit", get(record::page))
        .route("/admin/explain", get(explain::page).post(explain::answer))
        .route("/admin/users", get(users::page))
        .route("/admin/users/{id}", get(person::page))
        .route("/admin/users/{id}/ban", get(dangerous::ban_page).post(dangerous::ban))
        .route("/admin/users/{id}/delete", get(dangerous::delete_page).post(dangerous::delete))
        .route("/admin/users/{id}/scopes", get(dangerous::scopes_page).post(dangerous::set_scopes))
        .route("/admin/users/{id}/impersonate", get(wear::page).post(wear::begin))
        .route("/admin/users/{id}/unban", post(acts::unban))
        .route("/admin/users/{id}/verify", get(dangerous::verify_back).post(dangerous::verify))
        .route("/admin/users/{id}/sessions/end", post(acts::end_sessions))
        .route("/admin/users/{id}/connections/end", post(acts::end_connection))
        .with_state(Arc::clone(web))
}

/// The one address that is there only while an operator wears somebody's session.
pub fn way_back(web: &Arc<Web>) -> Router {
    Router::new().route("/admin/impersonation/end", post(wear::end)).with_state(Arc::clone(web))
}

/// `GET /admin`
async fn overview(State(web): State<Arc<Web>>, operator: Operator) -> Result<Response> {
    let figures = web.identity.overview().await?;
    let acts = web.identity.list_acts(None, LATEST).await?;
    let context = json!({
        "figures": [
            { "label": "People", "value": figures.people.all },
            { "label": "New in seven days", "value": figures.people.new },
            { "label": "Signed-in browsers", "value": figures.sessions },
            { "label": "Banned", "value": figures.people.banned },
            { "label": "Administrators", "value": figures.people.holders },
        ],
        "acts": record::describe(&acts),
    });
    web.pages.page(&operator.visitor, "admin.html", "Administration", context)
}

/// The person an address is about.
fn person_of(id: &str) -> Result<UserId> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Failure {
    Failure::not_found("user.not_found", "There is no such account.").hint("Look for the person again.")
}
