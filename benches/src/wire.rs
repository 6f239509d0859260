//! The requests that are sent, and what counts as an answer to them.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cell::Era;
use crate::client::{Answer, Connection};

/// Where all variants answer.
pub const PATH: &str = "/mcp";

/// The tool that all variants have.
pub const TOOL: &str = "echo";

const CALL: &str = "tools/call";

const TEXT: &str = "The quick brown fox jumps over the lazy dog.";

/// The line a server prints once it listens.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ready {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wants to see before it answers.
    pub token: Option<String>,
}

/// Header names and values.
pub type Headers = Vec<(&'static str, String)>;

/// Everything a call sends in its head but the session.
pub fn headers(era: Era, ready: &Ready) -> Headers {
    headers_of(era, ready, CALL)
}

/// The same for another method.
pub fn headers_of(era: Era, ready: &Ready, method: &str) -> Headers {
    headers_naming(era, ready, method, TOOL)
}

/// The same for a call of another tool.
pub fn headers_for(era: Era, ready: &Ready, tool: &str) -> Headers {
    headers_naming(era, ready, CALL, tool)
}

fn headers_naming(era: Era, ready: &Ready, method: &str, tool: &str) -> Headers {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("Accept", "application/json, text/event-stream".to_owned()),
        ("MCP-Protocol-Version", era.version().to_owned()),
    ];
    if era == Era::Modern {
        headers.push(("Mcp-Method", method.to_owned()));
        if method == CALL {
            headers.push(("Mcp-Name", tool.to_owned()));
        }
    }
    headers.extend(ready.token.as_ref().map(|token| ("Authorization", format!("Bearer {token}"))));
    headers
}

/// The body of a call.
pub fn call(era: Era, id: usize) -> String {
    call_for(era, id, TOOL)
}

/// The body of a call of another tool that gives the text back.
pub fn call_for(era: Era, id: usize, tool: &str) -> String {
    call_of(era, id, tool, &json!({ "text": TEXT }))
}

/// The body of a call of any tool.
pub fn call_of(era: Era, id: usize, tool: &str, arguments: &Value) -> String {
    message_of(era, id, CALL, json!({ "name": tool, "arguments": arguments }))
}

/// The body of a request for the list of tools.
pub fn list(era: Era, id: usize) -> String {
    message_of(era, id, "tools/list", json!({}))
}

fn message_of(era: Era, id: usize, method: &str, mut params: Value) -> String {
    if era == Era::Modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": era.version(),
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "belgie-bench", "version": "0" },
        });
    }
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Opens a session of the legacy era; `None` when the server keeps none.
pub fn open_session(connection: &mut Connection, ready: &Ready) -> anyhow::Result<Option<String>> {
    let era = Era::Legacy;
    let mut headers = headers(era, ready);
    let hello = json!({
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": era.version(),
            "capabilities": {},
            "clientInfo": { "name": "belgie-bench", "version": "0" },
        },
    });
    let answer = connection.post(PATH, &headers, &hello.to_string())?;
    let result = message(&answer).context("initialize")?;
    ensure!(result["result"]["protocolVersion"] == era.version(), "another revision was agreed on: {result}");
    let session = answer.header("mcp-session-id").map(str::to_owned);
    headers.extend(session.clone().map(|id| ("Mcp-Session-Id", id)));
    let ready_note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let noted = connection.post(PATH, &headers, &ready_note.to_string())?;
    ensure!(noted.status == 202, "the note of readiness was answered with status {}", noted.status);
    Ok(session)
}

/// Checks that this is what the tool says, so that nothing is measured that does not work.
pub fn check(answer: &Answer, id: usize) -> anyhow::Result<()> {
    let message = message(answer)?;
    let is_ours = message["id"] == id && message["result"]["content"][0]["text"] == TEXT;
    ensure!(is_ours, "this is no answer of the tool: {message}");
    Ok(())
}

/// Whether an answer is that of a tool nobody knows, which is what a caller hears of one that is not for them.
pub fn is_unknown(answer: &Answer) -> bool {
    message(answer)
        .is_ok_and(|message| message["error"]["message"].as_str().is_some_and(|text| text.starts_with("Unknown tool")))
}

/// The last JSON-RPC message of an answer, whether it came as JSON or as an event stream.
fn message(answer: &Answer) -> anyhow::Result<Value> {
    let body = answer.body.trim();
    ensure!(answer.status == 200, "status {}: {body}", answer.status);
    let json = if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let mut data = body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        data.rfind(|data| !data.is_empty()).context("no event has data")?
    } else {
        body
    };
    serde_json::from_str(json).with_context(|| format!("this is no JSON: {json}"))
}
