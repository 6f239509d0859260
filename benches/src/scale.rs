//! Scale: the same gateway beside a nearly empty database and beside a full one, loaded in turns. What a call costs must
//! not depend on how many others there are.

pub mod changes;
mod crowd;
mod seed;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cell::Era;
use crate::client::Connection;
use crate::folder::Folder;
use crate::load;
use crate::measure::mib;
use crate::process::{Process, SERVER_CORE};
use crate::run::is_there;
use crate::stats::{median, percentile};
use crate::wire::{self, Ready};

use self::crowd::Crowd;
pub use seed::Size;

/// What is promised: the full database over the nearly empty one.
const PROMISE: f64 = 1.1;
/// How many ask at a time.
const CONNECTIONS: usize = 16;
/// How many callers nobody has seen before are timed.
pub const STRANGERS: u32 = 300;

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How long each cell is loaded in each round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Organizations of the full database
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..))]
    organizations: u32,
    /// People of the full database; each is in ten organizations
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(i64::from(STRANGERS)..))]
    users: u32,
    /// Tokens that are asked with in turn, in both databases: more than a gateway remembers
    #[arg(long, default_value_t = crowd::CALLERS, value_parser = clap::value_parser!(u32).range(10_001..))]
    callers: u32,
    /// Two empty databases of a Postgres server instead of SQLite files: the address of the nearly empty one
    #[arg(long, value_name = "URL", requires = "postgres_full")]
    postgres_small: Option<String>,
    /// The address of the full one
    #[arg(long, value_name = "URL", requires = "postgres_small")]
    postgres_full: Option<String>,
}

/// What the processes of a run are told.
#[derive(Subcommand)]
pub enum Part {
    /// Fills a database and prints tokens
    Seed {
        /// The settings of its gateway
        config: PathBuf,
        /// How much goes in
        #[command(flatten)]
        size: Size,
    },
    /// Serves it until standard input ends
    Serve {
        /// The settings of the gateway
        config: PathBuf,
    },
}

/// Plays one part.
pub fn play(part: &Part) -> anyhow::Result<()> {
    match part {
        Part::Seed { config, size } => seed::run(config, *size),
        Part::Serve { config } => server::run(config),
    }
}

/// What a filled database says of itself.
#[derive(Debug, Deserialize, Serialize)]
pub struct Seeded {
    /// The token of the caller whose calls are counted.
    pub token: String,
    /// Tokens that nobody has used yet, each of another person and another organization.
    pub strangers: Vec<String>,
    /// Tokens that are asked with in turn, more than are remembered.
    pub callers: Vec<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// `tools/call` of a tool that only owners of an organization may call.
    Call,
    /// `tools/list`.
    List,
    /// The same call as the first, each time by another caller.
    Stranger,
}

impl Question {
    const ALL: [Self; 3] = [Self::Call, Self::List, Self::Stranger];

    const fn label(self) -> &'static str {
        match self {
            Self::Call => "`tools/call`",
            Self::List => "`tools/list`",
            Self::Stranger => "`tools/call` by callers nobody remembers",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Call => "call.lua",
            Self::List => "list.lua",
            Self::Stranger => "stranger.lua",
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Call | Self::Stranger => "tools/call",
            Self::List => "tools/list",
        }
    }

    const fn body(self) -> fn(Era, usize) -> String {
        match self {
            Self::Call | Self::Stranger => wire::call,
            Self::List => wire::list,
        }
    }
}

/// One round of one cell.
#[derive(Clone, Copy, Debug, Serialize)]
struct Sample {
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    rss_mib: f64,
}

/// A server and what was seen of it.
struct Subject {
    label: &'static str,
    process: Process,
    ready: Ready,
    strangers: Vec<String>,
    crowd: Crowd,
    folder: Folder,
    samples: Vec<(Question, Sample)>,
    cold_us: Vec<f64>,
    known_us: Vec<f64>,
}

