//! Tools, listed and called in both eras.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::cli::demo::agent::Agent;
use crate::cli::demo::calls::Answer;
use crate::cli::demo::expect::{Broken, expect, expect_same};
use crate::cli::demo::report::Notes;
use crate::cli::demo::scene::{Person, Scene};

const WHOAMI: &str = "whoami";

/// `tools/list` without a session.
pub async fn list_tools_modern(scene: &mut Scene) -> Result<(), Broken> {
    let answer = scene.agent.call_modern("tools/list", json!({})).await?;
    scene.notes.add("headers", "MCP-Protocol-Version, Mcp-Method");
    check_tools(&mut scene.notes, &answer)
}

/// `tools/call` without a session.
pub async fn whoami_modern(scene: &mut Scene) -> Result<(), Broken> {
    let answer = scene.agent.call_modern("tools/call", call(WHOAMI)).await?;
    scene.notes.add("headers", "MCP-Protocol-Version, Mcp-Method, Mcp-Name");
    check_caller(&mut scene.notes, &answer, &scene.person, &scene.agent)
}

/// `initialize` and `notifications/initialized`.
pub async fn open_session(scene: &mut Scene) -> Result<(), Broken> {
    let answer = scene.agent.open_session().await?;
    let server = |key: &str| answer.result.pointer(&format!("/serverInfo/{key}")).and_then(Value::as_str);
    scene.notes.add("server", format!("{} {}", server("name").unwrap_or("?"), server("version").unwrap_or("?")));
    scene.notes.add_secret("session", scene.agent.session_id()?);
    note_form(&mut scene.notes, &answer);
    Ok(())
}

/// `tools/list` in the session.
pub async fn list_tools_legacy(scene: &mut Scene) -> Result<(), Broken> {
    let answer = scene.agent.call_legacy("tools/list", &json!({})).await?;
    check_tools(&mut scene.notes, &answer)
}

/// `tools/call` in the session.
pub async fn whoami_legacy(scene: &mut Scene) -> Result<(), Broken> {
    let answer = scene.agent.call_legacy("tools/call", &call(WHOAMI)).await?;
    check_caller(&mut scene.notes, &answer, &scene.person, &scene.agent)
}

/// `DELETE`, after which the id is as good as unknown (MCP 2025-11-25, transports, session management).
pub async fn close_session(scene: &mut Scene) -> Result<(), Broken> {
    scene.agent.close_session().await?;
    let reply = scene.agent.knock_legacy("tools/list").await?;
    scene.notes.add("its id now", reply.status.to_string());
    scene.agent.session = None;
    reply.expect_status(StatusCode::NOT_FOUND)
}

fn call(tool: &str) -> Value {
    json!({ "name": tool, "arguments": {} })
}

/// The names in an answer to `tools/list`, in its order.
pub fn tool_names(answer: &Answer) -> Vec<&str> {
    let tools = answer.result.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tools.iter().filter_map(|tool| tool.get("name")?.as_str()).collect()
}

fn check_tools(notes: &mut Notes, answer: &Answer) -> Result<(), Broken> {
    let names = tool_names(answer);
    let listed = names.join(", ");
    notes.add("tools", listed.as_str());
    note_form(notes, answer);
    expect(names.contains(&WHOAMI), "a list with the tool whoami", || format!("the list [{listed}]"))
}

/// Demands that `whoami` names this person and this agent, and notes what it says.
pub fn check_caller(notes: &mut Notes, answer: &Answer, person: &Person, agent: &Agent) -> Result<(), Broken> {
    let is_error = answer.result.get("isError").and_then(Value::as_bool).unwrap_or(false);
    expect(!is_error, "an answer of the tool", || answer.result.to_string())?;
    let caller = answer.result.get("structuredContent").unwrap_or(&Value::Null);
    let text = |pointer: &str| caller.pointer(pointer).and_then(Value::as_str).unwrap_or("nobody");
    notes.add("user", format!("{} <{}>", text("/user/name"), text("/user/email")));
    notes.add("client", format!("{} ({})", text("/client/name"), text("/client/id")));
    notes.add("scopes", some(caller.get("scopes"), "none by name"));
    notes.add("organization", some(caller.get("organization"), "none yet"));
    notes.add("teams", some(caller.get("teams"), "none yet"));
    notes.add("plan", some(caller.get("subscription"), "none yet"));
    note_form(notes, answer);
    expect_same("user", text("/user/email"), person.email)?;
    expect_same("client", text("/client/id"), agent.client_id()?)
}

fn note_form(notes: &mut Notes, answer: &Answer) {
    notes.add("came as", if answer.is_stream { "an event stream" } else { "JSON" });
}

/// A slot of the caller in words: the name a person knows it by, or `nothing` when it is empty.
fn some(slot: Option<&Value>, nothing: &str) -> String {
    match slot.unwrap_or(&Value::Null) {
        Value::Null => nothing.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => nothing.to_owned(),
        Value::Array(items) => items.iter().map(|item| some(Some(item), nothing)).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let name = ["name", "slug", "plan", "id"].into_iter().find_map(|key| members.get(key)?.as_str());
            name.map_or_else(|| Value::Object(members.clone()).to_string(), str::to_owned)
        }
        other => other.to_string(),
    }
}
