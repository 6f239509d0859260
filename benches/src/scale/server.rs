//! The gateway that is measured: as it is shipped, with a tool that only owners of an organization may call, and one that only
//! members of a team may call.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use belgie::api::plugin::ScopeInfo;
use belgie::api::{ToolSet, access, tool};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Gateway};
use rmcp::handler::server::wrapper::Parameters;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::server::Echo;
use crate::wire::TOOL;

/// The scope the tool needs.
pub const SCOPE: &str = "bench:echo";

/// The tool that only members of [`TEAM`] may call.
pub const TEAM_TOOL: &str = "echo_in_team";

/// The team.
pub const TEAM: &str = "ears";

/// Settings from a file, and the tools.
pub fn builder(config: &Path) -> anyhow::Result<Builder> {
    let text = std::fs::read_to_string(config)?;
    let of = |name: &'static str| tool(name, "Gives the text back").arguments::<Echo>().plain();
    Ok(Belgie::builder(RawConfig::from_text(&text)).scope(ScopeInfo::by_default(SCOPE, "Hear an echo")).tools(
        ToolSet::new(()).tool(of(TOOL), access().scope(SCOPE).role("owner"), echo).tool(
            of(TEAM_TOOL),
            access().scope(SCOPE).team(TEAM),
            echo,
        ),
    ))
}

async fn echo(Parameters(Echo { text }): Parameters<Echo>) -> String {
    text
}

/// The database of the settings, if it is not a file.
pub fn database_url(config: &Path) -> anyhow::Result<Option<String>> {
    let text = std::fs::read_to_string(config)?;
    let line = text.lines().find_map(|line| line.strip_prefix("url = "));
    line.map(|quoted| serde_json::from_str(quoted).context("the address of the database is not quoted")).transpose()
}

/// Opens the gateway and serves it on a free port.
pub async fn open(config: PathBuf) -> anyhow::Result<(SocketAddr, Arc<Gateway>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let gateway = builder(&config)?.check()?.bound_to(address).open().await?;
    let gateway = Arc::new(gateway);
    let serving = Arc::clone(&gateway);
    #[expect(clippy::disallowed_methods, reason = "the process ends with it")]
    tokio::spawn(async move { serving.serve(listener).await });
    Ok((address, gateway))
}

/// Serves on a free port, printed as a line, until standard input ends.
pub fn run(config: &Path) -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (address, _gateway) = runtime.block_on(runtime.spawn(open(config.to_owned())))??;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}
