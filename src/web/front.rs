//! What stands behind the listener: the MCP endpoint, which is asked more often than everything else together, and the
//! router for the rest. A router boxes each request several times over on its way to one handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use belgie_api::plugin::Route;
use tower::ServiceExt;

use super::mcp::{self, Door, Place};
use super::{Web, edge, rooms};

/// Answers every request.
pub struct Front {
    web: Arc<Web>,
    door: Door,
    others: Router,
}

impl Front {
    /// Everything there is.
    #[must_use]
    pub fn new(web: &Arc<Web>, plugin_routes: Vec<Route>) -> Self {
        Self { web: Arc::clone(web), door: Door::new(web), others: rooms::router_alone(web, plugin_routes) }
    }

    /// Answers one.
    pub async fn answer(&self, request: Request) -> Response {
        if let Some(place) = Place::of(&self.web, request.uri().path()) {
            let route = place.route();
            return edge::observe(&self.web, true, route, request, |request| mcp::enter(&self.door, place, request))
                .await;
        }
        let Ok(response) = Box::pin(self.others.clone().oneshot(request)).await;
        response
    }
}
