//! What a team opens closes at once: rules of the operator by team, live.

use belgie_organization::{Actor, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{agent_for, enter, join, known, owned_by, seen, take_out, team_of, teams};
use crate::on_both_engines;
use crate::organization::live::{CALLS, Open, hear_of_other_tools, in_time};
use crate::support::{Agent, Connected, EventStream, LegacySession, PATIENCE, Reply, Setup, TestGateway, rpc};

const RULES: &str = "[[access]]\ntools = ['echo', 'hang']\nteams = ['red']\n\
    [[access]]\ntools = ['add']\nwhen = \"caller.teams.exists(team, team.slug == 'red' && 'lead' in team.roles)\"";

fn setup() -> Setup {
    Setup::default().with_probe().config(RULES)
}

/// Whether tools are there: one the team opens, and one its lead has.
async fn opened(agent: &Agent, url: &str, token: &str) -> [bool; 2] {
    let modern = agent.modern(url, token);
    let list = modern.send("tools/list", json!({})).await;
    let mut open = [false; 2];
    for (open, (tool, arguments)) in
        open.iter_mut().zip([("echo", json!({ "text": "here" })), ("add", json!({ "a": 1, "b": 2 }))])
    {
        let reply = modern.call(tool, arguments).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        *open = reply.body.get("error").is_none();
        let is_unknown = reply.body.to_string().contains(&format!("Unknown tool: {tool}"));
        assert_eq!(is_unknown, !*open, "as unknown as what never was: {}", reply.body);
        assert_eq!(list.tool_names().contains(&tool), *open, "{tool}");
    }
    open
}

on_both_engines! {
    async fn what_a_team_opens_is_there_and_gone_at_the_very_next_call(gateway: TestGateway, setup = setup()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        for id in [acme.id, rose.id] {
            join(&gateway, id, bob.id, "member").await;
        }
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        let elsewhere = team_of(&gateway, rose.id, "red").await.id;
        enter(&gateway, elsewhere, bob.id, "lead").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let token = agent_for(&mut browser, &agent, "", acme.id, &[]).await.0.access;
        let now = async || opened(&agent, &url, &token).await;
        assert_eq!(now().await, [false, false], "a team of another organization opens nothing here");
        enter(&gateway, blue, bob.id, "lead").await;
        assert_eq!(now().await, [false, false]);
        enter(&gateway, red, bob.id, "member").await;
        assert_eq!(now().await, [true, false]);
        let lent = teams(&gateway);
        lent.set_roles(&Actor::host(), red, bob.id, &read_roles(["lead"]).expect("roles")).await.expect("a lead");
        assert_eq!(now().await, [true, true]);
        lent.rename(&Actor::host(), red, "Crimson").await.expect("renamed");
        assert_eq!(now().await, [true, true], "a name is no rule's business");
        take_out(&gateway, red, bob.id).await;
        assert_eq!(now().await, [false, false]);
        enter(&gateway, red, bob.id, "member").await;
        assert_eq!(now().await, [true, false]);
        lent.leave(&Actor::user(bob.id), red).await.expect("left");
        assert_eq!(now().await, [false, false]);
        enter(&gateway, red, bob.id, "lead").await;
        assert_eq!(now().await, [true, true]);
        lent.delete(&Actor::host(), red).await.expect("deleted");
        assert_eq!(now().await, [false, false]);
    }
}

on_both_engines! {
    async fn whoever_comes_back_into_a_team_lets_agents_of_it_in_anew(gateway: TestGateway, setup = setup()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        for team in [red, blue] {
            enter(&gateway, team, bob.id, "member").await;
        }
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let before = agent_for(&mut browser, &agent, "org:read", acme.id, &[red, blue]).await.0.access;
        assert_eq!(opened(&agent, &url, &before).await, [true, false]);
        take_out(&gateway, red, bob.id).await;
        enter(&gateway, red, bob.id, "member").await;
        assert_eq!(opened(&agent, &url, &before).await, [false, false], "it was let in for another stay");
        let mut reached = Vec::new();
        for token in [&before, &agent_for(&mut browser, &agent, "org:read", acme.id, &[red, blue]).await.0.access] {
            let looked = agent.modern(&url, token).call("list_team_members", json!({ "team": "red" })).await;
            reached.push((opened(&agent, &url, token).await, looked.body["result"]["isError"] == json!(false)));
        }
        assert_eq!(reached, [([false, false], false), ([true, false], true)]);
    }
}

on_both_engines! {
    async fn a_new_name_is_seen_at_the_very_next_call(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, ada.id, "lead").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let token = agent_for(&mut browser, &agent, "", acme.id, &[]).await.0.access;
        let modern = agent.modern(&url, &token);
        let name = async || super::given(&modern, "whoami", json!({})).await["teams"][0]["name"].clone();
        assert_eq!(name().await, "The red");
        teams(&gateway).rename(&Actor::host(), red, "Crimson").await.expect("renamed");
        assert_eq!(name().await, "Crimson");
    }
}

