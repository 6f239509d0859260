//! One refresh token in many hands at two processes on one database, of which one is killed in the middle, again and again.
//! Everybody must be handed one pair, whether at once or at the retry, and it must be the only one that there is.

pub mod seed;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use belgie::api::TokenHash;
use clap::Args;
use serde_json::Value;

use self::seed::World;
use crate::client::Connection;
use crate::folder::Folder;
use crate::process::Process;
use crate::stats::percentile;

/// The first kills come within so many microseconds; a refresh takes some thousands.
const LATEST_KILL_US: u32 = 40_000;

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How often a process is killed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// How many ask each of the two processes at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=512))]
    callers: u32,
    /// Where the sequence of moments begins
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// An empty database of a Postgres server, which takes its turn after SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// The pair somebody was handed.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    access: String,
    refresh: String,
}

/// What became of one caller.
struct Outcome {
    pair: Pair,
    was_cut_off: bool,
    took: Duration,
}

/// What is added up over all rounds.
#[derive(Default)]
struct Sums {
    at_once: usize,
    at_retry: usize,
    microseconds: Vec<f64>,
}

/// Races and counts; whether everything agrees.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    println!(
        "| database | kills | callers each time | answered at once | at the retry | successors | p50 us | p99 us | theft ends the family |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|"
    );
    let mut is_kept = one("SQLite", None, options)?;
    if let Some(url) = &options.postgres {
        is_kept &= one("Postgres", Some(url), options)?;
    }
    Ok(is_kept)
}

fn one(engine: &str, postgres: Option<&str>, options: &Options) -> anyhow::Result<bool> {
    let folder = Folder::new()?;
    let config = seed::write_config(&folder, postgres)?;
    let world = World::make(&config)?;
    let survivor = Served::start(&config)?;
    let (mut sums, mut number) = (Sums::default(), options.seed);
    let (mut token, mut spent) = (world.refresh.clone(), String::new());
    for round in 0..options.rounds {
        let victim = Served::start(&config)?;
        let moment = Duration::from_micros(u64::from(next(&mut number) % LATEST_KILL_US));
        let outcomes = race(&world, victim, survivor.address, &token, options.callers, moment)
            .with_context(|| format!("round {round}, killed after {moment:?}"))?;
        let pair = outcomes.first().context("nobody asked")?.pair.clone();
        ensure!(outcomes.iter().all(|outcome| outcome.pair == pair), "round {round}: two pairs");
        ensure!(world.count_successors(TokenHash::of(&token))? == 1, "round {round}: not one successor");
        for outcome in &outcomes {
            if outcome.was_cut_off {
                sums.at_retry += 1;
            } else {
                sums.at_once += 1;
            }
            sums.microseconds.push(outcome.took.as_secs_f64() * 1e6);
        }
        spent = std::mem::replace(&mut token, pair.refresh);
        if round % 25 == 24 {
            eprintln!("{engine}: killed {} times", round + 1);
        }
    }
    let ends = theft_ends_the_family(&world, survivor.address, &token, &spent)?;
    let successors = world.count_all_successors()?;
    let expected = i64::from(options.rounds) + 1;
    println!(
        "| {engine} | {} | {} | {} | {} | {successors} | {:.0} | {:.0} | {} |",
        options.rounds,
        2 * options.callers,
        sums.at_once,
        sums.at_retry,
        percentile(sums.microseconds.iter().copied(), 50.0),
        percentile(sums.microseconds.iter().copied(), 99.0),
        if ends { "yes" } else { "NO" },
    );
    survivor.process.kill()?;
    Ok(ends && successors == expected)
}

/// Everybody asks at the same moment; the victim is killed a moment later.
fn race(
    world: &World,
    victim: Served,
    survivor: SocketAddr,
    token: &str,
    callers: u32,
    moment: Duration,
) -> anyhow::Result<Vec<Outcome>> {
    let everybody = Arc::new(Barrier::new(2 * callers as usize + 1));
    let threads: Vec<_> = (0..2 * callers)
        .map(|number| {
            let address = if number % 2 == 0 { victim.address } else { survivor };
            let (everybody, form) = (Arc::clone(&everybody), world.form(token));
            thread::spawn(move || {
                let connection = Connection::open(address);
                everybody.wait();
                insist(connection, survivor, &form)
            })
        })
        .collect();
    everybody.wait();
    thread::sleep(moment);
    victim.process.kill()?;
    threads.into_iter().map(|caller| caller.join().unwrap_or_else(|_| bail!("a caller panicked"))).collect()
}

/// A try, and another at the process that survives, if the first was cut off.
fn insist(connection: anyhow::Result<Connection>, survivor: SocketAddr, form: &str) -> anyhow::Result<Outcome> {
    let begin = Instant::now();
    let first = connection.and_then(|mut connection| ask(&mut connection, form));
    if let Ok((status, body)) = first {
        return Ok(Outcome { pair: read(status, &body)?, was_cut_off: false, took: begin.elapsed() });
    }
    let (status, body) = ask(&mut Connection::open(survivor)?, form)?;
    Ok(Outcome { pair: read(status, &body)?, was_cut_off: true, took: begin.elapsed() })
}

fn ask(connection: &mut Connection, form: &str) -> anyhow::Result<(u16, Value)> {
    let headers = [("Content-Type", "application/x-www-form-urlencoded".to_owned())];
    let answer = connection.post("/token", &headers, form)?;
    Ok((answer.status, serde_json::from_str(&answer.body)?))
}

fn read(status: u16, body: &Value) -> anyhow::Result<Pair> {
    ensure!(status == 200, "status {status}: {body}");
    let text = |name: &str| body[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    Ok(Pair { access: text("access_token")?, refresh: text("refresh_token")? })
}

/// The owner goes on; then a thief comes with what was spent before, and nobody has anything any more.
fn theft_ends_the_family(world: &World, address: SocketAddr, token: &str, spent: &str) -> anyhow::Result<bool> {
    let mut connection = Connection::open(address)?;
    let (status, body) = ask(&mut connection, &world.form(token))?;
    let last = read(status, &body)?;
    let (thief, _) = ask(&mut connection, &world.form(spent))?;
    let (owner, _) = ask(&mut connection, &world.form(&last.refresh))?;
    Ok((thief, owner) == (400, 400))
}

/// The program, serving.
struct Served {
    process: Process,
    address: SocketAddr,
}

impl Served {
    fn start(config: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("belgie-bench"));
        let mut command = Command::new(own);
        command.args(["belgie", "serve", "--json", "--config"]).arg(config).stderr(Stdio::null());
        let mut process = Process::start(&mut command)?;
        let said: Value = serde_json::from_str(&process.first_line()?).context("the program did not start")?;
        let address = said["listening"].as_str().context("no address")?.parse()?;
        Ok(Self { process, address })
    }
}

/// Small steps of a fixed sequence (Numerical Recipes).
fn next(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 8
}
