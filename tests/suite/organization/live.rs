//! What becomes of what is open when somebody stops being something in an organization: streams and calls, in both eras.

use std::time::Duration;

use belgie_organization::Organizations;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Actor, join, known, organizations, owned_by, read_roles};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, PATIENCE, Reply, Setup, TestGateway, rpc};

/// The tools that never end are for administrators.
fn setup() -> Setup {
    Setup::default().with_probe().config("[[access]]\ntools = ['hang', 'brood']\nroles = ['admin']")
}

/// Everything an agent can have open: a stream of each era, and calls that run, in each era one of a tool that may talk to its
/// client and one of a tool that does not.
pub struct Open {
    streams: Vec<EventStream>,
    hanging: EventStream,
    calls: Vec<JoinHandle<Reply>>,
}

/// How many calls run for each.
pub const CALLS: usize = 4;

/// Within what other nodes hear of a change.
pub const PROMISED: Duration = Duration::from_secs(1);

/// The news that the list of tools is another, and nothing else, on each of these streams.
pub async fn hear_of_other_tools(streams: &mut [EventStream]) {
    for stream in streams {
        let news = stream.next().await.expect("the stream goes on");
        assert_eq!(news["method"], "notifications/tools/list_changed");
    }
}

/// Waits for what another node has caused, no longer than was promised.
pub async fn in_time<T>(what: &str, caused: impl Future<Output = T>) -> T {
    timeout(PROMISED, caused).await.unwrap_or_else(|_| panic!("{what}: more than {PROMISED:?} later"))
}

impl Open {
    pub async fn new(gateway: &TestGateway, agent: &Connected, before: usize) -> Self {
        let params = |tool: &str| json!({ "name": tool, "arguments": {} });
        let (session, quiet) = (agent.session().await, agent.session().await);
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut subscription = EventStream::open(agent.modern().request("subscriptions/listen", filter)).await;
        assert!(subscription.next().await.is_some(), "it is acknowledged");
        let streams = vec![EventStream::open(session.get()).await, subscription];
        let hanging = EventStream::open(session.post(&rpc("tools/call", params("hang")))).await;
        gateway.probe.begun(before + 1).await;
        let requests = [
            quiet.post(&rpc("tools/call", params("brood"))),
            agent.modern().request("tools/call", params("hang")),
            agent.modern().request("tools/call", params("brood")),
        ];
        let mut calls = Vec::new();
        for (number, request) in requests.into_iter().enumerate() {
            calls.push(tokio::spawn(async move { Reply::read(request.send().await.expect("an answer")).await }));
            gateway.probe.begun(before + 2 + number).await;
        }
        Self { streams, hanging, calls }
    }

    /// Its calls have ended, and none with a result; its streams go on and are given back.
    pub async fn calls_end(self) -> Vec<EventStream> {
        let rest: Vec<Value> = self.hanging.rest().await;
        assert!(rest.iter().all(|message| message.get("result").is_none()), "{rest:?}");
        for call in self.calls {
            let reply = timeout(PATIENCE, call).await.expect("in time").expect("no panic");
            assert!(reply.body.get("result").is_none(), "{}", reply.body);
        }
        self.streams
    }

    /// All of it has ended.
    pub async fn ends(self) {
        for stream in self.calls_end().await {
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
        }
    }

    /// Its streams hear that the list of tools is another.
    pub async fn hears_of_other_tools(&mut self) {
        hear_of_other_tools(&mut self.streams).await;
    }

    /// Its calls, which are told to end, end with a result.
    pub async fn comes_to_its_end(self) {
        let rest: Vec<Value> = self.hanging.rest().await;
        assert!(rest.iter().any(|message| message.get("result").is_some()), "{rest:?}");
        for call in self.calls {
            let reply = timeout(PATIENCE, call).await.expect("in time").expect("no panic");
            assert!(reply.body.get("result").is_some(), "{}", reply.body);
        }
    }

    pub fn goes_on(&self) {
        assert!(self.calls.iter().all(|call| !call.is_finished()), "nothing has happened to her");
    }
}

on_both_engines! {
    async fn what_is_open_ends_with_the_role_the_membership_and_the_organization(gateway: TestGateway, setup = setup()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let (cleo, _) = known(&gateway, "cleo@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        let mut open = Vec::new();
        let mut agents = Vec::new();
        for person in [&bob, &cleo, &eve] {
            join(&gateway, acme, person.id, "admin").await;
            let agent = Connected::of(&gateway, person, "", Some(acme)).await;
            open.push(Open::new(&gateway, &agent, open.len() * CALLS).await);
            agents.push(agent);
        }
        let [of_eve, of_cleo, of_bob] = [open.pop(), open.pop(), open.pop()].map(|open| open.expect("three of them"));
        let [of_bob_agent, of_cleo_agent, of_eve_agent] = &agents[..] else { panic!("three of them") };

        // Role down: what needs it ends, the rest hears that its list has changed.
        let member = read_roles(["member"]).expect("roles");
        organizations(&gateway).set_roles(&Actor::host(), acme, bob.id, &member).await.expect("set");
        hear_of_other_tools(&mut of_bob.calls_end().await).await;
        of_bob_agent.is_let_in().await;
        for tool in ["hang", "brood"] {
            let reply = of_bob_agent.modern().call(tool, json!({})).await;
            assert!(reply.body.to_string().contains("Unknown tool"), "{}", reply.body);
        }
        of_cleo.goes_on();

        // The membership: everything ends.
        organizations(&gateway).remove_member(&Actor::host(), acme, cleo.id).await.expect("removed");
        of_cleo.ends().await;
        of_cleo_agent.is_refused().await;
        of_eve.goes_on();
        of_eve_agent.is_let_in().await;

        // The organization.
        organizations(&gateway).delete(&Actor::host(), acme).await.expect("deleted");
        of_eve.ends().await;
        of_eve_agent.is_refused().await;
        of_bob_agent.is_refused().await;
        gateway.probe.ended(3 * CALLS).await;
    }
}

on_both_engines! {
    async fn a_gateway_that_ends_lets_nothing_run_on_without_the_role_it_needs(gateway: TestGateway, setup = setup().server("shutdown_grace_seconds = 30")) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        join(&gateway, acme, bob.id, "admin").await;
        let agent = Connected::of(&gateway, &bob, "", Some(acme)).await;
        let open = Open::new(&gateway, &agent, 0).await;
        gateway.gateway.stopper().cancel();
        gateway.probe.ended(0).await;
        let member = read_roles(["member"]).expect("roles");
        organizations(&gateway).set_roles(&Actor::host(), acme, bob.id, &member).await.expect("set");
        open.ends().await;
        gateway.probe.ended(CALLS).await;
        gateway.gateway.shutdown().await;
    }
}

