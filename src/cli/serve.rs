//! `belgie serve`: the real thing.

use std::process::ExitCode;

use belgie_api::Failure;
use serde_json::json;

use super::output::CliError;
use super::{builder, last_address};
use crate::config::Overrides;
use crate::gateway::Gateway;
use crate::telemetry;

/// Serves until SIGTERM or an interrupt, then lets requests in hand finish, unless it is told a second time.
pub async fn serve(overrides: Overrides, demo_tools: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let mut builder = builder(overrides)?;
    if demo_tools {
        builder = builder.demo_tools();
    }
    let checked = builder.check()?;
    let log = &checked.config().log;
    let format = match log.format {
        crate::config::LogFormat::Human => telemetry::LogFormat::Human,
        crate::config::LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::install(&telemetry::TelemetrySettings { filter: log.filter.clone(), format })
        .map_err(Failure::internal)?;
    let (checked, listener) = checked.bind().await?;
    let gateway = checked.open().await?;
    let bound = gateway.config().server.listen;
    super::refuse_pending(&gateway)?;
    last_address::remember(gateway.config(), bound)?;
    let setup = gateway.offer_setup().await?;
    announce(&gateway, bound, setup.as_deref(), as_json);
    gateway.run(listener).await;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "a server says once where it listens; the set-up link must not end up in logs")]
fn announce(gateway: &Gateway, bound: std::net::SocketAddr, setup: Option<&str>, as_json: bool) {
    let urls = gateway.host().urls();
    if as_json {
        let line = json!({
            "listening": bound.to_string(),
            "base_url": urls.issuer(),
            "mcp_url": urls.absolute(crate::web::MCP_PATH),
            "setup_url": setup,
        });
        println!("{line}");
        return;
    }
    println!("Belgie {} listens on {bound}", env!("CARGO_PKG_VERSION"));
    println!("  pages         {}", urls.issuer());
    println!("  MCP endpoint  {}", urls.absolute(crate::web::MCP_PATH));
    if let Some(link) = setup {
        println!("\nNobody is an administrator yet. Make the account of one here, once, within 24 hours:\n  {link}");
    }
}
