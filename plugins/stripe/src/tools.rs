//! What an agent can ask about plans.

use std::sync::Arc;

use belgie_api::rmcp::model::{CallToolResult, ContentBlock};
use belgie_api::tools::Refused;
use belgie_api::{Caller, State, ToolSet, access, tool};

use crate::service::Billing;

/// The tools.
pub fn tools(billing: &Arc<Billing>) -> ToolSet<Arc<Billing>> {
    let usage =
        tool("usage", "Tells how much of each quota of the plan is used and left, and when counting begins anew")
            .title("Usage")
            .read_only()
            .plain();
    ToolSet::new(Arc::clone(billing)).tool(usage, access(), usage_tool)
}

async fn usage_tool(caller: Caller, State(billing): State<Arc<Billing>>) -> Result<CallToolResult, Refused> {
    let usage = billing.usage_for(&caller).await?;
    let json = serde_json::to_value(&usage).map_err(belgie_api::Failure::internal)?;
    let mut result = CallToolResult::success(vec![ContentBlock::text(format!("{json:#}"))]);
    result.structured_content = Some(json);
    Ok(result)
}
