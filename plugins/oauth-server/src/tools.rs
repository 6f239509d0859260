//! What an agent can see of the connections of its person. Cutting one off is for a person on a page.

mod clients;

use std::sync::Arc;

use belgie_api::rmcp::ErrorData;
use belgie_api::rmcp::handler::server::wrapper::{Json, Parameters};
use belgie_api::{Caller, Rule, State, ToolSet, access, tool};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::grant::shown_name;
use crate::model::grant::{Grant, GrantKind};
use crate::model::owned::{CLIENT_MANAGE, ClientCreation};
use crate::service::OAuth;

/// The scope that shows connections.
pub const CONNECTIONS_READ: &str = "connections:read";
/// The scope that shows applications.
pub const CLIENTS_READ: &str = "clients:read";
/// The scope that makes, changes and deletes applications.
pub const CLIENTS_WRITE: &str = "clients:write";

/// The tools of this plugin.
pub fn tools(oauth: Arc<OAuth>) -> ToolSet<Arc<OAuth>> {
    let creation = oauth.settings().client_creation;
    let set = add_clients(ToolSet::new(oauth).tool(
        tool(
            "list_my_connections",
            "Lists the agents and personal access tokens that can act for you, newest first: those for the organization this \
             one acts for, or those for you alone",
        )
            .title("Connected agents")
            .returns::<ConnectionList>()
            .read_only()
            .plain(),
        access().scope(CONNECTIONS_READ),
        list_my_connections,
    ));
    // Agents are never operators here, so where those alone make applications there is nothing for an agent to call.
    if creation == ClientCreation::People { add_creation(set) } else { set }
}

/// What changes applications: a person answers for it, and in an organization one whose roles let them.
fn change() -> Rule {
    access().by_person().permission_there(CLIENT_MANAGE).scope(CLIENTS_WRITE)
}

/// Applications of whoever the agent acts for.
fn add_clients(set: ToolSet<Arc<OAuth>>) -> ToolSet<Arc<OAuth>> {
    use clients::{ClientAnswer, ClientArgs, ClientChangeArgs, ClientGone, ClientList};
    set.tool(
        tool(
            "list_my_clients",
            "Lists the applications (OAuth clients) of the organization this one acts for, or yours: never their secrets",
        )
        .title("My applications")
        .returns::<ClientList>()
        .read_only()
        .plain(),
        access().permission_there(CLIENT_MANAGE).scope(CLIENTS_READ),
        clients::list_my_clients,
    )
    .tool(
        tool(
            "update_client",
            "Changes an application; what is left out stays. With another name or address people are asked about it again",
        )
        .title("Change an application")
        .arguments::<ClientChangeArgs>()
        .returns::<ClientAnswer>()
        .plain(),
        change(),
        clients::update_client,
    )
    .tool(
        tool("delete_client", "Deletes an application and cuts off everybody it is connected to; there is no way back")
            .title("Delete an application")
            .arguments::<ClientArgs>()
            .returns::<ClientGone>()
            .plain(),
        change(),
        clients::delete_client,
    )
}

/// Where people make applications, their agents do, too.
fn add_creation(set: ToolSet<Arc<OAuth>>) -> ToolSet<Arc<OAuth>> {
    use clients::{ClientAnswer, NewClientArgs};
    set.tool(
        tool(
            "create_client",
            "Makes an application (an OAuth client). If it has a secret, the answer names the page where the person gets it",
        )
        .title("Make an application")
        .arguments::<NewClientArgs>()
        .returns::<ClientAnswer>()
        .plain(),
        change(),
        clients::create_client,
    )
}

/// The agents and tokens that can act for a person, for what the caller acts for.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectionList {
    /// Newest first, 200 at most.
    connections: Vec<Connection>,
}

/// One agent or token.
#[derive(Debug, Serialize, JsonSchema)]
struct Connection {
    /// Its id, `grt_...`.
    id: String,
    /// `agent` for a connected agent, `token` for a personal access token.
    kind: &'static str,
    /// What the agent calls itself, or what the person called the token.
    client_name: String,
    /// The host that vouches for the agent, if one does.
    client_host: Option<String>,
    /// What it may do.
    scopes: Vec<String>,
    /// Where it may do it.
    resources: Vec<String>,
    /// When it was allowed (RFC 3339).
    created_at: String,
    /// When it was last seen (RFC 3339), to the minute.
    last_used_at: Option<String>,
    /// When it ends unless it is renewed (RFC 3339).
    expires_at: String,
    /// Whether this very call comes through it.
    is_this_one: bool,
}

async fn list_my_connections(
    State(oauth): State<Arc<OAuth>>,
    caller: Caller,
) -> Result<Json<ConnectionList>, ErrorData> {
    let grants = oauth.list_connections_beside(&caller).await.map_err(|failure| {
        tracing::error!(error = ?failure, "connections could not be listed");
        ErrorData::internal_error(failure.message().to_owned(), None)
    })?;
    let connections = grants.iter().map(|grant| describe(grant, &caller)).collect();
    Ok(Json(ConnectionList { connections }))
}

fn describe(grant: &Grant, caller: &Caller) -> Connection {
    Connection {
        id: grant.id.to_string(),
        kind: if grant.kind == GrantKind::Personal { "token" } else { "agent" },
        client_name: shown_name(grant).to_owned(),
        client_host: grant.client_host.clone(),
        scopes: grant.scopes.iter().map(ToString::to_string).collect(),
        resources: grant.resources.clone(),
        created_at: grant.created_at.to_string(),
        last_used_at: grant.last_used_at.map(|last| last.to_string()),
        expires_at: grant.expires_at.to_string(),
        is_this_one: caller.grant() == Some(grant.id),
    }
}
