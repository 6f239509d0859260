//! Connections that ask for tokens, each one after the other.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::client::Connection;
use crate::stats::percentile;

/// One round of one exchange at one server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Tokens that were handed out, a second.
    pub tokens_per_second: f64,
    /// The middle of the times, in microseconds.
    pub p50_us: f64,
    /// What a hundredth of them exceeds.
    pub p99_us: f64,
    /// What a token cost the server, in microseconds of its core.
    pub cpu_us: f64,
}

/// What a connection sends: the same form each time, or one with the refresh token it was handed last.
#[derive(Clone)]
pub struct Asker {
    /// The form but for the refresh token.
    pub form: String,
    /// The refresh token, if it is about one.
    pub refresh: Option<String>,
}

impl Asker {
    fn form(&self) -> String {
        match &self.refresh {
            Some(token) => format!("{}&refresh_token={token}", self.form),
            None => self.form.clone(),
        }
    }

    /// Takes an answer, which has to be a token.
    fn take(&mut self, status: u16, body: &str) -> anyhow::Result<()> {
        ensure!(status == 200, "status {status}: {body}");
        let told: Value = serde_json::from_str(body).context("no JSON")?;
        ensure!(told["access_token"].is_string(), "no token: {body}");
        if let Some(refresh) = &mut self.refresh {
            let next = told["refresh_token"].as_str().context("no refresh token")?;
            ensure!(next != refresh, "the refresh token is the one from before");
            next.clone_into(refresh);
        }
        Ok(())
    }
}

/// Lets all ask for so long; how long each answer took, in microseconds. Refresh tokens go on where they are.
pub fn run(address: SocketAddr, path: &str, askers: &mut [Asker], seconds: u32) -> anyhow::Result<Vec<f64>> {
    let end = Instant::now() + Duration::from_secs(seconds.into());
    thread::scope(|scope| {
        let threads: Vec<_> =
            askers.iter_mut().map(|asker| scope.spawn(move || ask(address, path, asker, end))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.append(&mut thread.join().unwrap_or_else(|_| bail!("a connection panicked"))?);
        }
        Ok(all)
    })
}

fn ask(address: SocketAddr, path: &str, asker: &mut Asker, end: Instant) -> anyhow::Result<Vec<f64>> {
    let headers = [("Content-Type", "application/x-www-form-urlencoded".to_owned())];
    let (mut connection, mut took) = (Connection::open(address)?, Vec::new());
    while Instant::now() < end {
        let form = asker.form();
        let begin = Instant::now();
        let answer = connection.post(path, &headers, &form)?;
        took.push(begin.elapsed().as_secs_f64() * 1e6);
        asker.take(answer.status, &answer.body)?;
    }
    Ok(took)
}

impl Sample {
    /// Of the times of all answers within these seconds, for which the server was at work for so long.
    pub fn of(times: &[f64], seconds: u32, cpu: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
        let count = times.len() as f64;
        Self {
            tokens_per_second: count / f64::from(seconds),
            p50_us: percentile(times.iter().copied(), 50.0),
            p99_us: percentile(times.iter().copied(), 99.0),
            cpu_us: cpu.as_secs_f64() * 1e6 / count,
        }
    }
}
