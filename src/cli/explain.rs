//! `belgie explain`: whether somebody may call a tool, and why.

use belgie_api::Result;
use belgie_api::command::Output;

use super::args::ExplainArgs;
use crate::access::Question;
use crate::gateway::Gateway;

/// Asks the gateway itself.
pub async fn explain(gateway: &Gateway, asked: ExplainArgs) -> Result<Output> {
    let ExplainArgs { user, org, teams, client, scopes, tool, arguments, demo_tools: _ } = asked;
    let question = Question {
        user,
        organization: org,
        teams,
        client,
        scopes: scopes.as_deref().map(Question::read_scopes).transpose()?,
        tool,
        arguments: arguments.as_deref().map(Question::read_arguments).transpose()?,
    };
    Ok(gateway.explain(&question).await?.output())
}
