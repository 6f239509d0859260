//! What acts for members in the organization: seen, looked at closely, made to do less, cut off.

use belgie_api::plugin::Less;
use belgie_api::tools::Refused;
use belgie_api::{Caller, tool};

use super::answers::{AgentDetailsAnswer, AgentList, Done, NarrowedAgent};
use super::arguments::{ListMembers, NarrowAgent, WhichAgent};
use super::{Json, Parameters, Set, Shared, State, manage, meant, read};
use crate::actor::Actor;
use crate::model::{permission, refusal};

/// Adds the tools.
pub fn add(set: Set) -> Set {
    set.tool(
        tool("list_agents", "Lists the agents and tokens that act for members in the organization, fifty at a time")
            .title("Connected agents of the organization")
            .arguments::<ListMembers>()
            .returns::<AgentList>()
            .read_only()
            .plain(),
        read().permission(permission::AGENT_READ),
        list_agents,
    )
    .tool(
        tool("get_agent", "Shows one of them closely: the tools it has used here, and the teams it acts for")
            .title("One connected agent")
            .arguments::<WhichAgent>()
            .returns::<AgentDetailsAnswer>()
            .read_only()
            .plain(),
        read().by_person().permission(permission::AGENT_READ).permission(permission::AGENT_REVOKE),
        get_agent,
    )
    .tool(
        tool(
            "narrow_agent",
            "Lets an agent or token of a member do less here, from its next call on; it gets nothing it does not have. \
             Those of owners are narrowed by people alone",
        )
        .title("Let an agent do less")
        .arguments::<NarrowAgent>()
        .returns::<NarrowedAgent>()
        .plain(),
        manage().permission(permission::AGENT_REVOKE),
        narrow_agent,
    )
    .tool(
        tool(
            "disconnect_agent",
            "Cuts an agent or token of a member off from the organization. Those of owners are cut by people alone",
        )
        .title("Cut an agent off")
        .arguments::<WhichAgent>()
        .returns::<Done>()
        .plain(),
        manage().permission(permission::AGENT_REVOKE),
        disconnect_agent,
    )
}

async fn list_agents(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<ListMembers>,
) -> Result<Json<AgentList>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let found = organizations.agents(&Actor::agent(&caller), id, which.page.unwrap_or_default()).await?;
    let agents = found.agents.into_iter().map(Into::into).collect();
    Ok(Json(AgentList { agents, has_more: found.has_more }))
}

async fn get_agent(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<WhichAgent>,
) -> Result<Json<AgentDetailsAnswer>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    Ok(Json(organizations.agent(&Actor::agent(&caller), id, &which.agent).await?.into()))
}

async fn narrow_agent(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<NarrowAgent>,
) -> Result<Json<NarrowedAgent>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, wanted.organization.as_deref())?);
    let scopes =
        wanted.scopes.map(|names| names.join(" ").parse()).transpose().map_err(|_| refusal::malformed_scope())?;
    let teams = match wanted.teams {
        Some(names) => Some(organizations.teams_named(&actor, id, names.iter().map(String::as_str)).await?),
        None => None,
    };
    Ok(Json(organizations.narrow_agent(&actor, id, &wanted.agent, Less { scopes, teams }).await?.into()))
}

async fn disconnect_agent(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<WhichAgent>,
) -> Result<Json<Done>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    organizations.cut_agent(&Actor::agent(&caller), id, &which.agent).await?;
    Ok(Json(Done { done: true }))
}
