//! A protected MCP server whose tools know who is calling. `cargo run --example mcp`.
//!
//! Nothing reaches a tool without a caller: a missing token is a 401 that says where to get one, a missing scope a 403 that
//! names it, and a revoked token ends what still runs.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use belgie::api::rmcp::handler::server::wrapper::Parameters;
use belgie::api::tools::Denied;
use belgie::api::{Caller, State, ToolSet, access, tool};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, ScopeGrant, ScopeInfo};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Report {
    /// Whether the figures of everybody are wanted, too.
    #[serde(default)]
    everybody: bool,
}

/// Signed-in callers only; no scope is asked for.
async fn greet(caller: Caller) -> String {
    format!("{} calls through {}", caller.user().email, caller.client().name)
}

/// The rule asks for `reports:read`; what only the arguments make necessary is asked for inside.
async fn report(
    State(site): State<String>,
    caller: Caller,
    Parameters(wanted): Parameters<Report>,
) -> Result<String, Denied> {
    if wanted.everybody {
        caller.require_scope("reports:all")?;
        return Ok(format!("Everybody at {site}: 42"));
    }
    Ok(format!("{} at {site}: 7", caller.user().email))
}

/// The gateway with its tools and the scopes they ask for.
pub fn builder(config: RawConfig) -> Builder {
    let scope = |name: &'static str, description: &'static str, grant| ScopeInfo::new(name, description, grant);
    let tools = ToolSet::new("the example".to_owned())
        .tool(tool("greet", "Says who is calling"), access(), greet)
        .tool(tool("report", "Figures").arguments::<Report>(), access().scope("reports:read"), report);
    Belgie::builder(config)
        .tools(tools)
        .scope(scope("reports:read", "Read your figures", ScopeGrant::ByDefault))
        .scope(scope("reports:all", "Read the figures of everybody", ScopeGrant::OnRequest))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Give your agent this address: {}", gateway.host().urls().absolute("/mcp"));
    gateway.run(listener).await;
    Ok(())
}
