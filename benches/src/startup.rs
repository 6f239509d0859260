//! From the start of `belgie serve` on an empty folder, tables and keys to be made, to the first answer.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::client::Connection;
use crate::folder::Folder;
use crate::process::Process;

/// What one start took.
pub struct Start {
    /// Until `/healthz` was answered.
    pub took: Duration,
    /// The memory after that answer, in KiB.
    pub rss_kib: u64,
}

/// Starts once. Not pinned: operators do not pin either.
pub fn start() -> anyhow::Result<Start> {
    let folder = Folder::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["belgie", "--json", "--data-dir"])
        .arg(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .stderr(std::process::Stdio::null());
    let begin = Instant::now();
    let mut process = Process::start(&mut command)?;
    let line = process.first_line()?;
    let ready: Value = serde_json::from_str(&line).context("`belgie serve` does not say where it listens")?;
    let address = ready["listening"].as_str().context("the address is missing")?.parse()?;
    let answer = Connection::open(address)?.get("/healthz")?;
    let took = begin.elapsed();
    ensure!(answer.status == 200, "/healthz was answered with status {}", answer.status);
    let rss_kib = process.rss_kib()?;
    process.kill()?;
    Ok(Start { took, rss_kib })
}
