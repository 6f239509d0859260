//! How long a change of rights takes to count: in the process that made it, and in another one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use belgie::Gateway;
use belgie::api::ports::Use;
use belgie::api::{OrgId, TeamId, UserId};
use belgie::organization::{Actor, Organizations, Roles, read_roles};
use belgie::team::{NewTeam, Teams};
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;

use super::seed::Size;
use super::server::{TEAM, TEAM_TOOL};
use super::{STRANGERS, Seeded, part, seed, server, write_config};
use crate::cell::Era;
use crate::client::Connection;
use crate::folder::Folder;
use crate::process::Process;
use crate::stats::percentile;
use crate::wire::{self, Ready, TOOL};

/// What is promised of another process, in milliseconds.
const PROMISE_MS: f64 = 1_000.0;
/// How long anything may take before the run gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many people there are to remove: an organization keeps its last owners.
const MOST: u32 = 280;
const QUICK: u32 = 4;

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How many changes of each kind are timed
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=i64::from(MOST)))]
    changes: u32,
    /// An empty database of a Postgres server, which is measured after SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Four changes of each kind, to see that everything works; fails for no number
    #[arg(long, conflicts_with = "changes")]
    quick: bool,
}

/// What changes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The role a tool asks for is taken, or given back.
    Role,
    /// The person moves from the team a tool asks for into another, or back.
    Team,
    /// The person is removed from the organization; each time another one, since their agents do not come back with them.
    Removal,
}

impl Change {
    const ALL: [Self; 3] = [Self::Role, Self::Team, Self::Removal];

    const fn label(self) -> &'static str {
        match self {
            Self::Role => "role down and up",
            Self::Team => "moved to another team and back",
            Self::Removal => "removed from the organization",
        }
    }

    const fn tool(self) -> &'static str {
        if matches!(self, Self::Team) { TEAM_TOOL } else { TOOL }
    }
}

/// What was seen of a process.
struct Seen {
    engine: &'static str,
    change: Change,
    is_own: bool,
    took_ms: Vec<f64>,
    /// Answers that did not know of a change that was made.
    late: usize,
}

/// A process that is asked.
struct Node {
    is_own: bool,
    connection: Connection,
    address: SocketAddr,
}

/// What is changed by whom.
struct Hands {
    runtime: Runtime,
    gateway: std::sync::Arc<Gateway>,
    organizations: Use<Organizations>,
    teams: Use<Teams>,
    size: Size,
}

/// Measures and prints; whether the promises are kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    let changes = if options.quick { QUICK } else { options.changes };
    let mut all = measure("SQLite", None, changes)?;
    if let Some(url) = &options.postgres {
        all.extend(measure("Postgres", Some(url), changes)?);
    }
    println!(
        "| database | change | process | changes | p50 ms | p99 ms | longest ms | answers that did not know |\n\
         |---|---|---|--:|--:|--:|--:|--:|"
    );
    for Seen { engine, change, is_own, took_ms, late } in &all {
        let of = |percent| percentile(took_ms.iter().copied(), percent);
        let (count, process) = (took_ms.len(), if *is_own { "this" } else { "another" });
        let [p50, p99, longest] = [of(50.0), of(99.0), of(100.0)];
        println!(
            "| {engine} | {} | {process} | {count} | {p50:.2} | {p99:.2} | {longest:.2} | {late} |",
            change.label()
        );
    }
    let late: usize = all.iter().filter(|seen| seen.is_own).map(|seen| seen.late).sum();
    let others = all.iter().filter(|seen| !seen.is_own).flat_map(|seen| &seen.took_ms);
    let longest = others.copied().fold(0.0, f64::max);
    let verdict = |is_kept| if is_kept { "kept" } else { "not kept" };
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    println!("| calls of the same process that do not know of a change | {late} | 0 | {} |", verdict(late == 0));
    let is_soon = longest <= PROMISE_MS;
    println!(
        "| until a change counts in another process, ms at most | {longest:.1} | {PROMISE_MS} | {} |",
        verdict(is_soon)
    );
    let seen: Vec<_> = all
        .iter()
        .map(
            |it| json!({ "database": it.engine, "change": it.change.label(), "own": it.is_own, "took_ms": it.took_ms }),
        )
        .collect();
    println!("{}", json!({ "seen": seen }));
    Ok(options.quick || late == 0 && is_soon)
}

