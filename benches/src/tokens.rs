//! Token exchanges: how many tokens a second machines get for their secret, and people's agents for a refresh token. Ours beside
//! better-auth's OAuth provider, each on a SQLite file of its own, and ours on Postgres too.

mod load;
mod subject;

use std::process::Command;
use std::thread::available_parallelism;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use self::load::Sample;
use self::subject::{Grant, Kind, Subject};
use crate::folder::Folder;
use crate::process::{LOAD_CORE, SERVER_CORE};
use crate::run::is_there;
use crate::stats::median;

/// What is promised on SQLite: so many times the exchanges of better-auth, and this part of its slowest percent.
const RATE: f64 = 10.0;
/// See [`RATE`].
const SLOWEST: f64 = 0.2;

/// Seconds of load before anything counts.
const RUN_UP: u32 = 3;

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How long each exchange of each server is asked for in each round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many connections ask at a time; each has a refresh token of its own
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// An empty database of a Postgres server, to be measured too
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// One short round, to see that everything works: no promise is held against its numbers
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    quick: bool,
}

/// An exchange at a server, and its rounds.
#[derive(Debug, Serialize)]
struct Row {
    kind: Kind,
    grant: Grant,
    samples: Vec<Sample>,
}

impl Row {
    fn median(&self, quantity: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(quantity))
    }

    /// A quantity of ours over this one's, as the median over the rounds.
    fn ours_over(&self, ours: &Self, quantity: impl Fn(&Sample) -> f64) -> f64 {
        median(ours.samples.iter().zip(&self.samples).map(|(ours, theirs)| quantity(ours) / quantity(theirs)))
    }
}

/// Measures and prints; whether the promises are kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    ensure!(available_parallelism()?.get() >= 2, "servers and load need a core each");
    ensure!(is_there("taskset"), "taskset (util-linux) must be installed");
    let folder = Folder::new()?;
    let runner = ["taskset", "-c", SERVER_CORE];
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::BelgiePostgres || options.postgres.is_some());
    let start = |kind| Subject::start(kind, &runner, &folder, options.connections, options.postgres.as_deref());
    let mut subjects = kinds.map(start).collect::<anyhow::Result<Vec<_>>>()?;
    // The threads of the load inherit this.
    let own = std::process::id().to_string();
    ensure!(
        Command::new("taskset").args(["-pc", LOAD_CORE, &own]).output()?.status.success(),
        "the load has no core of its own"
    );
    let (rounds, seconds, run_up) = match options.quick {
        true => (1, 1, 1),
        false => (options.rounds, options.seconds, RUN_UP),
    };
    let mut rows = Vec::new();
    for subject in &mut subjects {
        for grant in Grant::ALL {
            subject.load(grant, run_up)?;
            rows.push(Row { kind: subject.kind, grant, samples: Vec::new() });
        }
    }
    let count = subjects.len();
    for round in 0..rounds as usize {
        eprintln!("round {} of {rounds}", round + 1);
        // Who comes first changes, so that nobody always follows the same neighbour.
        for turn in 0..count {
            let Some(subject) = subjects.get_mut((round + turn) % count) else { continue };
            for grant in Grant::ALL {
                let sample = subject.load(grant, seconds)?;
                let row = rows.iter_mut().find(|row| row.kind == subject.kind && row.grant == grant);
                if let Some(row) = row {
                    row.samples.push(sample);
                }
            }
        }
    }
    if cfg!(debug_assertions) {
        println!("Not optimized (build with --release): Belgie is slower here than it is.\n");
    }
    Ok(report(&rows) || options.quick)
}

/// Prints; whether the promises are kept.
fn report(rows: &[Row]) -> bool {
    println!("| exchange | server | tokens/s | p50 us | p99 us | CPU us |\n|---|---|--:|--:|--:|--:|");
    for row in rows {
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.1} |",
            row.grant.word(),
            row.kind.label(),
            row.median(|sample| sample.tokens_per_second),
            row.median(|sample| sample.p50_us),
            row.median(|sample| sample.p99_us),
            row.median(|sample| sample.cpu_us),
        );
    }
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    let of = |kind, grant| rows.iter().find(|row| row.kind == kind && row.grant == grant);
    let mut are_kept = true;
    for grant in Grant::ALL {
        let (Some(ours), Some(theirs)) = (of(Kind::Belgie, grant), of(Kind::BetterAuth, grant)) else { continue };
        let rate = theirs.ours_over(ours, |sample| sample.tokens_per_second);
        let slowest = theirs.ours_over(ours, |sample| sample.p99_us);
        let word = |is_kept| if is_kept { "kept" } else { "not kept" };
        println!("| {}: tokens/s over better-auth's | {rate:.1} | {RATE} | {} |", grant.word(), word(rate >= RATE));
        println!(
            "| {}: p99 over better-auth's | {slowest:.3} | {SLOWEST} | {} |",
            grant.word(),
            word(slowest <= SLOWEST)
        );
        are_kept &= rate >= RATE && slowest <= SLOWEST;
    }
    println!("{}", json!({ "rows": rows, "rate_bound": RATE, "p99_bound": SLOWEST }));
    are_kept
}
