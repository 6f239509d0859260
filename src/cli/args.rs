//! What can be typed. This is the operator contract: names here do not change.

use std::path::PathBuf;

use belgie_api::command::PluginCommand;
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};

use crate::config::Overrides;

/// An MCP-first authenticated gateway.
#[derive(Parser, Debug)]
#[command(name = "belgie", version, about, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Args, Debug)]
pub struct Global {
    /// The configuration file; without it `belgie.toml` in this folder, if there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the database file and the secret live
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Print one JSON value for machines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Answer requests
    Serve {
        /// Address and port; port 0 takes a free one
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
        /// Add the tools echo, add, slow and step_up, to try a client with
        #[arg(long)]
        demo_tools: bool,
    },
    /// Play an agent against a gateway of its own and show every step
    Demo,
    /// Bring the tables up to date
    Migrate,
    /// Check the configuration and show what would be used, secrets masked
    Check,
    /// Check clock, keys, database and the public address
    Doctor,
    /// Show every route, tool, scope, table and command
    Surface,
    /// Explain whether somebody may call a tool, and why
    Explain(ExplainArgs),
    /// Judge the calls on record by the rules of the configuration: what would be different?
    Simulate(SimulateArgs),
    /// People with an account
    #[command(subcommand)]
    User(UserVerb),
    /// Browser sessions
    #[command(subcommand)]
    Session(SessionVerb),
    /// Who did what to whom, and who was let through or refused
    #[command(subcommand)]
    Audit(AuditVerb),
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("thing").required(true).args(["tool", "prompt", "resource"]))]
pub struct ExplainArgs {
    /// Whom it is about: the address the account signs in with, or its id
    #[arg(long)]
    pub user: String,
    /// The organization the call is made for, by its name in URLs; without it, the person alone
    #[arg(long, value_name = "SLUG")]
    pub org: Option<String>,
    /// A team of the organization that its grant names, by name or id; several times for several, without it all of them
    #[arg(long = "team", value_name = "TEAM")]
    pub teams: Vec<String>,
    /// The client that calls, by its id
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// The scopes of its token, separated by spaces; without them, those that agents get by default
    #[arg(long)]
    pub scopes: Option<String>,
    /// The tool
    #[arg(long)]
    pub tool: Option<String>,
    /// Instead of a tool, a prompt
    #[arg(long)]
    pub prompt: Option<String>,
    /// Instead of a tool, a resource
    #[arg(long, value_name = "URI")]
    pub resource: Option<String>,
    /// The arguments of the call, as a JSON object
    #[arg(long, value_name = "JSON")]
    pub arguments: Option<String>,
    /// Know the tools of `serve --demo-tools`, too
    #[arg(long)]
    pub demo_tools: bool,
}

#[derive(Subcommand, Debug)]
pub enum UserVerb {
    /// Make an account
    Create {
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// What to call the person
        #[arg(long, default_value = "")]
        name: String,
        /// Read the password from standard input (one line); without it, it is asked for
        #[arg(long)]
        password_stdin: bool,
        /// Give the account the user scope `admin`
        #[arg(long)]
        admin: bool,
    },
    /// List all accounts
    List,
    /// Delete an account with everything that hangs on it
    Delete {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
    },
    /// Keep somebody out: sessions end, tokens are refused at once
    Ban {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
        /// Why; operators see it
        #[arg(long, default_value = "")]
        reason: String,
        /// What the person is told besides, once they prove who they are
        #[arg(long, default_value = "")]
        notice: String,
        /// For how long; without it, until it is taken back
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Take a ban back
    Unban {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
    },
    /// Give an account these scopes of its own and no others
    SetScopes {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
        /// The scopes, separated by spaces; empty for none
        #[arg(long = "scope", value_name = "SCOPES")]
        scopes: String,
    },
    /// Mark the address of an account as proven
    Verify {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
        /// The owner of the address made the account: without this, its password, sessions, agents and linked accounts end
        #[arg(long)]
        is_theirs: bool,
    },
}

#[derive(Subcommand, Debug)]
pub enum AuditVerb {
    /// List the latest acts and decisions, the last one first
    List(RecordArgs),
    /// Print acts and decisions, oldest first, a JSON object on each line
    Export(ExportArgs),
}

/// Which part of the record.
#[derive(Args, Debug)]
pub struct PartArgs {
    /// Only what belongs to this organization, by its name in URLs or its id
    #[arg(long, value_name = "SLUG")]
    pub org: Option<String>,
    /// From when on: a day, RFC 3339, or how long ago (7d)
    #[arg(long, value_name = "MOMENT")]
    pub since: Option<String>,
    /// Until when
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<String>,
}

#[derive(Args, Debug)]
pub struct RecordArgs {
    /// Only acts by and to this account, by its address or id, and its calls
    #[arg(long, value_name = "EMAIL")]
    pub user: Option<String>,
    /// Only what came through this client, by its id
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// Only calls of this tool, prompt or resource
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub denied: bool,
    /// Only `acts`, or only `decisions`
    #[arg(long, value_name = "WHAT")]
    pub only: Option<String>,
    #[command(flatten)]
    pub part: PartArgs,
    /// How many
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Older than this place, which the list before it named
    #[arg(long, value_name = "PLACE")]
    pub before: Option<String>,
}

#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    pub part: PartArgs,
    /// In the order of writing, what is behind the entry of this id: that of the last line you have, or `start`. Nothing of
    /// the last minute, and nothing is left out or comes twice
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

#[derive(Args, Debug)]
pub struct SimulateArgs {
    #[command(flatten)]
    pub part: PartArgs,
    /// End with 1 when anything would be different
    #[arg(long)]
    pub fail_on_change: bool,
    /// Know the tools of `serve --demo-tools`, too
    #[arg(long)]
    pub demo_tools: bool,
}

#[derive(Subcommand, Debug)]
pub enum SessionVerb {
    /// List the live sessions of an account
    List {
        /// The address the account signs in with
        #[arg(long)]
        email: String,
    },
    /// End a session at once
    Revoke {
        /// The session, as `ses_...`
        id: String,
    },
}

/// The core's commands and those of plugins.
pub fn command(nouns: &[PluginCommand]) -> clap::Command {
    nouns.iter().fold(Cli::command(), |command, noun| command.subcommand(noun.command.clone()))
}

/// What of the configuration was given on the command line.
pub fn overrides(matches: &clap::ArgMatches) -> Overrides {
    let listen = matches.subcommand_matches("serve").and_then(|serve| serve.get_one::<String>("listen")).cloned();
    Overrides {
        config: matches.get_one::<PathBuf>("config").cloned(),
        data_dir: matches.get_one::<PathBuf>("data_dir").cloned(),
        listen,
    }
}
