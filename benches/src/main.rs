//! The program `belgie-bench`: what a tool call costs through the gateway, beside the same call through less.
//! `README.md` says how to run it and how to read what it prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "results go to the one, progress to the other")]
#![expect(clippy::indexing_slicing, reason = "JSON values are indexed: what is not there is null")]

mod agent;
mod callgrind;
mod cell;
mod client;
mod crash;
mod folder;
mod goals;
mod load;
mod measure;
mod meter;
mod process;
mod refresh_race;
mod report;
mod run;
mod scale;
mod server;
mod sessions;
mod startup;
mod stats;
mod tokens;
mod wire;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

/// As in the program `belgie`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "belgie-bench", about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// Measures tool calls through the gateway and through less.
#[derive(Subcommand)]
enum Verb {
    /// Measures everything and prints one Markdown table and one JSON value
    Run(run::Options),
    /// Measures session look-ups beside better-auth
    Sessions(sessions::Options),
    /// Measures calls beside a nearly empty database and beside a full one
    Scale(scale::Options),
    /// Measures how long a change of rights takes to count
    Changes(scale::changes::Options),
    /// Kills the program while calls are counted, and holds the ledger against what was answered and told
    Crash(crash::Options),
    /// Refreshes with one token at two processes at once and kills one of them, and counts pairs
    RefreshRace(refresh_race::Options),
    /// Measures token exchanges beside better-auth's OAuth provider
    Tokens(tokens::Options),
    /// Makes the world of `crash`, and prints the token
    #[command(hide = true)]
    CrashPart {
        /// The settings of the gateway
        config: PathBuf,
        /// Since when is paid, in seconds since 1970
        start: i64,
        /// Until when
        end: i64,
    },
    /// Measures what a plan and a meter add to a call
    Meter(meter::Options),
    /// Plays one part of `meter`
    #[command(hide = true, subcommand)]
    MeterPart(meter::server::Part),
    /// Plays one part of `scale`
    #[command(hide = true, subcommand)]
    ScalePart(scale::Part),
    /// Serves one variant on a free port, named in a line of JSON, until standard input ends
    Server {
        /// Which one
        variant: cell::Variant,
    },
    /// Makes an account and a token for a gateway, and prints the token
    #[command(hide = true)]
    Token {
        /// Where its database is or will be
        data: PathBuf,
        /// Where it listens
        address: SocketAddr,
    },
    /// Runs the program `belgie` with these arguments
    Belgie {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().verb {
        Verb::Run(options) => run::run(&options).map(verdict),
        Verb::Sessions(options) => sessions::run(&options).map(verdict),
        Verb::Scale(options) => scale::run(&options).map(verdict),
        Verb::Changes(options) => scale::changes::run(&options).map(verdict),
        Verb::Crash(options) => crash::run(&options).map(verdict),
        Verb::RefreshRace(options) => refresh_race::run(&options).map(verdict),
        Verb::Tokens(options) => tokens::run(&options).map(verdict),
        Verb::CrashPart { config, start, end } => crash::prepare::play(&config, start..end).map(|()| ExitCode::SUCCESS),
        Verb::Meter(options) => meter::run(&options).map(verdict),
        Verb::MeterPart(part) => meter::server::play(&part).map(|()| ExitCode::SUCCESS),
        Verb::ScalePart(part) => scale::play(&part).map(|()| ExitCode::SUCCESS),
        Verb::Server { variant } => server::serve(variant).map(|()| ExitCode::SUCCESS),
        Verb::Token { data, address } => {
            println!("{}", Runtime::new()?.block_on(server::gateway::make_token(&data, address))?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Belgie { arguments } => belgie(arguments),
    }
}

/// A promise that is not kept is no success.
fn verdict(is_kept: bool) -> ExitCode {
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What `src/main.rs` does: the start of the program is measured without a second file to build and to keep in step.
fn belgie(arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let arguments = std::iter::once(OsString::from("belgie")).chain(arguments);
    Ok(Runtime::new()?.block_on(belgie::cli::run(arguments)))
}
