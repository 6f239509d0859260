//! `whoami`.

use belgie_api::{Caller, ToolSet, access, tool};
use rmcp::model::{CallToolResult, ContentBlock};

/// The tools.
#[must_use]
pub fn tools() -> ToolSet {
    let whoami = tool("whoami", "Tells who is calling, through which client and with which rights")
        .title("Who am I?")
        .read_only()
        .plain();
    ToolSet::new(()).tool(whoami, access(), whoami_tool)
}

async fn whoami_tool(caller: Caller) -> CallToolResult {
    let description = caller.describe();
    let mut result = CallToolResult::success(vec![ContentBlock::text(format!("{description:#}"))]);
    result.structured_content = Some(description);
    result
}
