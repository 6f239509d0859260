//! The program is killed again and again while calls are counted and told, and while it looks at a webhook. Afterwards the ledger,
//! what callers were answered and what was told outside must agree, and no webhook may be left.

mod news;
pub mod prepare;
mod stand_in;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use belgie::api::Clock;
use belgie::api::clock::SystemClock;
use clap::Args;
use serde_json::{Value, json};

use self::prepare::{Kept, LARGEST_PART, Left};
use self::stand_in::StandIn;
use crate::cell::Era;
use crate::client::Connection;
use crate::folder::Folder;
use crate::process::Process;
use crate::wire::{self, Ready};

/// How many call at a time.
const CALLERS: usize = 4;
/// How long a step may take to be reached, and everything to be settled in the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be said about a run.
#[derive(Args)]
pub struct Options {
    /// How often the program is killed
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    rounds: u32,
    /// Where the sequence of moments begins
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// An empty database of a Postgres server, which takes its turn after SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

const DAY: i64 = 86_400;
/// The steps take turns.
const STEPS: u32 = 5;
const HEARING: u32 = 2;
const AFTER_HEARING: u32 = 3;
/// So often each step is left half done at least once.
const ENOUGH: u32 = 500;

/// When it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So long after the first answer.
    Soon(Duration),
    /// While a tool runs that takes its time.
    WhileToolRuns,
    /// When a call was heard outside and the answer is not there yet.
    WhileTelling,
    /// When a webhook was kept, and what it is about is asked for.
    WhileHearing,
    /// So long after what a webhook is about was asked for: it is answered.
    AfterHearing(Duration),
}

impl Step {
    /// Whether a webhook is told.
    const fn has_news(self) -> bool {
        matches!(self, Self::WhileHearing | Self::AfterHearing(_))
    }
}

/// What the callers were answered.
#[derive(Default)]
struct Answers {
    succeeded: Mutex<BTreeSet<String>>,
    failed: AtomicUsize,
}

