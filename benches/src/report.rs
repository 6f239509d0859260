//! What is printed: a table for people and one JSON value for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::cell::Era;
use crate::goals::{self, Goal};
use crate::run::Results;

/// The Markdown table, the start, and the promises.
pub fn markdown(results: &Results, goals: &[Goal]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "| era | connections | variant | requests/s | / (b) | p50 us | p99 us | CPU us | RSS idle | RSS loaded | instructions | bytes |\n\
         |---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut rows: Vec<_> = results.rows.iter().collect();
    rows.sort_by_key(|row| row.cell.era == Era::Legacy);
    for row in rows {
        let cell = row.cell;
        let idle = results.idle.iter().find(|idle| idle.variant == cell.variant);
        let idle_rss = idle.map_or(f64::NAN, |idle| idle.rss_mib);
        let bytes =
            idle.and_then(|idle| idle.answer_bytes.iter().find(|(era, _)| *era == cell.era)).map_or(0, |known| known.1);
        let instructions = results.instructions(cell.variant, cell.era);
        writeln!(
            text,
            "| {} | {} | {} | {:.0} | {:.2} | {:.0} | {:.0} | {:.1} | {idle_rss:.1} | {:.1} | {} | {bytes} |",
            cell.era,
            cell.connections,
            cell.variant.label(),
            row.median(|sample| sample.requests_per_second),
            goals::throughput_ratio(&results.rows, cell),
            row.median(|sample| sample.p50_us),
            row.median(|sample| sample.p99_us),
            row.median(|sample| sample.cpu_us),
            row.median(|sample| sample.rss_mib),
            instructions.map_or_else(|| "-".to_owned(), |count| format!("{count:.0}")),
        )?;
    }
    writeln!(
        text,
        "\n`belgie serve` on an empty folder: {:.0} ms to the first answer (median of {}), {:.1} MiB then.\n",
        results.start_ms,
        results.starts_ms.len(),
        results.start_rss_mib,
    )?;
    writeln!(text, "| promise | measured | bound | |\n|---|--:|--:|---|")?;
    for Goal { text: promise, measured, bound, is_met } in goals {
        let verdict = if *is_met { "kept" } else { "not kept" };
        writeln!(text, "| {promise} | {measured:.2} | {bound} | {verdict} |")?;
    }
    Ok(text)
}

/// Everything, sample by sample.
pub fn json(results: &Results, goals: &[Goal]) -> Value {
    json!({ "results": results, "goals": goals })
}