on_both_engines! {
    async fn what_is_open_ends_within_a_second_of_a_change_at_another_node(gateway: TestGateway, setup = setup()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        let node = gateway.second_node().await;
        let lent = node.provided::<Organizations>().expect("organizations");
        let mut open = Vec::new();
        let mut agents = Vec::new();
        for email in ["bob@example.org", "cleo@example.org", "eve@example.org"] {
            let (person, _) = known(&gateway, email).await;
            join(&gateway, acme, person.id, "admin").await;
            let agent = Connected::of(&gateway, &person, "", Some(acme)).await;
            open.push(Open::new(&gateway, &agent, open.len() * CALLS).await);
            agents.push((person, agent));
        }
        let [of_eve, of_cleo, of_bob] = [open.pop(), open.pop(), open.pop()].map(|open| open.expect("three of them"));
        let [bob, cleo, eve] = &agents[..] else { panic!("three of them") };

        let member = read_roles(["member"]).expect("roles");
        lent.set_roles(&Actor::host(), acme, bob.0.id, &member).await.expect("set");
        in_time("a role", async { hear_of_other_tools(&mut of_bob.calls_end().await).await }).await;
        bob.1.is_let_in().await;
        of_cleo.goes_on();

        lent.remove_member(&Actor::host(), acme, cleo.0.id).await.expect("removed");
        in_time("a membership", of_cleo.ends()).await;
        cleo.1.is_refused().await;
        of_eve.goes_on();

        lent.delete(&Actor::host(), acme).await.expect("deleted");
        in_time("an organization", of_eve.ends()).await;
        eve.1.is_refused().await;
        gateway.probe.ended(3 * CALLS).await;
        node.shutdown().await;
    }
}

/// The tools that never end are for whoever may write notes.
fn by_permission() -> Setup {
    let rules = "[plugins.organization]\npermissions = ['notes:write']\n\
        [[access]]\ntools = ['hang', 'brood']\npermissions = ['notes:write']";
    Setup::default().with_probe().config(rules)
}

on_both_engines! {
    async fn a_role_that_changes_tells_lists_and_ends_what_it_allows_no_more(gateway: TestGateway, setup = by_permission()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await.id;
        let (here, node) = (organizations(&gateway), gateway.second_node().await);
        let there = node.provided::<Organizations>().expect("organizations");
        let (host, clerk) = (Actor::host(), "clerk".parse().expect("a role"));
        let (less, more) = (|| vec!["member:read".to_owned()], || vec!["member:read".to_owned(), "notes:write".to_owned()]);
        here.create_role(&host, acme, &clerk, more()).await.expect("a role");
        join(&gateway, acme, bob.id, "clerk").await;
        let agent = Connected::of(&gateway, &bob, "", Some(acme)).await;
        let of_ada = Connected::of(&gateway, &ada, "", Some(acme)).await;
        let beside = Open::new(&gateway, &of_ada, 0).await;
        let listed = async || {
            let reply = agent.modern().send("tools/list", json!({})).await;
            ["hang", "brood"].map(|tool| reply.tool_names().contains(&tool))
        };
        for (round, (name, lent)) in [("here", &here), ("at another node", &there)].into_iter().enumerate() {
            let open = Open::new(&gateway, &agent, (round + 1) * CALLS).await;
            assert_eq!(listed().await, [true, true], "{name}");
            lent.update_role(&host, acme, &clerk, less()).await.expect("less");
            let mut streams = in_time(name, async {
                let mut streams = open.calls_end().await;
                hear_of_other_tools(&mut streams).await;
                streams
            }).await;
            assert_eq!(listed().await, [false, false], "{name}");
            let reply = agent.modern().call("hang", json!({})).await;
            assert!(reply.body.to_string().contains("Unknown tool"), "{name}: {}", reply.body);
            // And back: what is open hears of that as well.
            lent.update_role(&host, acme, &clerk, more()).await.expect("more");
            in_time(name, hear_of_other_tools(&mut streams)).await;
            assert_eq!(listed().await, [true, true], "{name}");
            beside.goes_on();
        }
        gateway.probe.ended(2 * CALLS).await;
        node.shutdown().await;
    }
}
