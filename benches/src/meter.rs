//! What it costs to hold a call against a plan and to count it on a meter, beside the same call without either.

pub mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use crate::cell::Era;
use crate::client::Connection;
use crate::folder::Folder;
use crate::load;
use crate::process::{Process, SERVER_CORE};
use crate::run::is_there;
use crate::stats::{median, percentile};
use crate::wire::{self, Ready};

/// What counting may add to a call on SQLite, in microseconds: the median, on one connection.
const PROMISE_SQLITE_US: f64 = 150.0;
/// The same on Postgres.
const PROMISE_POSTGRES_US: f64 = 1_000.0;
/// How many call at a time when everybody is counted on one meter of one account.
const CONNECTIONS: [usize; 4] = [1, 4, 16, 64];

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How many pairs of calls are timed in each round
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    calls: u32,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each cell with several connections is loaded
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// An empty database of a Postgres server, which is measured after SQLite
    #[arg(long, value_name = "URL", requires = "postgres_plain")]
    postgres: Option<String>,
    /// Another one, for the gateway that counts nothing
    #[arg(long, value_name = "URL")]
    postgres_plain: Option<String>,
}

/// A gateway that is asked.
struct Subject {
    ready: Ready,
    connection: Connection,
    folder: Folder,
    _process: Process,
}

/// Measures and prints; whether the promises are kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    ensure!(available_parallelism()?.get() >= 2, "servers and load need a core each");
    ensure!(is_there("wrk") && is_there("taskset"), "wrk and taskset (util-linux) must be installed");
    let sqlite = measure("SQLite (WAL, synchronous = NORMAL)", (None, None), options)?;
    let mut promises = vec![("SQLite", sqlite, PROMISE_SQLITE_US)];
    if let (Some(counted), Some(plain)) = (&options.postgres, &options.postgres_plain) {
        let label = format!("Postgres ({})", server::commits(counted)?);
        promises.push(("Postgres", measure(&label, (Some(counted), Some(plain)), options)?, PROMISE_POSTGRES_US));
    }
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    for (engine, added, bound) in &promises {
        let verdict = if added <= bound { "kept" } else { "not kept" };
        println!("| {engine}: what counting adds to a call, p50 us at most | {added:.0} | {bound} | {verdict} |");
    }
    Ok(promises.iter().all(|(_, added, bound)| added <= bound))
}

fn measure(label: &str, databases: (Option<&str>, Option<&str>), options: &Options) -> anyhow::Result<f64> {
    let mut counted = Subject::start(true, databases.0)?;
    let mut plain = Subject::start(false, databases.1)?;
    let mut added = Vec::new();
    let (mut p50_counted, mut p50_plain) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for id in 1..=options.calls as usize {
            with.push(counted.ask(id)?);
            without.push(plain.ask(id)?);
        }
        // The first one warms up.
        if round > 0 {
            let (with, without) = (percentile(with, 50.0), percentile(without, 50.0));
            added.push(with - without);
            p50_counted.push(with);
            p50_plain.push(without);
        }
    }
    println!("\n{label}\n\n| connections | | requests/s | p50 us | p99 us |\n|--:|---|--:|--:|--:|");
    println!("| 1, in turns | counted | | {:.0} | |", median(p50_counted));
    println!("| 1, in turns | plain | | {:.0} | |", median(p50_plain));
    let mut samples = Vec::new();
    for connections in CONNECTIONS {
        for (name, subject) in [("counted", &counted), ("plain", &plain)] {
            let url = format!("http://{}{}", subject.ready.address, wire::PATH);
            let script = subject.folder.path().join("calls.lua");
            let (seen, ()) = load::run(&script, &url, connections, options.seconds, || Ok(()))?;
            #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
            let per_second = seen.requests as f64 / seen.duration * 1e6;
            println!("| {connections} | {name} | {per_second:.0} | {:.0} | {:.0} |", seen.p50, seen.p99);
            samples
                .push(json!({ "connections": connections, "what": name, "per_second": per_second, "p50": seen.p50 }));
        }
    }
    println!("{}", json!({ "engine": label, "added_us": added, "cells": samples }));
    Ok(median(added))
}

impl Subject {
    fn start(is_counted: bool, postgres: Option<&str>) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let config = server::write_config(&folder, is_counted, postgres)?;
        let output = part("prepare", &config, &[]).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "no account and token were made");
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        let mut process = Process::start(&mut part("serve", &config, &["taskset", "-c", SERVER_CORE]))?;
        let address = process.first_line()?.trim().parse().context("the gateway did not start")?;
        let ready = Ready { address, token: Some(token) };
        load::write_script(&folder.path().join("calls.lua"), Era::Modern, &ready, &[None])?;
        Ok(Self { connection: Connection::open(address)?, ready, folder, _process: process })
    }

    /// One call, in microseconds.
    fn ask(&mut self, id: usize) -> anyhow::Result<f64> {
        let (headers, body) = (wire::headers(Era::Modern, &self.ready), wire::call(Era::Modern, id));
        let begin = std::time::Instant::now();
        let answer = self.connection.post(wire::PATH, &headers, &body)?;
        let took = begin.elapsed();
        wire::check(&answer, id)?;
        Ok(took.as_secs_f64() * 1e6)
    }
}

fn part(name: &str, config: &Path, runner: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("belgie-bench"));
    let mut command = match runner.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(own);
            command
        }
        None => Command::new(own),
    };
    command.arg("meter-part").arg(name).arg(config);
    command
}