impl Answers {
    fn count(&self) -> usize {
        self.succeeded.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Kills and counts; whether everything agrees.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    println!(
        "| database | kills | calls answered | in the ledger | units | told | told again | alerts | left: set aside | running | \
         charged, unanswered | told, unnoted | webhook kept | written, unnoted | agrees |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    );
    let mut agrees = one("SQLite", None, options)?;
    if let Some(url) = &options.postgres {
        agrees &= one("Postgres", Some(url), options)?;
    }
    Ok(agrees)
}

fn one(engine: &str, postgres: Option<&str>, options: &Options) -> anyhow::Result<bool> {
    // Paid for since yesterday, for a hundred years.
    let now = SystemClock.now().unix_seconds();
    let period = now - DAY..now + 36_500 * DAY;
    let stand_in = StandIn::start(period.clone())?;
    let folder = Folder::new()?;
    // Each part of it is reached every few calls.
    let included = i64::from(options.rounds.max(100));
    let config = prepare::write_config(&folder, stand_in.address(), postgres, included)?;
    let output = own()
        .arg("crash-part")
        .arg(&config)
        .args([period.start.to_string(), period.end.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "no account and token were made");
    let token = String::from_utf8(output.stdout)?.trim().to_owned();
    let (answers, mut seed, mut left) = (Arc::new(Answers::default()), options.seed, Left::default());
    for number in 0..options.rounds {
        let step = match number % STEPS {
            0 => Step::WhileTelling,
            1 => Step::WhileToolRuns,
            HEARING => Step::WhileHearing,
            AFTER_HEARING => Step::AfterHearing(Duration::from_micros(u64::from(next(&mut seed) % 32_768))),
            _ => Step::Soon(Duration::from_micros(u64::from(next(&mut seed)))),
        };
        round(&config, &token, &stand_in, &answers, (number, step))
            .with_context(|| format!("round {number}, {step:?}"))?;
        let heard = stand_in.heard();
        let news = event(number);
        let news = step.has_news().then_some((news.as_str(), i64::from(number)));
        left.add(prepare::left(&config, |id| heard.contains_key(id), news)?);
        if number % 50 == 49 {
            eprintln!("{engine}: killed {} times, {} calls answered", number + 1, answers.count());
        }
    }
    let (sums, Kept { seats, alerts }) = settle(&config, options.rounds, included)?;
    let answered = answers.succeeded.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let heard = stand_in.heard();
    let units: u64 = heard.values().sum();
    let told: BTreeSet<String> = heard.keys().cloned().collect();
    let agrees = sums["agrees"] == true
        && sums["units"] == json!(units)
        && sums["told"] == json!(units)
        && sums["calls"] == json!(told.len())
        && answered.is_subset(&told)
        && told.len() - answered.len() <= options.rounds as usize * CALLERS
        && answers.failed.load(Ordering::Relaxed) > 0
        // Nothing between two steps was spared.
        && (options.rounds < ENOUGH || is_everything_hit(left, told.len() - answered.len()))
        // Once each, and none of what is not reached.
        && alerts == parts(included, units)
        && seats == Some(stand_in.seats());
    println!(
        "| {engine} | {} | {} | {} | {} | {units} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        options.rounds,
        answered.len(),
        sums["calls"],
        sums["units"],
        stand_in.again(),
        alerts.len(),
        left.set_aside,
        left.running,
        told.len() - answered.len(),
        left.unnoted,
        left.kept,
        left.synced,
        if agrees { "yes" } else { "NO" }
    );
    Ok(agrees)
}

/// Whether the program died at least once between any two steps of reserving, running, charging, answering, telling and noting. Between
/// what a webhook tells of and the note that it is done lies less than a thousandth of a second: that is counted and left to chance.
const fn is_everything_hit(left: Left, unanswered: usize) -> bool {
    let Left { set_aside, running, unnoted, kept, synced: _ } = left;
    set_aside > 0 && running > 0 && unanswered > 0 && unnoted > 0 && kept > 0
}

/// One life of the program, up to its end at this step.
fn round(
    config: &Path,
    token: &str,
    stand_in: &StandIn,
    answers: &Arc<Answers>,
    (number, step): (u32, Step),
) -> anyhow::Result<()> {
    stand_in.stall(matches!(step, Step::WhileTelling | Step::WhileHearing));
    // What it has heard before it can be told again, which is as good.
    let heard_now = || stand_in.heard().len() + stand_in.again();
    let (heard, answered) = (heard_now(), answers.count());
    let (process, ready) = serve(config, token)?;
    let looks = stand_in.looks();
    let news = step.has_news().then(|| {
        stand_in.set_seats(i64::from(number));
        let ready = ready.clone();
        thread::spawn(move || news::tell(&ready, &event(number)))
    });
    let slow = {
        let ready = ready.clone();
        thread::spawn(move || ask(&mut Connection::open(ready.address)?, &ready, "slow", &json!({ "seconds": 60 })))
    };
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (ready, answers) = (ready.clone(), Arc::clone(answers));
            thread::spawn(move || call_on(&ready, &answers))
        })
        .collect();
    let begin = Instant::now();
    loop {
        ensure!(begin.elapsed() < PATIENCE, "the step is not reached");
        let is_reached = match step {
            Step::Soon(_) => answers.count() > answered,
            Step::WhileToolRuns => answers.count() >= answered + CALLERS,
            Step::WhileTelling => heard_now() > heard,
            Step::WhileHearing | Step::AfterHearing(_) => stand_in.looks() > looks,
        };
        if is_reached {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    if let Step::Soon(pause) | Step::AfterHearing(pause) = step {
        thread::sleep(pause);
    }
    process.kill()?;
    for caller in callers {
        let _until_nobody_answers = caller.join();
    }
    if let Some(news) = news {
        let is_answered = matches!(news.join(), Ok(Ok(())));
        ensure!(step != Step::WhileHearing || !is_answered, "the webhook was answered before it was looked at");
    }
    ensure!(!matches!(slow.join(), Ok(Ok(_))), "the slow tool came to its end");
    stand_in.stall(false);
    Ok(())
}

/// Calls until nobody answers any more. Every third call fails, and is not to be counted.
fn call_on(ready: &Ready, answers: &Answers) -> anyhow::Result<()> {
    let mut connection = Connection::open(ready.address)?;
    for number in 0_u32.. {
        let (tool, arguments) = match number % 3 {
            0 => ("add", json!({ "a": 1e308, "b": 1e308 })),
            1 => ("add", json!({ "a": 1, "b": number })),
            _ => ("echo", json!({ "text": "again" })),
        };
        let reply = ask(&mut connection, ready, tool, &arguments)?;
        if reply["result"]["isError"] == true {
            answers.failed.fetch_add(1, Ordering::Relaxed);
        } else if let Some(id) = reply["result"]["_meta"]["belgie/usage"]["calls"]["call"].as_str() {
            answers.succeeded.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        } else {
            bail!("neither a success nor a failure: {reply}");
        }
    }
    Ok(())
}

fn ask(connection: &mut Connection, ready: &Ready, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
    let mut headers = wire::headers(Era::Modern, ready);
    headers.retain(|(name, _)| *name != "Mcp-Name");
    headers.push(("Mcp-Name", tool.to_owned()));
    let body = wire::call_of(Era::Modern, 1, tool, arguments);
    let answer = connection.post(wire::PATH, &headers, &body)?;
    Ok(serde_json::from_str(&answer.body)?)
}

fn serve(config: &Path, token: &str) -> anyhow::Result<(Process, Ready)> {
    let mut command = own();
    command.args(["belgie", "serve", "--demo-tools", "--json", "--config"]).arg(config).stderr(Stdio::null());
    let mut process = Process::start(&mut command)?;
    let said: Value = serde_json::from_str(&process.first_line()?).context("the program did not start")?;
    let address = said["listening"].as_str().context("no address")?.parse()?;
    Ok((process, Ready { address, token: Some(token.to_owned()) }))
}

/// What the webhook of a round is called.
fn event(number: u32) -> String {
    format!("evt_{number}")
}

/// Lets the program settle what was left, and asks it for the sums. What was not answered is told again; what it has kept it looks
/// at by itself, two minutes after somebody has taken it at the latest.
fn settle(config: &Path, rounds: u32, included: i64) -> anyhow::Result<(Value, Kept)> {
    let (process, ready) = serve(config, "")?;
    for number in (0..rounds).filter(|number| [HEARING, AFTER_HEARING].contains(&(number % STEPS))) {
        news::tell(&ready, &event(number))?;
    }
    let begin = Instant::now();
    loop {
        let mut check = own();
        check.args(["belgie", "usage", "check", "--json", "--config"]).arg(config).stderr(Stdio::null());
        let sums: Value = serde_json::from_slice(&check.output()?.stdout).context("no sums")?;
        let mut events = own();
        events.args(["belgie", "stripe", "events", "--json", "--config"]).arg(config).stderr(Stdio::null());
        let events: Value = serde_json::from_slice(&events.output()?.stdout).context("no events")?;
        let are_done = events["events"].as_array().is_some_and(|all| all.iter().all(|one| one["state"] == "done"));
        if are_done && sums["running"] == 0 && sums["set_aside"] == 0 && sums["waiting"] == 0 {
            let kept = prepare::kept(config)?;
            if kept.alerts.len() >= parts(included, sums["units"].as_u64().unwrap_or_default()).len() {
                process.kill()?;
                return Ok((sums, kept));
            }
        }
        ensure!(begin.elapsed() < 4 * PATIENCE, "not settled: {sums}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// The parts of what is included, in percent, that are reached by so many units.
fn parts(included: i64, units: u64) -> Vec<i64> {
    (1..=LARGEST_PART).filter(|percent| units >= (included * percent).unsigned_abs().div_ceil(100)).collect()
}

fn own() -> Command {
    Command::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("belgie-bench")))
}

/// Small steps of a fixed sequence (Numerical Recipes).
fn next(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}
