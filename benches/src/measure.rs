//! The rounds: all servers up at once, one loaded at a time, every cell once in every round.

use serde::Serialize;

use crate::agent::Agent;
use crate::cell::{Cell, Era, Variant};
use crate::client::Connection;
use crate::folder::Folder;
use crate::process::{SERVER_CORE, Server};
use crate::stats::median;
use crate::{load, wire};

/// What one round says of one cell.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Answers per second.
    pub requests_per_second: f64,
    /// The median time of an answer.
    pub p50_us: f64,
    /// 99 of 100 answers took at most this.
    pub p99_us: f64,
    /// Time the server spent on its core, per answer.
    pub cpu_us: f64,
    /// Its memory while it was loaded.
    pub rss_mib: f64,
}

/// A cell and its rounds, in order.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Which cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// One per round. Samples of one index were taken within the same half minute, so they may be compared.
    pub samples: Vec<Sample>,
}

impl Row {
    /// The median of one quantity over the rounds.
    pub fn median(&self, quantity: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(quantity))
    }
}

/// What one server says before it is loaded.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// Which server.
    pub variant: Variant,
    /// Its memory after a few calls.
    pub rss_mib: f64,
    /// The size of an answer's body, by era.
    pub answer_bytes: Vec<(Era, usize)>,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often.
    pub rounds: usize,
    /// How long each time.
    pub seconds: u32,
    /// With how many connections.
    pub connections: Vec<usize>,
}

struct Running {
    variant: Variant,
    server: Server,
    scripts: Folder,
}

/// Starts all variants and measures every cell.
pub fn measure(plan: &Plan) -> anyhow::Result<(Vec<Idle>, Vec<Row>)> {
    let runner = ["taskset", "-c", SERVER_CORE];
    let start = |variant| -> anyhow::Result<Running> {
        Ok(Running { variant, server: Server::start(variant, &runner)?, scripts: Folder::new()? })
    };
    let running: Vec<Running> = Variant::ALL.into_iter().map(start).collect::<Result<_, _>>()?;
    let idle = running.iter().map(look_idle).collect::<Result<Vec<_>, _>>()?;
    for running in &running {
        write_scripts(running, &plan.connections)?;
    }
    let mut rows: Vec<Row> = Vec::new();
    for connections in &plan.connections {
        for era in Era::ALL {
            rows.extend(Variant::ALL.map(|variant| {
                let cell = Cell { variant, era, connections: *connections };
                Row { cell, samples: Vec::new() }
            }));
        }
    }
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        for group in rows.chunks_mut(Variant::ALL.len()) {
            // Who comes first changes, so that nobody always follows the same neighbour.
            let (late, early) = group.split_at_mut(round % Variant::ALL.len());
            for row in early.iter_mut().chain(late) {
                if let Some(running) = running.iter().find(|running| running.variant == row.cell.variant) {
                    row.samples.push(sample(running, row.cell, plan.seconds)?);
                }
            }
        }
    }
    Ok((idle, rows))
}

fn look_idle(running: &Running) -> anyhow::Result<Idle> {
    const A_FEW: usize = 20;
    let mut answer_bytes = Vec::new();
    for era in Era::ALL {
        answer_bytes.push((era, Agent::open(&running.server.ready, era)?.call(A_FEW)?));
    }
    Ok(Idle { variant: running.variant, rss_mib: mib(running.server.process.rss_kib()?), answer_bytes })
}

/// One script per cell; in the era of sessions, one session per connection.
fn write_scripts(running: &Running, connections: &[usize]) -> anyhow::Result<()> {
    let ready = &running.server.ready;
    let mut connection = Connection::open(ready.address)?;
    let most = connections.iter().copied().max().unwrap_or_default();
    let sessions: Vec<Option<String>> =
        (0..most).map(|_| wire::open_session(&mut connection, ready)).collect::<Result<_, _>>()?;
    for era in Era::ALL {
        for connections in connections {
            let sessions = if era == Era::Legacy { sessions.get(..*connections).unwrap_or_default() } else { &[] };
            load::write_script(&running.scripts.path().join(script_name(era, *connections)), era, ready, sessions)?;
        }
    }
    Ok(())
}

fn script_name(era: Era, connections: usize) -> String {
    format!("{era}-{connections}.lua")
}

fn sample(running: &Running, cell: Cell, seconds: u32) -> anyhow::Result<Sample> {
    let Running { server, scripts, .. } = running;
    let script = scripts.path().join(script_name(cell.era, cell.connections));
    let before = server.process.cpu_time()?;
    let look = || server.process.rss_kib();
    let (seen, rss_kib) =
        load::run(&script, &format!("http://{}{}", server.ready.address, wire::PATH), cell.connections, seconds, look)?;
    let cpu = server.process.cpu_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
    let requests = seen.requests as f64;
    Ok(Sample {
        requests_per_second: requests / seen.duration * 1e6,
        p50_us: seen.p50,
        p99_us: seen.p99,
        cpu_us: cpu.as_secs_f64() * 1e6 / requests,
        rss_mib: mib(rss_kib),
    })
}

/// KiB as MiB.
#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