/// Measures and prints; whether the promise is kept.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    ensure!(available_parallelism()?.get() >= 2, "servers and load need a core each");
    ensure!(is_there("wrk") && is_there("taskset"), "wrk and taskset (util-linux) must be installed");
    let small = Size { organizations: 10, users: STRANGERS, each: 1, callers: options.callers };
    let full = Size { organizations: options.organizations, users: options.users, each: 10, ..small };
    let mut subjects = [
        Subject::start("nearly empty", small, options.postgres_small.as_deref())?,
        Subject::start("full", full, options.postgres_full.as_deref())?,
    ];
    for subject in &mut subjects {
        subject.meet_strangers()?;
    }
    for round in 0..options.rounds as usize {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for turn in 0..subjects.len() {
            let index = (round + turn) % subjects.len();
            if let Some(subject) = subjects.get_mut(index) {
                subject.sample(options.seconds)?;
            }
        }
    }
    Ok(report(&subjects))
}

impl Subject {
    fn start(label: &'static str, size: Size, postgres: Option<&str>) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let config = write_config(&folder, postgres)?;
        eprintln!("filling the {label} database: {} people in {} organizations", size.users, size.organizations);
        let begin = Instant::now();
        let mut seeding = part("seed", &config, &[]);
        seeding.args(size.arguments()).stderr(Stdio::inherit());
        let output = seeding.output()?;
        ensure!(output.status.success(), "the {label} database was not filled");
        let seeded: Seeded = serde_json::from_slice(&output.stdout).context("no tokens")?;
        eprintln!("filled in {:.0} s", begin.elapsed().as_secs_f64());
        let mut process = Process::start(&mut part("serve", &config, &["taskset", "-c", SERVER_CORE]))?;
        let line = process.first_line()?;
        let address = line.trim().parse().with_context(|| format!("the {label} gateway did not start"))?;
        let ready = Ready { address, token: Some(seeded.token) };
        for question in [Question::Call, Question::List] {
            let path = script(&folder, question);
            load::write_script_of(&path, Era::Modern, &ready, question.method(), question.body())?;
        }
        let (strangers, crowd) = (seeded.strangers, Crowd::new(&folder, &seeded.callers)?);
        Ok(Self {
            label,
            process,
            ready,
            strangers,
            crowd,
            folder,
            samples: Vec::new(),
            cold_us: Vec::new(),
            known_us: Vec::new(),
        })
    }

    /// The first call of everybody who has never called, and the second.
    fn meet_strangers(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.ready.address)?;
        // The connection and the code are warm; only who is calling is new.
        ask(&mut connection, &self.ready, 1)?;
        for token in &self.strangers {
            let ready = Ready { token: Some(token.clone()), ..self.ready.clone() };
            self.cold_us.push(ask(&mut connection, &ready, 2)?);
            self.known_us.push(ask(&mut connection, &ready, 3)?);
        }
        Ok(())
    }

    fn sample(&mut self, seconds: u32) -> anyhow::Result<()> {
        for question in Question::ALL {
            let url = format!("http://{}{}", self.ready.address, wire::PATH);
            let script = script(&self.folder, question);
            if question == Question::Stranger {
                self.crowd.write_script(&script, &self.ready)?;
            }
            let look = || self.process.rss_kib();
            let (seen, rss) = load::run(&script, &url, CONNECTIONS, seconds, look)?;
            if question == Question::Stranger {
                self.crowd.note(seen.requests);
            }
            #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
            let requests_per_second = seen.requests as f64 / seen.duration * 1e6;
            let sample = Sample { requests_per_second, p50_us: seen.p50, p99_us: seen.p99, rss_mib: mib(rss) };
            self.samples.push((question, sample));
        }
        Ok(())
    }

    fn values(&self, question: Question, quantity: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().filter(|known| known.0 == question).map(|known| quantity(&known.1)).collect()
    }
}