fn measure(engine: &'static str, postgres: Option<&str>, changes: u32) -> anyhow::Result<Vec<Seen>> {
    let folder = Folder::new()?;
    let config = write_config(&folder, postgres)?;
    let size = Size { organizations: 10, users: STRANGERS, each: 1, callers: 0 };
    let runtime = Runtime::new()?;
    let Seeded { token, strangers, .. } = runtime.block_on(seed::seed(&config, size))?;
    let (address, gateway) = runtime.block_on(server::open(config.clone()))?;
    let mut other = Process::start(&mut part("serve", &config, &[]))?;
    let other_address = other.first_line()?.trim().parse().context("the other process did not start")?;
    let mut nodes = [Node::new(true, address)?, Node::new(false, other_address)?];
    let organizations = gateway.provided::<Organizations>().context("no organizations")?;
    let teams = gateway.provided::<Teams>().context("no teams")?;
    let hands = Hands { runtime, gateway, organizations, teams, size };
    let mut all = Vec::new();
    for change in Change::ALL {
        eprintln!("{engine}: {}", change.label());
        let mut seen = nodes.each_ref().map(|node| Seen::new(engine, change, node.is_own));
        match change {
            Change::Role => hands.roles(&mut nodes, &mut seen, &token, changes)?,
            Change::Team => hands.teams(&mut nodes, &mut seen, &token, changes)?,
            Change::Removal => {
                hands.removals(&mut nodes, &mut seen, strangers.get(..changes as usize).unwrap_or(&[]))?;
            }
        }
        all.extend(seen);
    }
    drop(other);
    hands.runtime.block_on(hands.gateway.shutdown());
    Ok(all)
}

impl Hands {
    fn roles(&self, nodes: &mut [Node; 2], seen: &mut [Seen; 2], token: &str, changes: u32) -> anyhow::Result<()> {
        let (user, organization) = self.person(STRANGERS - 1)?;
        for change in 0..changes {
            let is_owner = change % 2 == 1;
            let roles = roles(if is_owner { "owner" } else { "member" })?;
            time(nodes, seen, token, is_owner, || {
                let host = Actor::host();
                let done = self.organizations.set_roles(&host, organization, user, &roles);
                self.runtime
                    .block_on(done)
                    .map(drop)
                    .map_err(|failure| anyhow!("the roles were not changed: {failure}"))
            })?;
        }
        Ok(())
    }

    fn teams(&self, nodes: &mut [Node; 2], seen: &mut [Seen; 2], token: &str, changes: u32) -> anyhow::Result<()> {
        let (user, organization) = self.person(STRANGERS - 1)?;
        let (ears, eyes) = (self.team(organization, TEAM)?, self.team(organization, "eyes")?);
        self.join(ears, user)?;
        for change in 0..changes {
            let is_in = change % 2 == 1;
            let (from, to) = if is_in { (eyes, ears) } else { (ears, eyes) };
            // What the tool asks for changes last.
            let leave = || self.leave(from, user);
            if is_in {
                leave()?;
            } else {
                self.join(to, user)?;
            }
            time(nodes, seen, token, is_in, || if is_in { self.join(to, user) } else { leave() })?;
        }
        Ok(())
    }

    fn removals(&self, nodes: &mut [Node; 2], seen: &mut [Seen; 2], tokens: &[String]) -> anyhow::Result<()> {
        for (number, token) in (0..).zip(tokens) {
            let (user, organization) = self.person(number)?;
            time(nodes, seen, token, false, || {
                let host = Actor::host();
                let done = self.organizations.remove_member(&host, organization, user);
                self.runtime.block_on(done).map_err(|failure| anyhow!("person {number} was not removed: {failure}"))
            })?;
        }
        Ok(())
    }

