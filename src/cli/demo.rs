//! `belgie demo`: an agent, a person with a browser and a gateway of their own, over real HTTP, step by step.
//!
//! The agent and the browser are written out by hand and know of the gateway only what it says itself: no address, form
//! field or token is shared behind its back. So the demo is a check, too: [`play`] runs against any gateway where sign-up
//! is open, letters go to the outbox, the tool `add` is for administrators, and `echo` behind the plan `pro`, which is paid at
//! a stand-in for Stripe (`till`).

mod agent;
mod browser;
mod calls;
mod documents;
mod expect;
mod html;
mod report;
mod scene;
mod show;
mod sse;
mod stage;
mod steps;
mod till;
mod wire;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belgie_api::entropy::SystemEntropy;
use belgie_api::{Entropy, Failure};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

pub use self::expect::Broken;
pub use self::report::{Notes, Report, StepReport};
use self::scene::{FIRST, Scene};
use self::show::Show;
use self::stage::Stage;
use self::wire::Wire;
use super::output::CliError;

/// The exit code of a program that was interrupted: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// Opens a gateway, plays against it and shows every step; exits with 1 when a promise was broken.
pub(super) async fn demo(as_json: bool) -> Result<ExitCode, CliError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    // From here on a signal is only noted, so that it cannot leave the directory of the gateway behind.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    let Stage { gateway, listener, mcp_url, till, data_dir } = Stage::open(entropy.as_ref()).await?;
    let mut show = Show::new(std::io::stdout().is_terminal());
    let say = |text: &str| {
        if !as_json {
            write(text);
        }
    };
    say(&show.opening(
        &format!("{}, in this process and gone afterwards", gateway.host().urls().issuer()),
        &format!("\"{}\", an MCP client that knows only {mcp_url}", agent::NAME),
        &format!("{} <{}>, with a browser", FIRST.name, FIRST.email),
    ));
    let stop = gateway.stopper();
    let playing = async {
        let mut tell = |step: &StepReport| say(&show.step(step));
        let report = tokio::select! {
            report = play(mcp_url, &entropy, &mut tell) => Some(report),
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
        };
        stop.cancel();
        report
    };
    let ((), (), report) = tokio::join!(gateway.serve(listener), till.serve(gateway.stopper()), playing);
    gateway.shutdown().await;
    drop(data_dir);
    let Some(report) = report else { return Ok(ExitCode::from(INTERRUPTED)) };
    if as_json {
        write(&format!("{}\n", report.to_json()));
    }
    say(&show.ending(&report));
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays an agent against the gateway with this MCP endpoint, from the first refusal to the last. `tell` hears of each
/// step when it is over; the play ends with the first that is broken. It makes the accounts `ada@example.com` and
/// `grace@example.com`, which must not exist yet, one client and one organization.
pub async fn play(mcp_url: Url, entropy: &Arc<dyn Entropy>, tell: &mut (dyn FnMut(&StepReport) + Send)) -> Report {
    let started = Instant::now();
    let wire = match Wire::new() {
        Ok(wire) => wire,
        Err(broken) => return never_began(broken, started.elapsed()),
    };
    let mut scene = Scene::new(wire, entropy, mcp_url);
    let mut steps = Vec::new();
    for step in steps::script() {
        let began = Instant::now();
        let broken = (step.act)(&mut scene).await.err();
        let report = StepReport {
            chapter: step.chapter,
            name: step.name,
            title: step.title,
            took: began.elapsed(),
            notes: std::mem::take(&mut scene.notes),
            broken,
        };
        tell(&report);
        let is_over = report.broken.is_some();
        steps.push(report);
        if is_over {
            break;
        }
    }
    Report { steps, took: started.elapsed() }
}

fn never_began(broken: Broken, took: Duration) -> Report {
    let step = StepReport {
        chapter: "Before the play",
        name: "prepare",
        title: "The actors get ready",
        took,
        notes: Notes::default(),
        broken: Some(broken),
    };
    Report { steps: vec![step], took }
}

/// Whoever reads may have left before the end; that is no failure of the play.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