fn write_config(folder: &Folder, postgres: Option<&str>) -> anyhow::Result<PathBuf> {
    let config = folder.path().join("belgie.toml");
    let data = serde_json::Value::from(folder.path().to_string_lossy());
    let database =
        postgres.map(|url| format!("[database]\nurl = {}\nmigrate_on_start = true\n", serde_json::Value::from(url)));
    std::fs::write(&config, format!("data_dir = {data}\n{}", database.unwrap_or_default()))?;
    Ok(config)
}

fn script(folder: &Folder, question: Question) -> PathBuf {
    folder.path().join(question.script())
}

/// One call on an open connection, in microseconds.
fn ask(connection: &mut Connection, ready: &Ready, id: usize) -> anyhow::Result<f64> {
    let (headers, body) = (wire::headers(Era::Modern, ready), wire::call(Era::Modern, id));
    let begin = Instant::now();
    let answer = connection.post(wire::PATH, &headers, &body)?;
    let took = begin.elapsed();
    wire::check(&answer, id)?;
    Ok(took.as_secs_f64() * 1e6)
}

fn part(name: &str, config: &Path, runner: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap_or_else(|_| "belgie-bench".into());
    let mut command = match runner.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(own);
            command
        }
        None => Command::new(own),
    };
    command.args(["scale-part", name]).arg(config).env_remove("RUST_LOG");
    command
}

/// Prints what is promised of something and what was measured; whether it holds.
fn judge(what: &str, measured: f64) -> bool {
    let holds = measured <= PROMISE;
    let verdict = if holds { "kept" } else { "not kept" };
    println!("| {what}, full over nearly empty | {measured:.2} | {PROMISE} | {verdict} |");
    holds
}

/// Prints; whether the promise is kept.
fn report(subjects: &[Subject; 2]) -> bool {
    println!("| database | asked | requests/s | p50 us | p99 us | RSS MiB |\n|---|---|--:|--:|--:|--:|");
    for question in Question::ALL {
        for subject in subjects {
            let middle = |quantity: fn(&Sample) -> f64| median(subject.values(question, quantity));
            println!(
                "| {} | {} | {:.0} | {:.0} | {:.0} | {:.1} |",
                subject.label,
                question.label(),
                middle(|sample| sample.requests_per_second),
                middle(|sample| sample.p50_us),
                middle(|sample| sample.p99_us),
                middle(|sample| sample.rss_mib),
            );
        }
    }
    println!(
        "\n| database | first call of a caller, p50 us | p99 us | second call, p50 us | p99 us |\n|---|--:|--:|--:|--:|"
    );
    for subject in subjects {
        let [cold, known] = [&subject.cold_us, &subject.known_us];
        let of = |values: &[f64], percent| percentile(values.iter().copied(), percent);
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} |",
            subject.label,
            of(cold, 50.0),
            of(cold, 99.0),
            of(known, 50.0),
            of(known, 99.0)
        );
    }
    println!("\n| promise | measured | bound | |\n|---|--:|--:|---|");
    let mut is_kept = true;
    for question in Question::ALL {
        let quantities: [(&str, fn(&Sample) -> f64); 3] =
            [("p50", |it| it.p50_us), ("p99", |it| it.p99_us), ("memory", |it| it.rss_mib)];
        for (name, quantity) in quantities {
            let [small, full] = subjects.each_ref().map(|subject| subject.values(question, quantity));
            let measured = median(small.iter().zip(&full).map(|(small, full)| full / small));
            is_kept &= judge(&format!("{name} of {}", question.label()), measured);
        }
    }
    for percent in [50.0, 99.0] {
        let [small, full] = subjects.each_ref().map(|it| percentile(it.cold_us.iter().copied(), percent));
        is_kept &= judge(&format!("p{percent} of the first call of a caller"), full / small);
    }
    let all = subjects.each_ref().map(
        |it| json!({ "database": it.label, "samples": it.samples, "cold_us": it.cold_us, "known_us": it.known_us }),
    );
    println!("{}", json!({ "subjects": all }));
    is_kept
}
