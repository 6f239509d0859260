//! The command line: arguments in, exit code out. Commands of plugins stand beside the core's.

mod account;
mod args;
mod audit;
mod check;
pub mod demo;
mod doctor;
mod explain;
mod last_address;
mod output;
mod serve;
mod simulate;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use belgie_api::Failure;
use belgie_api::command::PluginCommand;
use clap::{ArgMatches, FromArgMatches};

use self::args::{Cli, Verb};
use self::output::{CliError, print};
use crate::config::RawConfig;
use crate::gateway::{Belgie, Builder, Gateway};

/// Runs one command.
pub async fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let nouns = Belgie::builder(RawConfig::from_text("")).commands();
    let arguments: Vec<_> = arguments.into_iter().collect();
    let matches = match args::command(&nouns).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(misuse) => return output::misuse(&misuse, arguments.iter().any(|argument| argument == "--json")),
    };
    let json = matches.get_flag("json");
    match Box::pin(dispatch(&matches, &nouns)).await {
        Ok(code) => code,
        Err(error) => error.report(json),
    }
}

async fn dispatch(matches: &ArgMatches, nouns: &[PluginCommand]) -> Result<ExitCode, CliError> {
    let json = matches.get_flag("json");
    let overrides = args::overrides(matches);
    if let Some((noun, noun_matches)) = matches.subcommand()
        && let Some(command) = nouns.iter().find(|command| command.command.get_name() == noun)
    {
        // Whether the server beside it was started with them, a command cannot see; a scope of a tool that is not there opens nothing.
        let gateway = open(builder(overrides)?.demo_tools()).await?;
        let news = News::listen(&gateway);
        let outcome = (command.run)(gateway.host().clone(), noun_matches.clone()).await;
        news.reach_others().await;
        gateway.shutdown().await;
        let output = outcome?;
        print(&output, json)?;
        return Ok(if output.is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let cli = Cli::from_arg_matches(matches)
        .map_err(|error| error.exit())
        .unwrap_or_else(|never: std::convert::Infallible| match never {});
    match cli.verb {
        Verb::Serve { demo_tools, .. } => serve::serve(overrides, demo_tools, json).await,
        Verb::Demo => demo::demo(json).await,
        Verb::Migrate => {
            let gateway = builder(overrides)?.migrate(true).build().await?;
            gateway.shutdown().await;
            print(
                &belgie_api::command::Output::new("The tables are up to date.", serde_json::json!({ "pending": [] })),
                json,
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Check => Box::pin(check::check(builder(overrides)?, json)).await,
        Verb::Doctor => doctor::doctor(builder(overrides)?, json).await,
        Verb::Surface => {
            let gateway = builder(overrides)?.build().await?;
            let surface = gateway.surface().to_owned();
            gateway.shutdown().await;
            print(
                &belgie_api::command::Output::new(surface.trim_end(), serde_json::json!({ "surface": surface })),
                json,
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Explain(asked) => {
            let builder = builder(overrides)?;
            let builder = if asked.demo_tools { builder.demo_tools() } else { builder };
            with_builder(builder, json, async |gateway| explain::explain(gateway, asked).await).await
        }
        Verb::User(verb) => with_gateway(overrides, json, async |gateway| account::user(gateway, verb).await).await,
        Verb::Audit(verb) => {
            let builder = builder(overrides)?.at_rest();
            with_open(builder, async |gateway| audit::audit(gateway, verb, json).await).await
        }
        Verb::Simulate(asked) => {
            // It may be told of a shorter retention, and must take nothing away for it.
            let builder = builder(overrides)?.at_rest();
            let builder = if asked.demo_tools { builder.demo_tools() } else { builder };
            with_open(builder, async |gateway| simulate::simulate(gateway, asked, json).await).await
        }
        Verb::Session(verb) => {
            with_gateway(overrides, json, async |gateway| account::session(gateway, verb).await).await
        }
    }
}

fn builder(overrides: crate::config::Overrides) -> Result<Builder, CliError> {
    let raw = RawConfig::of_process(overrides).map_err(crate::gateway::BootError::Config)?;
    Ok(Belgie::builder(raw))
}

/// Opens a gateway for a command, with its tables up to date.
async fn open(builder: Builder) -> Result<Gateway, CliError> {
    let gateway = last_address::recall(builder.check()?).open().await?;
    match refuse_pending(&gateway) {
        Ok(()) => Ok(gateway),
        Err(error) => {
            gateway.shutdown().await;
            Err(error)
        }
    }
}

/// A program whose tables are behind its code would fail in the middle of its work.
fn refuse_pending(gateway: &Gateway) -> Result<(), CliError> {
    let pending = gateway.pending_migrations().join(", ");
    if pending.is_empty() {
        return Ok(());
    }
    Err(CliError::from(
        Failure::conflict("db.pending_migrations", format!("These migrations have not run yet: {pending}."))
            .hint("Run `belgie migrate` first, or set `database.migrate_on_start = true`."),
    ))
}

async fn with_gateway(
    overrides: crate::config::Overrides,
    json: bool,
    act: impl AsyncFnOnce(&Gateway) -> belgie_api::Result<belgie_api::command::Output>,
) -> Result<ExitCode, CliError> {
    with_builder(builder(overrides)?, json, act).await
}

async fn with_builder(
    builder: Builder,
    json: bool,
    act: impl AsyncFnOnce(&Gateway) -> belgie_api::Result<belgie_api::command::Output>,
) -> Result<ExitCode, CliError> {
    with_open(builder, async |gateway| {
        let news = News::listen(gateway);
        let outcome = act(gateway).await;
        news.reach_others().await;
        print(&outcome?, json)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Whether a command has changed something that a server beside it must hear of.
struct News(Arc<AtomicBool>);

impl News {
    fn listen(gateway: &Gateway) -> Self {
        let is_there = Arc::<AtomicBool>::default();
        let heard = Arc::clone(&is_there);
        gateway.host().db().bus().subscribe(Arc::new(move |_event| heard.store(true, Ordering::SeqCst)));
        Self(is_there)
    }

    /// Waits until every server has heard it or bypasses its caches: when a command says that something is over, it is.
    async fn reach_others(self) {
        if self.0.load(Ordering::SeqCst) {
            tokio::time::sleep(crate::events::HEARD_WITHIN).await;
        }
    }
}

async fn with_open(
    builder: Builder,
    act: impl AsyncFnOnce(&Gateway) -> Result<ExitCode, CliError>,
) -> Result<ExitCode, CliError> {
    // Boxed: the way to a gateway needs much room, and who waits for it would carry it along.
    let gateway = Box::pin(open(builder)).await?;
    let outcome = Box::pin(act(&gateway)).await;
    gateway.shutdown().await;
    outcome
}