async fn ends_without_a_result(call: JoinHandle<Reply>) {
    let reply = timeout(PATIENCE, call).await.expect("in time").expect("no panic");
    assert!(reply.body.get("result").is_none(), "{}", reply.body);
}

on_both_engines! {
    async fn streams_hear_of_a_team_and_calls_that_need_it_end_with_it(gateway: TestGateway, setup = setup()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let bob = known(&gateway, "bob@example.org").await;
        let eve = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let mut tokens = Vec::new();
        for (user, mut browser) in [bob.clone(), eve] {
            join(&gateway, acme.id, user.id, "member").await;
            enter(&gateway, red, user.id, "member").await;
            tokens.push(agent_for(&mut browser, &agent, "", acme.id, &[]).await.0.access);
        }
        let session = LegacySession::open(&agent.client, &url, &tokens[0]).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let modern = agent.modern(&url, &tokens[0]);
        let mut subscription = EventStream::open(modern.request("subscriptions/listen", filter)).await;
        assert!(subscription.next().await.is_some(), "it is acknowledged");
        let mut streams = [EventStream::open(session.get()).await, subscription];
        let hang = json!({ "name": "hang", "arguments": {} });
        let in_session = EventStream::open(session.post(&rpc("tools/call", hang.clone()))).await;
        gateway.probe.begun(1).await;
        let mut calls = Vec::new();
        for (number, token) in tokens.iter().enumerate() {
            let request = agent.modern(&url, token).request("tools/call", hang.clone());
            calls.push(tokio::spawn(async move { Reply::read(request.send().await.expect("an answer")).await }));
            gateway.probe.begun(number + 2).await;
        }
        let of_eve = calls.pop().expect("a call");
        let of_bob = calls.pop().expect("a call");

        take_out(&gateway, red, bob.0.id).await;
        for stream in &mut streams {
            let news = stream.next().await.expect("the stream goes on");
            assert_eq!(news["method"], "notifications/tools/list_changed");
        }
        let rest: Vec<Value> = in_session.rest().await;
        assert!(rest.iter().all(|message| message.get("result").is_none()), "{rest:?}");
        ends_without_a_result(of_bob).await;
        gateway.probe.ended(2).await;
        assert!(!of_eve.is_finished(), "she is in the team");
        assert!(seen(&modern).await.is_empty());
        teams(&gateway).delete(&Actor::host(), red).await.expect("deleted");
        ends_without_a_result(of_eve).await;
        gateway.probe.ended(3).await;
    }
}

on_both_engines! {
    async fn another_node_hears_of_it_too(gateway: TestGateway, setup = Setup::default().config(RULES)) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, bob.id, "member").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let token = agent_for(&mut browser, &agent, "", acme.id, &[]).await.0.access;
        assert_eq!(opened(&agent, &url, &token).await, [true, false]);
        let node = gateway.second_node().await;
        let lent = node.provided::<belgie_team::Teams>().expect("teams");
        lent.remove_member(&Actor::host(), red, bob.id).await.expect("out");
        let modern = agent.modern(&url, &token);
        let gone = async { while modern.call("echo", json!({ "text": "here" })).await.body.get("error").is_none() {} };
        in_time("a place in a team", gone).await;
        assert_eq!(opened(&agent, &url, &token).await, [false, false]);
        node.shutdown().await;
    }
}

on_both_engines! {
    async fn what_a_team_opens_ends_within_a_second_of_a_change_at_another_node(
        gateway: TestGateway,
        setup = Setup::default().with_probe().config("[[access]]\ntools = ['hang', 'brood']\nteams = ['red']")
    ) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        let red = team_of(&gateway, acme, "red").await.id;
        let node = gateway.second_node().await;
        let lent = node.provided::<belgie_team::Teams>().expect("teams");
        let (mut open, mut agents) = (Vec::new(), Vec::new());
        for email in ["bob@example.org", "eve@example.org"] {
            let (person, _) = known(&gateway, email).await;
            join(&gateway, acme, person.id, "member").await;
            enter(&gateway, red, person.id, "member").await;
            let agent = Connected::of(&gateway, &person, "", Some(acme)).await;
            open.push(Open::new(&gateway, &agent, open.len() * CALLS).await);
            agents.push((person, agent));
        }
        let [of_eve, of_bob] = [open.pop(), open.pop()].map(|open| open.expect("two of them"));
        let [bob, eve] = &agents[..] else { panic!("two of them") };

        lent.remove_member(&Actor::host(), red, bob.0.id).await.expect("out");
        in_time("a place in a team", async { hear_of_other_tools(&mut of_bob.calls_end().await).await }).await;
        bob.1.is_let_in().await;
        of_eve.goes_on();
        lent.delete(&Actor::host(), red).await.expect("deleted");
        in_time("a team", async { hear_of_other_tools(&mut of_eve.calls_end().await).await }).await;
        eve.1.is_let_in().await;
        gateway.probe.ended(2 * CALLS).await;
        node.shutdown().await;
    }
}
