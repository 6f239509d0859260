//! A refusal from inside a tool, once its arguments are known.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::json;

/// Says no, with a stable code and a sentence for the person. Becomes a result with `isError: true`, which the model
/// reads, rather than a protocol error, which it does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    code: &'static str,
    message: Cow<'static, str>,
    scope: Option<String>,
}

impl Denied {
    /// A refusal with its code, such as `access.plan_too_small`, and one sentence.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), scope: None }
    }

    /// Names the scope that would help.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl IntoCallToolResult for Denied {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let mut result = CallToolResult::error(vec![ContentBlock::text(self.message.to_string())]);
        result.structured_content = Some(json!({
            "error": self.code,
            "error_description": self.message,
            "scope": self.scope,
        }));
        Ok(result.into())
    }
}
