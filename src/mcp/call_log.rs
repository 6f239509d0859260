//! What the one log line of a request may say about the message in it: names, never contents.

use super::message::Message;

/// The longest name a tool can have (MCP 2026-07-28, server/tools); what is longer is none of ours.
const MAX_NAME: usize = 128;

/// Method and tool of a message, beside its response.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    /// The JSON-RPC method.
    pub method: String,
    /// The tool that was called.
    pub tool: Option<String>,
}

impl CallLog {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        let short = |text: &str| text.get(..text.floor_char_boundary(MAX_NAME)).unwrap_or_default().to_owned();
        let tool = message.params.name.as_ref().filter(|_| message.method == "tools/call");
        Self { method: short(&message.method), tool: tool.map(|name| short(&name.0)) }
    }
}
