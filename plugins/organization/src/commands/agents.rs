//! What acts for members in an organization: `org agents`, `agent`, `narrow-agent`, `cut-agent`.

use belgie_api::clap::{Arg, ArgGroup, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::plugin::{Less, ToolUse};
use belgie_api::{Result, ScopeSet, TeamId};
use serde_json::json;

use super::{Actor, Organizations, describe, meant, said, text, which};
use crate::model::refusal::malformed_scope;
use crate::service::AgentInfo;

fn agent() -> Arg {
    Arg::new("agent").required(true).value_name("ID").help("As `org agents` shows it")
}

/// The verbs.
pub fn commands() -> [Command; 4] {
    [
        Command::new("agents").about("Lists what acts for members in an organization, newest first").arg(which()),
        Command::new("agent")
            .about("Shows an agent or a token that acts in an organization, with the tools it has used there")
            .args([which(), agent()]),
        Command::new("narrow-agent")
            .about("Lets an agent or a token do less in an organization, from its next call on")
            .args([
                which(),
                agent(),
                text("scopes", "SCOPES", "What is left of its scopes, with commas").required(false),
                text("teams", "TEAMS", "The teams it acts for from then on, by slug or id, with commas")
                    .required(false),
            ])
            .group(ArgGroup::new("less").args(["scopes", "teams"]).required(true).multiple(true)),
        Command::new("cut-agent")
            .about("Cuts off an agent or a token that acts in an organization")
            .args([which(), agent()]),
    ]
}

fn in_a_line(agent: &AgentInfo) -> String {
    let last_use = agent.last_used_at.map_or_else(|| "never used".to_owned(), |last| format!("last used {last}"));
    let host = agent.client_host.as_deref().unwrap_or("-");
    let member = agent.email.as_deref().unwrap_or_default();
    format!("{}  {}  {host}  for {member}  {}  {last_use}", agent.id, agent.client_name, agent.scopes)
}

/// Lists them.
pub async fn list(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let mut agents: Vec<AgentInfo> = Vec::new();
    for page in 0.. {
        let found = organizations.agents(&Actor::host(), meant.id, page).await?;
        agents.extend(found.agents);
        if !found.has_more {
            break;
        }
    }
    let text = match agents.as_slice() {
        [] => "No agent acts for anybody in it.".to_owned(),
        all => all.iter().map(in_a_line).collect::<Vec<_>>().join("\n"),
    };
    Ok(Output::new(text, json!({ "organization": describe(&meant), "agents": agents })))
}

/// Shows one closely.
pub async fn show(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let id = meant(organizations, matches).await?.id;
    let found = organizations.agent(&Actor::host(), id, said(matches, "agent")).await?;
    let mut lines = vec![in_a_line(&found.agent)];
    lines.extend(found.teams.iter().map(|team| format!("acts for the team {}  {}", team.name, team.id)));
    let used = |tool: &ToolUse| {
        let by = if tool.by.is_empty() { String::new() } else { format!("  through {}", tool.by.join(", ")) };
        format!("used {}  {} times  last {}{by}", tool.name, tool.calls, tool.last)
    };
    lines.extend(found.tools.iter().map(used));
    Ok(Output::new(lines.join("\n"), json!(found)))
}

/// Makes one do less.
pub async fn narrow(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let listed = |name: &str| matches.get_one::<String>(name).map(|text| text.replace(',', " "));
    let scopes: Option<ScopeSet> =
        listed("scopes").map(|text| text.parse()).transpose().map_err(|_| malformed_scope())?;
    let id = meant(organizations, matches).await?.id;
    let teams = match listed("teams") {
        Some(names) => Some(organizations.teams_named(&Actor::host(), id, names.split_whitespace()).await?),
        None => None,
    };
    let agent = said(matches, "agent");
    let left = organizations.narrow_agent(&Actor::host(), id, agent, Less { scopes, teams }).await?;
    let teams: Vec<String> = left.teams.iter().map(TeamId::to_string).collect();
    let whose = if teams.is_empty() { String::new() } else { format!(", for {}", teams.join(", ")) };
    Ok(Output::new(format!("{agent} may do no more than this: {}{whose}", left.scopes), json!(left)))
}

/// Cuts one off.
pub async fn cut(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let agent = said(matches, "agent");
    organizations.cut_agent(&Actor::host(), meant.id, agent).await?;
    let json = json!({ "organization_id": meant.id, "agent": agent, "disconnected": true });
    Ok(Output::new(format!("{agent} is cut off"), json))
}
