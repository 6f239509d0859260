//! Commands a plugin adds to the command line.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use clap::{ArgMatches, Command};

use crate::failure::Result;
use crate::ports::Host;

/// The future of a running command.
pub type CommandFuture = Pin<Box<dyn Future<Output = Result<Output>> + Send>>;

/// A noun of the command line, such as `client`, with its verbs. Two of one name stop the boot.
#[derive(Clone)]
pub struct PluginCommand {
    /// The noun and its verbs, as clap subcommands.
    pub command: Command,
    /// Runs one verb: the matches are those of the noun.
    pub run: Arc<dyn Fn(Host, ArgMatches) -> CommandFuture + Send + Sync>,
}

impl PluginCommand {
    /// Puts a command and what runs it together.
    #[must_use]
    pub fn new<F, Fut>(command: Command, run: F) -> Self
    where
        F: Fn(Host, ArgMatches) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Output>> + Send + 'static,
    {
        Self { command, run: Arc::new(move |host, matches| Box::pin(run(host, matches))) }
    }
}

/// What a command says: to people, and with `--json` to machines.
#[derive(Clone, Debug)]
pub struct Output {
    /// Lines for people.
    pub text: String,
    /// One JSON value for machines.
    pub json: serde_json::Value,
    /// Whether what it found is not as it should be: the program ends with 1 then.
    pub is_bad: bool,
}

impl Output {
    /// Both forms of one answer.
    #[must_use]
    pub fn new(text: impl Into<String>, json: serde_json::Value) -> Self {
        Self { text: text.into(), json, is_bad: false }
    }

    /// The same; `is_bad`: whether what it says is not as it should be.
    #[must_use]
    pub fn bad(mut self, is_bad: bool) -> Self {
        self.is_bad = is_bad;
        self
    }
}
