//! (c) The whole gateway in this process: edge, token check, caller, decision, tool; on a fresh SQLite file, with a
//! personal access token made the way an operator makes one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow, ensure};
use belgie::api::command::PluginCommand;
use belgie::api::plugin::ScopeInfo;
use belgie::api::{ScopeSet, ToolSet, access, tool};
use belgie::config::RawConfig;
use belgie::identity::NewAccount;
use belgie::{Belgie, Builder, Gateway};
use rmcp::handler::server::wrapper::Parameters;
use tokio::net::TcpListener;

use super::{Echo, Serving};
use crate::cell::Variant;
use crate::wire::TOOL;

const SCOPE: &str = "bench:echo";
const EMAIL: &str = "bench@example.com";

/// Starts the gateway and says which token opens it.
pub async fn start(listener: TcpListener, data: &Path, variant: Variant) -> anyhow::Result<(String, Serving)> {
    let address = listener.local_addr()?;
    // Another process makes account and token, as an operator would: hashing a password leaves its memory behind.
    let made = Command::new(std::env::current_exe()?).arg("token").arg(data).arg(address.to_string()).output()?;
    ensure!(made.status.success(), "no token: {}", String::from_utf8_lossy(&made.stderr));
    let gateway = builder(data, variant).check()?.bound_to(address).open().await?;
    let token = String::from_utf8(made.stdout)?.trim().to_owned();
    Ok((token, Box::pin(async move { gateway.serve(listener).await })))
}

/// Makes tables, an account and a token for the gateway at this address.
pub async fn make_token(data: &Path, address: SocketAddr) -> anyhow::Result<String> {
    let builder = builder(data, Variant::Direct);
    let commands = builder.commands();
    let gateway = builder.check()?.bound_to(address).open().await?;
    let token = token(&gateway, commands).await;
    gateway.shutdown().await;
    token
}

fn builder(data: &Path, variant: Variant) -> Builder {
    let direct_path = variant != Variant::ThroughRmcp;
    let decisions = if variant == Variant::Unrecorded { "off" } else { "all" };
    let data = serde_json::Value::from(data.to_string_lossy());
    // A session for every connection of the load, and those of earlier rounds.
    let config = format!(
        "data_dir = {data}\n[mcp]\ndirect_path = {direct_path}\nmax_sessions_per_user = 1000\n[audit]\ndecisions = \"{decisions}\"\n"
    );
    let description = tool(TOOL, "Gives the text back").arguments::<Echo>().plain();
    Belgie::builder(RawConfig::from_text(&config))
        .scope(ScopeInfo::by_default(SCOPE, "Hear an echo"))
        .tools(ToolSet::new(()).tool(description, access().scope(SCOPE), echo))
}

async fn echo(Parameters(Echo { text }): Parameters<Echo>) -> String {
    text
}

async fn token(gateway: &Gateway, commands: Vec<PluginCommand>) -> anyhow::Result<String> {
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
    let output = (noun.run)(gateway.host().clone(), matches).await.map_err(|failure| anyhow!("no token: {failure}"))?;
    output.json["token"].as_str().map(str::to_owned).context("`token create` shows no token")
}
