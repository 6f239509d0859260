//! A gateway with a tool of your own. Run it with `cargo run --example notes`.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    clippy::expect_used,
    reason = "an example says where it listens and keeps to the point"
)]

use std::sync::Mutex;

use belgie::api::rmcp::handler::server::wrapper::Parameters;
use belgie::api::{Caller, State, ToolSet, access, tool};
use belgie::config::RawConfig;
use belgie::{Belgie, ScopeInfo};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Default)]
struct Notes(Mutex<Vec<(String, String)>>);

#[derive(Deserialize, JsonSchema)]
struct NewNote {
    /// What to remember.
    text: String,
}

/// The caller is an argument: nobody gets here without being known.
async fn remember(State(notes): State<Notes>, caller: Caller, Parameters(new): Parameters<NewNote>) -> String {
    let mut notes = notes.0.lock().expect("no note writer panics");
    notes.push((caller.user().email.clone(), new.text));
    format!("{} now has {} notes", caller.user().email, notes.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tools = ToolSet::new(Notes::default()).tool(
        tool("remember", "Writes a note down").arguments::<NewNote>().plain(),
        access().scope("notes:write"),
        remember,
    );
    let (gateway, listener) = Belgie::builder(RawConfig::of_process(Default::default())?)
        .tools(tools)
        .scope(ScopeInfo::by_default("notes:write", "Write notes in your name"))
        .listen()
        .await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Give your agent this address: {}", gateway.host().urls().absolute("/mcp"));
    gateway.run(listener).await;
    Ok(())
}
