//! Servers as processes: started, observed through `/proc`, ended by closing their standard input.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::cell::Variant;
use crate::wire::Ready;

/// The core servers run on, and the core the load comes from.
pub const SERVER_CORE: &str = "0";
/// See [`SERVER_CORE`].
pub const LOAD_CORE: &str = "1";

/// One tick of the times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every Linux that runs this.
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// A child that does not outlive this value.
pub struct Process(Child);

impl Process {
    /// Starts a program with its input open and its output to be read.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        child.map(Self).with_context(|| format!("{} cannot be started", command.get_program().display()))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The first line it prints.
    pub fn first_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let out = self.0.stdout.as_mut().context("the output is not read")?;
        BufReader::new(out).read_line(&mut line)?;
        Ok(line)
    }

    /// The time its threads have spent on a core, their own and the kernel's for them.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The second field is the name in brackets and may contain anything; utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').context("stat has another form")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// The memory it has, in KiB.
    pub fn rss_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("status has no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends it at once.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let begin = Instant::now();
        while begin.elapsed() < GRACE {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It is ours, and it has had its time.
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait().map(drop)) {
            eprintln!("process {} stays behind: {error}", self.id());
        }
    }
}

/// A variant that serves.
pub struct Server {
    /// Its process.
    pub process: Process,
    /// How to reach it.
    pub ready: Ready,
}

impl Server {
    /// Starts a variant behind a program that runs it, such as `taskset`, with the arguments of that program.
    pub fn start(variant: Variant, runner: &[impl AsRef<OsStr>]) -> anyhow::Result<Self> {
        let (program, arguments) = runner.split_first().context("nothing runs the server")?;
        let mut command = Command::new(program);
        command.args(arguments).arg(std::env::current_exe()?).args(["server", variant.word()]);
        let mut process = Process::start(command.env_remove("RUST_LOG"))?;
        let line = process.first_line()?;
        let ready = serde_json::from_str(&line).with_context(|| format!("{} did not start", variant.label()))?;
        Ok(Self { process, ready })
    }
}
