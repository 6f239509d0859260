//! The gateways that are measured: as they are shipped, with one tool; one has a plan and a meter before it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use belgie::api::ScopeSet;
use belgie::api::plugin::ScopeInfo;
use belgie::api::{ToolSet, access, tool};
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Builder};
use clap::Subcommand;
use rmcp::handler::server::wrapper::Parameters;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};

use crate::folder::Folder;
use crate::server::Echo;
use crate::wire::TOOL;

const SCOPE: &str = "bench:echo";
const EMAIL: &str = "bench@example.com";

/// A plan that everybody has, and a meter with more on it than a run uses. Nothing leaves the machine: the meter tells no
/// events.
const COUNTED: &str = r#"
[plugins.stripe]
secret_key = "sk_test_bench"
webhook_secret = "whsec_bench"

[[meter]]
name = "calls"

[[plan]]
name = "free"
[plan.quotas.calls]
included = 1000000000

[[access]]
tools = ["echo"]
plans = ["free"]
meter = "calls"
"#;

/// What the processes of a run are told.
#[derive(Subcommand)]
pub enum Part {
    /// Makes tables, an account and a token, and prints the token
    Prepare {
        /// The settings of the gateway
        config: PathBuf,
    },
    /// Serves on a free port, named in a line, until standard input ends
    Serve {
        /// The settings of the gateway
        config: PathBuf,
    },
}

/// Plays one part.
pub fn play(part: &Part) -> anyhow::Result<()> {
    match part {
        Part::Prepare { config } => prepare(config),
        Part::Serve { config } => serve(config),
    }
}

/// Writes the settings of a gateway.
pub fn write_config(folder: &Folder, is_counted: bool, postgres: Option<&str>) -> anyhow::Result<PathBuf> {
    let config = folder.path().join("belgie.toml");
    let data = serde_json::Value::from(folder.path().to_string_lossy());
    let database =
        postgres.map(|url| format!("[database]\nurl = {}\nmigrate_on_start = true\n", serde_json::Value::from(url)));
    let database = database.unwrap_or_default();
    let more = if is_counted { COUNTED } else { "" };
    std::fs::write(&config, format!("data_dir = {data}\n{database}{more}"))?;
    Ok(config)
}

/// How a server of Postgres writes what is committed.
pub fn commits(url: &str) -> anyhow::Result<String> {
    Runtime::new()?.block_on(async {
        let mut conn = PgConnection::connect(url).await?;
        let mut said = Vec::new();
        for (name, sql) in [("fsync", "SHOW fsync"), ("synchronous_commit", "SHOW synchronous_commit")] {
            let value: String = sqlx::query_scalar(sql).fetch_one(&mut conn).await?;
            said.push(format!("{name} = {value}"));
        }
        Ok(said.join(", "))
    })
}

fn builder(config: &Path) -> anyhow::Result<Builder> {
    let text = std::fs::read_to_string(config)?;
    let description = tool(TOOL, "Gives the text back").arguments::<Echo>().plain();
    Ok(Belgie::builder(RawConfig::from_text(&text))
        .scope(ScopeInfo::by_default(SCOPE, "Hear an echo"))
        .tools(ToolSet::new(()).tool(description, access().scope(SCOPE), echo)))
}

async fn echo(Parameters(Echo { text }): Parameters<Echo>) -> String {
    text
}

fn prepare(config: &Path) -> anyhow::Result<()> {
    let token = Runtime::new()?.block_on(async {
        let builder = builder(config)?;
        let commands = builder.commands();
        let gateway = builder.check()?.open().await?;
        let account = NewAccount {
            email: EMAIL.to_owned(),
            name: String::new(),
            password: "a password nobody signs in with".to_owned(),
            scopes: ScopeSet::new(),
        };
        gateway.identity().create(account).await.map_err(|error| anyhow!("no account: {error:?}"))?;
        let noun = commands.into_iter().find(|noun| noun.command.get_name() == "token");
        let noun = noun.context("no plugin has the command `token`")?;
        let words = ["token", "create", "--email", EMAIL, "--scope", SCOPE, "--ttl", "86400"];
        let matches = noun.command.try_get_matches_from(words)?;
        let output =
            (noun.run)(gateway.host().clone(), matches).await.map_err(|failure| anyhow!("no token: {failure}"))?;
        gateway.shutdown().await;
        output.json["token"].as_str().map(str::to_owned).context("`token create` shows no token")
    })?;
    println!("{token}");
    Ok(())
}

fn serve(config: &Path) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let builder = builder(config)?;
    let (address, _serving) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let gateway = builder.check()?.bound_to(address).open().await?;
        #[expect(clippy::disallowed_methods, reason = "the process ends with it")]
        let serving = tokio::spawn(async move { gateway.serve(listener).await });
        anyhow::Ok((address, serving))
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}
