//! What the gateway promises about its speed, held against one run.

use serde::Serialize;

use crate::cell::{Cell, Era, Variant};
use crate::measure::{Row, Sample};
use crate::run::Results;
use crate::stats::median;

/// A promise and what came of it.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// What is promised.
    pub text: String,
    /// What was measured, in the unit of the bound.
    pub measured: f64,
    /// What is promised, as a number.
    pub bound: f64,
    /// Whether it is kept.
    pub is_met: bool,
}

fn at_least(text: impl Into<String>, measured: f64, bound: f64) -> Goal {
    Goal { text: text.into(), measured, bound, is_met: measured >= bound }
}

fn at_most(text: impl Into<String>, measured: f64, bound: f64) -> Goal {
    Goal { text: text.into(), measured, bound, is_met: measured <= bound }
}

/// All promises. They are about the gateway as it is shipped, in both eras; what the way through rmcp costs stands in the
/// table. Throughput is compared at the greatest number of connections, where the core is full; latency at one, where
/// nobody queues. An operator has calls of both ways, so memory is promised for both.
pub fn check(results: &Results) -> Vec<Goal> {
    let rows = &results.rows;
    let most = rows.iter().map(|row| row.cell.connections).max().unwrap_or_default();
    let mut goals = Vec::new();
    for era in Era::ALL {
        let cell = Cell { variant: Variant::Direct, era, connections: most };
        goals.push(at_least(format!("{era}: throughput of direct / rmcp"), throughput_ratio(rows, cell), 1.5));
    }
    for era in Era::ALL {
        let cell = Cell { variant: Variant::Direct, era, connections: 1 };
        let added = paired(rows, cell, Variant::Rmcp, |ours, theirs| ours.p50_us - theirs.p50_us);
        goals.push(at_most(format!("{era}: p50 of direct over rmcp, 1 connection, us"), added, 20.0));
    }
    for variant in [Variant::Direct, Variant::ThroughRmcp] {
        let samples = rows.iter().filter(|row| row.cell.variant == variant).flat_map(|row| &row.samples);
        let most = samples.map(|sample| sample.rss_mib).fold(0.0, f64::max);
        goals.push(at_most(format!("memory under load of {}, MiB", variant.word()), most, 40.0));
    }
    goals.push(at_most("start to first answer, ms", results.start_ms, 150.0));
    for era in Era::ALL {
        if let Some(instructions) = results.instructions(Variant::Direct, era) {
            goals.push(at_most(format!("{era}: instructions per call of direct"), instructions, 110_000.0));
        }
    }
    goals
}

/// The throughput of a cell over that of rmcp alone, as the median over the rounds.
pub fn throughput_ratio(rows: &[Row], cell: Cell) -> f64 {
    paired(rows, cell, Variant::Rmcp, |ours, theirs| ours.requests_per_second / theirs.requests_per_second)
}

/// Compares a cell with the same cell of another variant, round by round: what the machine does meanwhile touches both.
pub fn paired(rows: &[Row], cell: Cell, other: Variant, compare: impl Fn(&Sample, &Sample) -> f64) -> f64 {
    let samples = |cell: Cell| rows.iter().find(|row| row.cell == cell).map_or(&[][..], |row| &row.samples);
    let others = samples(Cell { variant: other, ..cell });
    median(samples(cell).iter().zip(others).map(|(one, other)| compare(one, other)))
}
