//! Lists and calls agree: what is listed for somebody is refused for nothing but its arguments, and what is not is unknown to
//! whoever calls it all the same.

use std::collections::BTreeSet;

use belgie_api::TeamId;
use reqwest::Client;
use serde_json::json;

use super::answer::Answer;
use super::doors::{Ask, Names, THINGS, ask};
use super::programs::personal;
use super::setup;
use super::table::{Outcome, Part, rows};
use super::world::{OWN, Place, World};
use crate::oauth::machines::Machine;
use crate::on_both_engines;
use crate::support::{Agent, Modern, TestGateway};
use crate::team::{agent_for, enter};

/// Refusals that no other arguments would change, as these are sent.
const WHATEVER_IS_ASKED: [&str; 4] =
    ["organization.not_by_agents", "team.bound_to_teams", "client.not_yours", "client.not_allowed"];

/// Somebody who calls, and what they call about.
struct Someone {
    who: &'static str,
    token: String,
    names: Names,
}

/// Everybody: each in an organization made for them, since what they do is done.
async fn everybody(world: &World) -> Vec<Someone> {
    let (gateway, agent) = (&world.gateway, Agent::register(&world.gateway).await);
    let mut all = Vec::new();
    let whole: [(&'static str, usize, bool); 8] = [
        ("the owner's agent", 0, false),
        ("the owner's agent for a team", 0, true),
        ("an administrator's agent", 1, false),
        ("an administrator's agent for a team", 1, true),
        ("a lead's agent", 2, false),
        ("a lead's agent for the team", 2, true),
        ("a mate's agent", 3, false),
        ("a mate's agent for the team", 3, true),
    ];
    let made = async |case: usize| -> Place { world.scratch(0, 0, 900 + case, &THINGS.into()).await };
    for (case, (who, person, is_for_team)) in whole.into_iter().enumerate() {
        let place = made(case).await;
        let names = place.names[0].clone();
        let team: TeamId = names.of("team id").parse().expect("an id");
        if person < 2 {
            enter(gateway, team, place.person(person), "member").await;
        }
        let chosen: &[TeamId] = if is_for_team { &[team] } else { &[] };
        let browser = &mut world.people[person].browser.clone();
        let token = agent_for(browser, &agent, OWN, place.id, chosen).await.0.access;
        all.push(Someone { who, token, names });
    }
    let place = made(8).await;
    all.push(Someone { who: "a service", token: place.service.clone(), names: place.names[0].clone() });
    let names = made(9).await.names[0].clone();
    let token = personal(world.owner(0), OWN, Some(&names)).await;
    all.push(Someone { who: "the owner's own token", token, names });
    let names = made(10).await.names[0].clone();
    let token = personal(world.owner(0), OWN, None).await;
    all.push(Someone { who: "a person's own token", token, names: names.clone() });
    let machine = Machine::made(gateway, &["--machine", "--scope", OWN]).await;
    all.push(Someone { who: "a machine", token: machine.token(&[]).await, names });
    all
}

on_both_engines! {
    async fn what_is_listed_is_refused_for_nothing_but_its_arguments_and_the_rest_is_unknown(
        gateway: TestGateway,
        setup = setup()
    ) {
        let world = World::new(gateway).await;
        let (client, url, mut wrong) = (Client::new(), world.gateway.mcp_url(), Vec::new());
        for Someone { who, token, names } in everybody(&world).await {
            let modern = Modern { client: &client, url: &url, token: Some(&token) };
            let listed = modern.send("tools/list", json!({})).await;
            let listed: BTreeSet<&str> = listed.tool_names().into_iter().collect();
            for row in rows(Part::Tools) {
                let request = ask(row.door, &names, 0);
                let Ask::Tool(tool, arguments) = &request else { panic!("no tool: {request:?}") };
                let params = json!({ "name": tool, "arguments": arguments });
                let sent = modern.request("tools/call", params).send().await.expect("the gateway answers");
                let answer = Answer::read(sent).await;
                let is_unknown = answer.comes_to(&request) == Outcome::Hidden;
                let is_refused = WHATEVER_IS_ASKED.iter().any(|code| answer.body.contains(code));
                if is_unknown == listed.contains(tool.as_str()) || is_refused {
                    wrong.push(format!("{who}, {tool}, listed {}: {}", !is_unknown, answer.body));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn what_the_table_refuses_a_member_depends_on_the_team_they_name() {
    for row in rows(Part::Tools).iter().filter(|row| !row.is_of_team()) {
        for column in ["owner", "admin", "lead", "mate", "other", "service", "alone", "chosen"] {
            assert_ne!(row.expected(column), Outcome::Forbidden, "{}: {column}", row.door);
        }
    }
}
