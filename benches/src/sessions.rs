//! Session look-ups: whose session is this cookie? Ours beside better-auth's, each on a SQLite file of its own.

mod subject;

use std::thread::available_parallelism;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::folder::Folder;
use crate::load;
use crate::process::SERVER_CORE;
use crate::run::is_there;
use crate::stats::median;
use subject::{Kind, Subject};

/// What is promised: so many times the look-ups of better-auth.
const PROMISE: f64 = 20.0;

/// Seconds of load before anything counts: just-in-time compilers and caches need a run-up.
const RUN_UP: u32 = 3;

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How long each server is loaded in each round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many connections ask at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    connections: u32,
    /// One short round, to see that everything works: its numbers mean little, and no promise is held against them
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    quick: bool,
}

/// One round of one server.
#[derive(Clone, Copy, Debug, Serialize)]
struct Sample {
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
}

/// A server and its rounds.
#[derive(Debug, Serialize)]
struct Row {
    kind: Kind,
    answer_bytes: usize,
    samples: Vec<Sample>,
}

impl Row {
    fn median(&self, quantity: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(quantity))
    }

    /// Our look-ups over this one's, as the median over the rounds.
    fn ours_over(&self, ours: &Self) -> f64 {
        let pairs = ours.samples.iter().zip(&self.samples);
        median(pairs.map(|(ours, theirs)| ours.requests_per_second / theirs.requests_per_second))
    }
}

/// Measures and prints; whether the promise is kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    ensure!(available_parallelism()?.get() >= 2, "servers and load need a core each");
    ensure!(is_there("wrk") && is_there("taskset"), "wrk and taskset (util-linux) must be installed");
    let folder = Folder::new()?;
    let runner = ["taskset", "-c", SERVER_CORE];
    let subjects = Kind::ALL.into_iter().map(|kind| Subject::start(kind, &runner, folder.path()));
    let subjects = subjects.collect::<anyhow::Result<Vec<_>>>()?;
    let (rounds, seconds, run_up) = match options.quick {
        true => (1, 1, 1),
        false => (options.rounds, options.seconds, RUN_UP),
    };
    let mut rows = Vec::new();
    for subject in &subjects {
        let answer_bytes = subject.check()?;
        sample(subject, options.connections, run_up)?;
        rows.push(Row { kind: subject.kind, answer_bytes, samples: Vec::new() });
    }
    for round in 0..rounds as usize {
        eprintln!("round {} of {rounds}", round + 1);
        // Who comes first changes, so that nobody always follows the same neighbour.
        for turn in 0..subjects.len() {
            let index = (round + turn) % subjects.len();
            if let (Some(subject), Some(row)) = (subjects.get(index), rows.get_mut(index)) {
                row.samples.push(sample(subject, options.connections, seconds)?);
            }
        }
    }
    // Whoever has lost the session meanwhile has answered something else, and faster.
    for subject in &subjects {
        subject.check()?;
    }
    if cfg!(debug_assertions) {
        println!("Not optimized (build with --release): Belgie is slower here than it is.\n");
    }
    Ok(report(&rows) || options.quick)
}

fn sample(subject: &Subject, connections: u32, seconds: u32) -> anyhow::Result<Sample> {
    let before = subject.process.cpu_time()?;
    let (seen, ()) = load::run(&subject.script, &subject.url(), connections as usize, seconds, || Ok(()))?;
    let cpu = subject.process.cpu_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
    let requests = seen.requests as f64;
    Ok(Sample {
        requests_per_second: requests / seen.duration * 1e6,
        p50_us: seen.p50,
        p99_us: seen.p99,
        cpu_us: cpu.as_secs_f64() * 1e6 / requests,
    })
}

/// Prints; whether the promise is kept.
fn report(rows: &[Row]) -> bool {
    println!("| server | requests/s | Belgie is | p50 us | p99 us | CPU us | bytes |\n|---|--:|--:|--:|--:|--:|--:|");
    let ours = rows.iter().find(|row| row.kind == Kind::Belgie);
    let ratio = |row: &Row| ours.map_or(f64::NAN, |ours| row.ours_over(ours));
    for row in rows {
        println!(
            "| {} | {:.0} | {:.1} x | {:.0} | {:.0} | {:.1} | {} |",
            row.kind.label(),
            row.median(|sample| sample.requests_per_second),
            ratio(row),
            row.median(|sample| sample.p50_us),
            row.median(|sample| sample.p99_us),
            row.median(|sample| sample.cpu_us),
            row.answer_bytes,
        );
    }
    // Held against the better of the two that are right about a session the moment it ends, as we are.
    let asks = rows.iter().filter(|row| matches!(row.kind, Kind::Database | Kind::Joins));
    let measured = asks.map(ratio).fold(f64::INFINITY, f64::min);
    let is_kept = measured >= PROMISE;
    let verdict = if is_kept { "kept" } else { "not kept" };
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    println!(
        "| look-ups over better-auth's, both right the moment a session ends | {measured:.1} | {PROMISE} | {verdict} |"
    );
    println!("{}", json!({ "rows": rows, "measured": measured, "bound": PROMISE }));
    is_kept
}
