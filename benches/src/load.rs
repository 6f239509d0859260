//! Load: wrk on a core of its own, with a script that is written here.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::cell::Era;
use crate::process::LOAD_CORE;
use crate::wire::{self, Headers, Ready};

/// How many different requests are sent, over and over: far more than are under way at a time, so that no two calls of
/// one session have the same id.
const REQUESTS: usize = 1_024;

/// What wrk has seen.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Seen {
    /// Answers.
    pub requests: u64,
    /// From the first request to the last answer, in microseconds.
    pub duration: f64,
    /// The median time of an answer, in microseconds.
    pub p50: f64,
    /// 99 of 100 answers took at most this, in microseconds.
    pub p99: f64,
    /// Answers with a status above 399, and connections that broke.
    pub errors: u64,
}

/// Sends requests to one address from so many connections for so many seconds; `look` is called when most of them are over.
pub fn run<T>(
    script: &Path,
    url: &str,
    connections: usize,
    seconds: u32,
    look: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(Seen, T)> {
    let wrk = Command::new("taskset")
        .args(["-c", LOAD_CORE, "wrk", "--threads", "1", "--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"])
        .arg(script)
        .arg(url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("taskset cannot be started")?;
    std::thread::sleep(Duration::from_secs(seconds.into()).mul_f64(0.8));
    let looked = look();
    let output = wrk.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("seen "));
    let line = line.with_context(|| format!("wrk says: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    let seen: Seen = serde_json::from_str(line)?;
    ensure!(seen.errors == 0 && seen.requests > 0, "not every request was answered: {text}");
    Ok((seen, looked?))
}

/// Writes the script for one server: the calls, each for the next of the sessions, if there are any.
pub fn write_script(path: &Path, era: Era, ready: &Ready, sessions: &[Option<String>]) -> anyhow::Result<()> {
    let mut script = String::from("local requests, last = {}, 0\ninit = function()\n");
    let head = wire::headers(era, ready);
    let mut sessions = sessions.iter().cycle();
    for id in 1..=REQUESTS {
        let session = sessions.next().and_then(Option::as_deref);
        let body = wire::call(era, id);
        writeln!(script, "  requests[{id}] = wrk.format('POST', nil, {}, [==[{body}]==])", lua_table(&head, session))?;
    }
    script.push_str(TAKE_TURNS);
    script.push_str(TELL);
    fs::write(path, script)?;
    Ok(())
}

/// Writes the script for one server without sessions: requests of one method, with this body for each id.
pub fn write_script_of(
    path: &Path,
    era: Era,
    ready: &Ready,
    method: &str,
    body: fn(Era, usize) -> String,
) -> anyhow::Result<()> {
    let mut script = String::from("local requests, last = {}, 0\ninit = function()\n");
    let head = lua_table(&wire::headers_of(era, ready, method), None);
    for id in 1..=REQUESTS {
        writeln!(script, "  requests[{id}] = wrk.format('POST', nil, {head}, [==[{}]==])", body(era, id))?;
    }
    script.push_str(TAKE_TURNS);
    script.push_str(TELL);
    fs::write(path, script)?;
    Ok(())
}

/// Writes the script for one server and many callers in turn, beginning with one: the same call, each time with the next of the
/// tokens of a file, one to a line.
pub fn write_script_of_many(path: &Path, ready: &Ready, tokens: &Path, first: u64) -> anyhow::Result<()> {
    let nobody = Ready { token: None, ..ready.clone() };
    let (head, body) = (lua_table(&wire::headers(Era::Modern, &nobody), None), wire::call(Era::Modern, 1));
    let tokens = tokens.display();
    let script = format!(
        "local tokens, last, head, body = {{}}, {first}, {head}, [==[{body}]==]\ninit = function()\n  \
         for line in io.lines([==[{tokens}]==]) do tokens[#tokens + 1] = line end\nend\nrequest = function()\n  \
         last = last % #tokens + 1\n  head['Authorization'] = 'Bearer ' .. tokens[last]\n  \
         return wrk.format('POST', nil, head, body)\nend\n{TELL}"
    );
    fs::write(path, script)?;
    Ok(())
}

/// Writes the script of one request, a GET with these headers, sent over and over.
pub fn write_get_script(path: &Path, headers: &[(&str, String)]) -> anyhow::Result<()> {
    let mut script = String::new();
    for (name, value) in headers {
        writeln!(script, "wrk.headers['{name}'] = [==[{value}]==]")?;
    }
    script.push_str(TELL);
    fs::write(path, script)?;
    Ok(())
}

const TAKE_TURNS: &str = "end
request = function()
  last = last % #requests + 1
  return requests[last]
end
";

const TELL: &str = r#"done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'seen {"requests":%d,"duration":%d,"p50":%.1f,"p99":%.1f,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#;

fn lua_table(headers: &Headers, session: Option<&str>) -> String {
    let session = session.map(|id| ("Mcp-Session-Id", id));
    let all = headers.iter().map(|(name, value)| (*name, value.as_str())).chain(session);
    let entries: Vec<String> = all.map(|(name, value)| format!("['{name}'] = [==[{value}]==]")).collect();
    format!("{{ {} }}", entries.join(", "))
}
