//! One run: load, instructions, starts; then the report.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::cell::{Era, Variant};
use crate::folder::Folder;
use crate::measure::{Idle, Plan, Row, measure, mib};
use crate::stats::median;
use crate::{callgrind, goals, report, startup};

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How long each cell is loaded in each round
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// One short round, to see that everything works: its numbers mean little
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    quick: bool,
    /// Keep valgrind's profiles in this folder, for `callgrind_annotate`
    #[arg(long, value_name = "FOLDER")]
    profiles: Option<PathBuf>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The servers before the load.
    pub idle: Vec<Idle>,
    /// The servers under load.
    pub rows: Vec<Row>,
    /// Instructions per call; empty without valgrind.
    pub instructions: Vec<(Variant, Era, f64)>,
    /// Each start, in milliseconds.
    pub starts_ms: Vec<f64>,
    /// Their median.
    pub start_ms: f64,
    /// The memory of `belgie serve` after its first answer.
    pub start_rss_mib: f64,
}

impl Results {
    /// Instructions per call, if they were counted.
    pub fn instructions(&self, variant: Variant, era: Era) -> Option<f64> {
        self.instructions.iter().find(|known| (known.0, known.1) == (variant, era)).map(|known| known.2)
    }
}

/// Measures and prints; whether every promise is kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    ensure!(available_parallelism()?.get() >= 2, "servers and load need a core each");
    ensure!(is_there("wrk") && is_there("taskset"), "wrk and taskset (util-linux) must be installed");
    let plan = plan(options);
    let (calls, starts) = if options.quick { (50, 3) } else { (400, 10) };

    let (idle, rows) = measure(&plan)?;
    let instructions = count(calls, options)?;
    eprintln!("starting {starts} times");
    let starts = (0..starts).map(|_| startup::start()).collect::<Result<Vec<_>, _>>()?;
    let starts_ms: Vec<f64> = starts.iter().map(|start| start.took.as_secs_f64() * 1e3).collect();
    let start_ms = median(starts_ms.iter().copied());
    let start_rss_mib = median(starts.iter().map(|start| mib(start.rss_kib)));
    let results = Results { idle, rows, instructions, starts_ms, start_ms, start_rss_mib };

    let goals = goals::check(&results);
    println!("{}\n{}", report::markdown(&results, &goals)?, report::json(&results, &goals));
    Ok(goals.iter().all(|goal| goal.is_met))
}

fn plan(options: &Options) -> Plan {
    if options.quick {
        return Plan { rounds: 1, seconds: 1, connections: vec![1, 64] };
    }
    Plan { rounds: options.rounds as usize, seconds: options.seconds, connections: vec![1, 16, 64] }
}

/// Whether a program can be started.
pub fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn count(calls: usize, options: &Options) -> anyhow::Result<Vec<(Variant, Era, f64)>> {
    if !callgrind::is_there() {
        eprintln!("without valgrind no instructions are counted");
        return Ok(Vec::new());
    }
    let scratch = Folder::new()?;
    let folder = options.profiles.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(folder)?;
    let mut counts = Vec::new();
    for variant in Variant::ALL {
        eprintln!("counting the instructions of {}", variant.label());
        let of_variant = callgrind::count(variant, calls, folder)?;
        counts.extend(of_variant.into_iter().map(|(era, count)| (variant, era, count)));
    }
    Ok(counts)
}