    /// A person of this number, and the organization their token acts for.
    fn person(&self, number: u32) -> anyhow::Result<(UserId, OrgId)> {
        let (email, slug) = (format!("u{number}@example.com"), format!("o{}", self.size.first_of(number)));
        let host = self.gateway.host();
        let user = self.runtime.block_on(host.accounts().find_by_email(&email)).map_err(|error| anyhow!("{error}"))?;
        let found =
            self.runtime.block_on(self.organizations.find_by_slug(&slug)).map_err(|error| anyhow!("{error}"))?;
        Ok((user.context("no such person")?.id, found.context("no such organization")?.id))
    }

    fn team(&self, organization: OrgId, slug: &str) -> anyhow::Result<TeamId> {
        let new = NewTeam { name: slug.to_owned(), slug: Some(slug.to_owned()), lead: None };
        let actor = Actor::host();
        let made = self.runtime.block_on(self.teams.create(&actor, organization, new));
        Ok(made.map_err(|failure| anyhow!("no team: {failure}"))?.id)
    }

    fn join(&self, team: TeamId, user: UserId) -> anyhow::Result<()> {
        let done = self.runtime.block_on(self.teams.add_member(&Actor::host(), team, user, &roles("member")?));
        done.map(drop).map_err(|failure| anyhow!("not added to the team: {failure}"))
    }

    fn leave(&self, team: TeamId, user: UserId) -> anyhow::Result<()> {
        let done = self.runtime.block_on(self.teams.remove_member(&Actor::host(), team, user));
        done.map_err(|failure| anyhow!("not removed from the team: {failure}"))
    }
}

fn roles(name: &str) -> anyhow::Result<Roles> {
    read_roles([name]).map_err(|error| anyhow!("{error}"))
}

/// Makes a change after which the person is let in, or is not, and asks both processes until they know.
fn time(
    nodes: &mut [Node; 2],
    seen: &mut [Seen; 2],
    token: &str,
    is_in: bool,
    change: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // The answer before must have been the other one, or nothing was measured.
    for (node, seen) in nodes.iter_mut().zip(seen.iter()) {
        node.wait(seen.change, token, !is_in)?;
    }
    change()?;
    let begin = Instant::now();
    for (node, seen) in nodes.iter_mut().zip(seen) {
        seen.late += node.wait(seen.change, token, is_in)?;
        seen.took_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

impl Seen {
    const fn new(engine: &'static str, change: Change, is_own: bool) -> Self {
        Self { engine, change, is_own, took_ms: Vec::new(), late: 0 }
    }
}

impl Node {
    fn new(is_own: bool, address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { is_own, connection: Connection::open(address)?, address })
    }

    /// Whether the call is let through just now. A refusal must be the one that this change leads to.
    fn is_let_in(&mut self, change: Change, token: &str) -> anyhow::Result<bool> {
        let ready = Ready { address: self.address, token: Some(token.to_owned()) };
        let headers = wire::headers_for(Era::Modern, &ready, change.tool());
        let answer = self.connection.post(wire::PATH, &headers, &wire::call_for(Era::Modern, 1, change.tool()))?;
        if wire::check(&answer, 1).is_ok() {
            return Ok(true);
        }
        let is_meant = if matches!(change, Change::Removal) { answer.status == 401 } else { wire::is_unknown(&answer) };
        ensure!(is_meant, "status {}: {}", answer.status, answer.body);
        Ok(false)
    }

    /// Asks until it is so; how many answers said otherwise.
    fn wait(&mut self, change: Change, token: &str, is_in: bool) -> anyhow::Result<usize> {
        let begin = Instant::now();
        let mut late = 0;
        while self.is_let_in(change, token)? != is_in {
            ensure!(begin.elapsed() < PATIENCE, "{}: nothing changes", change.label());
            late += 1;
        }
        Ok(late)
    }
}
