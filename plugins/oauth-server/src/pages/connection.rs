//! One connection, closely.

use belgie_api::axum::response::Response;
use belgie_api::plugin::ToolUse;
use belgie_api::web::Visitor;
use belgie_api::{Result, Timestamp};
use serde_json::{Value, json};

use super::{connection, explain_all};
use crate::model::grant::Grant;
use crate::model::scopes::OFFLINE_ACCESS;
use crate::service::OAuth;

/// The page.
pub const CONNECTION: &str = "oauth-server/connection.html";

/// A connection with the tools it has used, and the form to let it do less.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn show(oauth: &OAuth, visitor: &Visitor, grant: &Grant, error: Option<&str>) -> Result<Response> {
    let (host, now) = (oauth.host(), oauth.host().now());
    let offered = &host.catalog()?.scopes;
    let place = oauth.find_place(grant.user_id, &grant.binding.clone().into()).await?;
    let teams = oauth.list_teams_of(grant).await?;
    let used = oauth.list_tools_used(grant).await?;
    let ticks = grant.scopes.iter().filter(|scope| scope.as_str() != OFFLINE_ACCESS).cloned().collect();
    let context = json!({
        "connection": connection((grant, &[grant]), Vec::new(), place, (offered, now)),
        "scopes": explain_all(&ticks, offered),
        "teams": teams.iter().map(|team| json!({ "id": team.id, "name": team.name })).collect::<Vec<_>>(),
        "acts_for_all_teams": grant.binding.team_ids.is_empty(),
        "tools": used.iter().map(|tool| tool_row(tool, now)).collect::<Vec<_>>(),
        "error": error,
    });
    host.pages().page(visitor, CONNECTION, "A connected agent", context)
}

fn tool_row(tool: &ToolUse, now: Timestamp) -> Value {
    json!({ "name": tool.name, "by": tool.by, "calls": tool.calls, "last": tool.last.ago(now), "last_iso": tool.last })
}
