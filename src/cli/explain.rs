//! `belgie explain`: whether somebody may call a tool, get a prompt or read a resource, and why.

use belgie_api::Result;
use belgie_api::command::Output;

use super::args::ExplainArgs;
use crate::access::{Question, Thing};
use crate::gateway::Gateway;

/// Asks the gateway itself.
pub async fn explain(gateway: &Gateway, asked: ExplainArgs) -> Result<Output> {
    let ExplainArgs { user, org, teams, client, scopes, tool, prompt, resource, arguments, demo_tools: _ } = asked;
    let named = [(Thing::Tool, tool), (Thing::Prompt, prompt), (Thing::Resource, resource)];
    let named = named.into_iter().find_map(|(thing, name)| Some((thing, name?)));
    let (thing, name) = named.unwrap_or_default();
    let question = Question {
        user,
        organization: org,
        teams,
        client,
        scopes: scopes.as_deref().map(Question::read_scopes).transpose()?,
        thing,
        name,
        arguments: arguments.as_deref().map(Question::read_arguments).transpose()?,
    };
    Ok(gateway.explain(&question).await?.output())
}
