//! One agent of a member, closely.

use belgie_api::axum::response::Response;
use belgie_api::plugin::ToolUse;
use belgie_api::ports::Catalog;
use belgie_api::web::Visitor;
use belgie_api::{Caller, Result, Scope, Timestamp};
use serde_json::{Value, json};

use super::Told;
use super::faces::face;
use super::machines::agent_row;
use crate::actor::Actor;
use crate::service::{Details, Organizations};

const AGENT: &str = "organization/agent.html";

/// Staying connected is no permission: for its end there is cutting it off.
const STAYS: &str = "offline_access";

/// An agent with the tools it has used, and the form to let it do less.
///
/// # Errors
/// 404 for one that acts elsewhere, 403 for whoever may not cut agents off, or when the page cannot be rendered.
pub async fn agent(
    organizations: &Organizations,
    visitor: &Visitor,
    caller: &Caller,
    details: &Details,
    id: &str,
    told: &Told<'_>,
) -> Result<Response> {
    let (host, now) = (organizations.host(), organizations.host().now());
    let found = organizations.agent(&Actor::caller(caller), details.organization.id, id).await?;
    let catalog = host.catalog()?;
    let ticks = found.agent.scopes.iter().filter(|scope| scope.as_str() != STAYS);
    let context = json!({
        "organization": face(&details.organization),
        "notice": told.notice,
        "error": told.error,
        "agent": agent_row(&found.agent, caller, now),
        "scopes": ticks.map(|scope| tick(scope, catalog)).collect::<Vec<_>>(),
        "teams": found.teams,
        "acts_for_all_teams": found.agent.teams.is_none(),
        "tools": found.tools.iter().map(|tool| tool_row(tool, now)).collect::<Vec<_>>(),
    });
    host.pages().page(visitor, AGENT, "A connected agent", context)
}

fn tick(scope: &Scope, catalog: &Catalog) -> Value {
    let known =
        |name: &Scope| catalog.scopes.iter().find(|info| info.name == name.as_str()).map(|info| &info.description);
    let includes: Vec<_> = catalog.hierarchy.implied_by(scope).filter_map(known).collect();
    json!({ "name": scope, "description": known(scope), "includes": includes })
}

fn tool_row(tool: &ToolUse, now: Timestamp) -> Value {
    json!({ "name": tool.name, "by": tool.by, "calls": tool.calls, "last": tool.last.ago(now), "last_iso": tool.last })
}
