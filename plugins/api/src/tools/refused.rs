//! A failure of a service, as the model reads it.

use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::json;

use crate::failure::Failure;

/// What a tool fails with whose work is done by a service: the code and the sentence of the [`Failure`], with what to do
/// next, as a result the model reads. What is our fault is a protocol error, and logged.
#[derive(Debug)]
pub struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoCallToolResult for Refused {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let Self(failure) = self;
        if failure.status().is_server_error() {
            tracing::error!(error = ?failure, "a tool failed");
            return Err(ErrorData::internal_error(failure.message().to_owned(), None));
        }
        let words = match failure.remedy() {
            Some(remedy) => format!("{} {remedy}", failure.message()),
            None => failure.message().to_owned(),
        };
        let mut result = CallToolResult::error(vec![ContentBlock::text(words)]);
        result.structured_content =
            Some(json!({ "error": failure.code(), "error_description": failure.message(), "hint": failure.remedy() }));
        Ok(result.into())
    }
}
