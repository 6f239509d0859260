//! A gateway with the conformance fixture behind it:
//!
//! ```sh
//! belgie-conformance-gateway <empty directory> [admin-action]
//! ```
//!
//! It makes an account and a personal access token, prints `{"mcp_url": ..., "token": ...}`, and serves until SIGTERM.
//! Settings come from the environment, as those of `belgie` do. With `admin-action` it has a tool of that name besides, which
//! needs a scope nobody has who did not ask for it; it is no part of what the official suite wants to meet.
//! Since the fixture passes the official suite bare, whatever fails here is the gate's doing.

use std::path::PathBuf;

use anyhow::Context;
use belgie::api::tools::guard;
use belgie::api::{Caller, ScopeSet, ToolSet, access, tool};
use belgie::config::{Overrides, RawConfig};
use belgie::identity::NewAccount;
use belgie::{Belgie, Builder, Gateway, ScopeInfo};
use belgie_conformance_fixture::ConformanceFixture;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const EMAIL: &str = "suite@example.org";
const ADMIN_ACT: &str = "admin:act";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).context("say which directory to keep the data in")?;
    let mut builder = builder(directory.into())?;
    if std::env::args().nth(2).as_deref() == Some("admin-action") {
        builder = with_admin_action(builder);
    }
    let checked = builder.check()?;
    let listener = TcpListener::bind(checked.config().server.listen).await?;
    let gateway = checked.bound_to(listener.local_addr()?).open().await?;
    let token = make_token(&gateway).await?;
    println!("{}", serde_json::json!({ "mcp_url": gateway.host().urls().absolute("/mcp"), "token": token }));
    let (served, stopped) = tokio::join!(gateway.serve(listener), stop_on_sigterm(gateway.stopper()));
    gateway.shutdown().await;
    stopped.map(|()| served).context("SIGTERM cannot be heard")
}

fn builder(directory: PathBuf) -> anyhow::Result<Builder> {
    let overrides =
        Overrides { data_dir: Some(directory), listen: Some("127.0.0.1:0".to_owned()), ..Overrides::default() };
    let config = RawConfig::of_process(overrides)?;
    Ok(Belgie::builder(config).guarded(guard("fixture", access(), ConformanceFixture::new())))
}

/// The tool of the suite's step-up scenario.
fn with_admin_action(builder: Builder) -> Builder {
    let description = "Do what only few may do";
    let scope = ScopeInfo::on_request(ADMIN_ACT, description);
    let admin_action = tool("admin-action", "Does what only few may do").plain();
    let tools = ToolSet::new(()).tool(admin_action, access().scope(ADMIN_ACT), async |caller: Caller| {
        format!("done by {}", caller.user().email)
    });
    builder.scope(scope).tools(tools)
}

/// Makes an account, and a token for it with the very command an operator would type.
async fn make_token(gateway: &Gateway) -> anyhow::Result<String> {
    let account = NewAccount {
        email: EMAIL.to_owned(),
        name: "The conformance suite".to_owned(),
        password: "correct horse battery staple".to_owned(),
        scopes: ScopeSet::new(),
    };
    gateway.identity().create(account).await.map_err(|error| anyhow::anyhow!("no account: {error:?}"))?;
    let commands = Belgie::builder(RawConfig::default()).commands();
    let token = commands.into_iter().find(|command| command.command.get_name() == "token");
    let token = token.context("there is no command `token`")?;
    let typed = ["token", "create", "--email", EMAIL, "--scope", "connections:read", "--ttl", "3600"];
    let matches = token.command.try_get_matches_from(typed)?;
    let output = (token.run)(gateway.host().clone(), matches).await?;
    let made = output.json.get("token").and_then(|token| token.as_str());
    Ok(made.context("the command gave no token")?.to_owned())
}

async fn stop_on_sigterm(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => stop.cancel(),
        () = stop.cancelled() => {}
    }
    Ok(())
}
