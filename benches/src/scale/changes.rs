//! How long a change of rights takes to count: in the process that made it, and in another one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use belgie::Gateway;
use belgie::api::{OrgId, UserId};
use belgie::organization::{Actor, Organizations, read_roles};
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;

use super::seed::Size;
use super::{STRANGERS, Seeded, part, seed, server, write_config};
use crate::client::Connection;
use crate::folder::Folder;
use crate::process::Process;
use crate::stats::percentile;
use crate::wire::{self, Ready};

/// What is promised of another process, in milliseconds.
const PROMISE_MS: f64 = 1_000.0;
/// How long anything may take before the run gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How many changes are timed for each process
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    changes: u32,
    /// An empty database of a Postgres server, which is measured after SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// A process that is asked.
struct Node {
    label: String,
    connection: Connection,
    ready: Ready,
    took_ms: Vec<f64>,
}

/// Measures and prints; whether the promise is kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    println!("| database | process | changes | p50 ms | p99 ms | longest ms |\n|---|---|--:|--:|--:|--:|");
    let mut all = measure("SQLite", None, options.changes)?;
    if let Some(url) = &options.postgres {
        all.extend(measure("Postgres", Some(url), options.changes)?);
    }
    let longest = all.iter().flat_map(|node| &node.took_ms).copied().fold(0.0, f64::max);
    let is_kept = longest <= PROMISE_MS;
    let verdict = if is_kept { "kept" } else { "not kept" };
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    println!("| a change counts everywhere, ms at most | {longest:.1} | {PROMISE_MS} | {verdict} |");
    let nodes: Vec<_> = all.iter().map(|node| json!({ "node": node.label, "took_ms": node.took_ms })).collect();
    println!("{}", json!({ "nodes": nodes }));
    Ok(is_kept)
}

fn measure(engine: &str, postgres: Option<&str>, changes: u32) -> anyhow::Result<Vec<Node>> {
    let folder = Folder::new()?;
    let config = write_config(&folder, postgres)?;
    let size = Size { organizations: 10, users: STRANGERS, each: 1 };
    let runtime = Runtime::new()?;
    let Seeded { token, .. } = runtime.block_on(seed::seed(&config, size))?;
    let (address, gateway) = runtime.block_on(server::open(config.clone()))?;
    let mut other = Process::start(&mut part("serve", &config, &[]))?;
    let other_address = other.first_line()?.trim().parse().context("the other process did not start")?;
    let mut nodes = [
        Node::new(format!("{engine}, this process"), address, &token)?,
        Node::new(format!("{engine}, another process"), other_address, &token)?,
    ];
    let (user, organization) = runtime.block_on(caller(&gateway, size))?;
    let organizations = gateway.provided::<Organizations>().context("no organizations")?;
    for change in 0..changes {
        let is_owner = change % 2 == 1;
        for node in &mut nodes {
            node.wait(!is_owner)?;
        }
        let roles = read_roles([if is_owner { "owner" } else { "member" }]).map_err(|error| anyhow!("{error}"))?;
        runtime
            .block_on(organizations.set_roles(&Actor::host(), organization, user, &roles))
            .map_err(|failure| anyhow!("the roles were not changed: {failure}"))?;
        let begin = Instant::now();
        for node in &mut nodes {
            node.time(begin, is_owner)?;
        }
    }
    for node in &nodes {
        let of = |percent| percentile(node.took_ms.iter().copied(), percent);
        let (engine, process) = node.label.split_once(", ").unwrap_or_default();
        println!("| {engine} | {process} | {changes} | {:.2} | {:.2} | {:.2} |", of(50.0), of(99.0), of(100.0));
    }
    drop(other);
    runtime.block_on(gateway.shutdown());
    Ok(nodes.into())
}

/// Whose rights are changed: the person of the counted token.
async fn caller(gateway: &Gateway, size: Size) -> anyhow::Result<(UserId, OrgId)> {
    let number = STRANGERS - 1;
    let accounts = gateway.host().accounts();
    let user = accounts.find_by_email(&format!("u{number}@example.com")).await.map_err(|error| anyhow!("{error}"))?;
    let organizations = gateway.provided::<Organizations>().context("no organizations")?;
    let slug = format!("o{}", size.first_of(number));
    let organization = organizations.find_by_slug(&slug).await.map_err(|error| anyhow!("{error}"))?;
    Ok((user.context("no such person")?.id, organization.context("no such organization")?.id))
}

impl Node {
    fn new(label: String, address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let ready = Ready { address, token: Some(token.to_owned()) };
        Ok(Self { label, connection: Connection::open(address)?, ready, took_ms: Vec::new() })
    }

    /// Whether the call is let through just now.
    fn is_let_in(&mut self) -> anyhow::Result<bool> {
        let answer = self.connection.post(
            wire::PATH,
            &wire::headers(crate::cell::Era::Modern, &self.ready),
            &wire::call(crate::cell::Era::Modern, 1),
        )?;
        ensure!(answer.status == 200, "status {}: {}", answer.status, answer.body);
        Ok(wire::check(&answer, 1).is_ok())
    }

    /// Asks until it is so; the answer before the change must have been another one, or nothing was measured.
    fn wait(&mut self, is_in: bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        while self.is_let_in()? != is_in {
            ensure!(begin.elapsed() < PATIENCE, "{}: nothing changes", self.label);
        }
        Ok(())
    }

    /// Until the first answer that knows of the change.
    fn time(&mut self, begin: Instant, is_in: bool) -> anyhow::Result<()> {
        self.wait(is_in)?;
        self.took_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }
}
