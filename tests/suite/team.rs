//! Teams of organizations: what people, programs, agents and the operator do with them.

mod agents;
mod authorization;
mod command_line;
mod consent;
mod invitations;
mod life;
mod limits;
mod live;
mod pages;
mod program;
mod stays;

use belgie_api::ports::Use;
use belgie_api::{OrgId, TeamId, UserId};
use belgie_organization::{Actor, read_roles};
use belgie_team::{NewTeam, TeamRecord, Teams};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::organization::{done, invitation, join, known, organizations, owned_by, read, refused};
use crate::support::{Agent, Browser, Modern, TestGateway, Tokens};

/// What applications are lent.
pub fn teams(gateway: &TestGateway) -> Use<Teams> {
    gateway.gateway.provided::<Teams>().expect("teams")
}

/// A team of an organization, with nobody in it.
pub async fn team_of(gateway: &TestGateway, organization: OrgId, slug: &str) -> TeamRecord {
    let new = NewTeam { name: format!("The {slug}"), slug: Some(slug.to_owned()), lead: None };
    teams(gateway).create(&Actor::host(), organization, new).await.expect("a team")
}

/// Puts somebody of the organization into a team.
pub async fn enter(gateway: &TestGateway, team: TeamId, user: UserId, roles: &str) {
    let roles = read_roles([roles]).expect("roles");
    teams(gateway).add_member(&Actor::host(), team, user, &roles).await.expect("a member");
}

/// Takes somebody out of a team.
pub async fn take_out(gateway: &TestGateway, team: TeamId, user: UserId) {
    teams(gateway).remove_member(&Actor::host(), team, user).await.expect("out");
}

/// The address of an endpoint of a team.
fn at(organization: &str, team: &str, act: &str) -> String {
    format!("/auth/organization/{organization}/teams/{team}{act}")
}

/// The addresses of those in a team, with their roles.
async fn who_is_in(gateway: &TestGateway, team: TeamId) -> Vec<(String, String)> {
    let members = teams(gateway).members(&Actor::host(), team, 0).await.expect("members");
    let words =
        |roles: &belgie_organization::Roles| roles.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    members.into_iter().map(|info| (info.email, words(&info.member.roles))).collect()
}

/// Lets an agent act for an organization and these teams of it; none for all. Gives what the token endpoint said, too.
pub async fn agent_for(
    browser: &mut Browser,
    agent: &Agent,
    scope: &str,
    organization: OrgId,
    chosen: &[TeamId],
) -> (Tokens, Value) {
    let page = browser.get(&agent.authorize_url(&agent.authorization(scope))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let organization = organization.to_string();
    let chosen: Vec<String> = chosen.iter().map(|team| format!("team.{team}")).collect();
    let mut fields = vec![("decision", "allow"), ("organization", organization.as_str())];
    fields.extend(chosen.iter().map(|field| (field.as_str(), organization.as_str())));
    let answer = browser.submit(&page.form("/authorize"), &fields).await;
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
    let reply = agent.redeem(&code).await;
    (Tokens::of(&reply), reply.body)
}

/// What a tool gave.
async fn given(modern: &Modern<'_>, tool: &str, arguments: Value) -> Value {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.status, StatusCode::OK, "{tool}: {}", reply.body);
    assert_ne!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    assert!(reply.body["error"].is_null(), "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"].clone()
}

/// The code a tool refused with.
async fn denied(modern: &Modern<'_>, tool: &str, arguments: Value) -> String {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"]["error"].as_str().unwrap_or_default().to_owned()
}

/// The slugs of the teams a tool sees.
async fn seen(modern: &Modern<'_>) -> Vec<String> {
    let caller = given(modern, "whoami", json!({})).await;
    let teams = caller["teams"].as_array().cloned().unwrap_or_default();
    teams.iter().filter_map(|team| team["slug"].as_str().map(str::to_owned)).collect()
}
