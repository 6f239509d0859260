//! Instructions per call, counted by valgrind: the one number here that does not depend on what else the machine does.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::agent::Agent;
use crate::cell::{Era, Variant};
use crate::process::Server;

/// Calls before the count begins.
const WARM_UP: usize = 30;

/// Whether valgrind is there.
pub fn is_there() -> bool {
    let probe = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// Counts the instructions of one call in each era, over so many calls on one connection. The profiles stay in the
/// folder, for `callgrind_annotate`.
pub fn count(variant: Variant, calls: usize, folder: &Path) -> anyhow::Result<Vec<(Era, f64)>> {
    let file = folder.join(format!("callgrind.{}", variant.word()));
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(&file);
    let mut runner: Vec<OsString> =
        ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"].map(Into::into).into();
    runner.push(out);
    let server = Server::start(variant, &runner)?;
    let control = |action: &[&str]| control(server.process.id(), action);
    control(&["--instr=on"])?;
    let mut counts = Vec::new();
    for (dump, era) in Era::ALL.into_iter().enumerate() {
        let mut agent = Agent::open(&server.ready, era)?;
        agent.call(WARM_UP)?;
        control(&["--zero"])?;
        agent.call(calls)?;
        control(&["--dump"])?;
        let profile = folder.join(format!("callgrind.{}.{era}", variant.word()));
        fs::rename(folder.join(format!("callgrind.{}.{}", variant.word(), dump + 1)), &profile)?;
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        counts.push((era, instructions(&profile)? as f64 / calls as f64));
    }
    Ok(counts)
}

fn control(process: u32, action: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("callgrind_control").args(action).arg(process.to_string()).output()?;
    ensure!(output.status.success(), "callgrind_control {action:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn instructions(profile: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(profile)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    Ok(total.context("the profile has no total")?.trim().parse()?)
}
