//! The short way in the stateless era, where every request stands for itself.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ErrorCode, ProtocolVersion, ResultType,
    ServerResult,
};
use rmcp::service::RequestContext;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{DirectPath, Plain, success};
use crate::mcp::answer;
use crate::mcp::idle_peer::IdlePeer;
use crate::mcp::message::Message;
use crate::mcp::run::Visit;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolList<'a> {
    result_type: &'static str,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
    ttl_ms: u64,
    cache_scope: &'static str,
    tools: Vec<Cow<'a, RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: &'a Option<ResultType>,
    content: &'a [ContentBlock],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: &'a Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
}

impl DirectPath {
    /// What a request asks for, if that is plain.
    pub(super) fn take_alone<'a>(&self, parts: &Parts, message: &'a Message<'a>, visit: &Visit) -> Option<Plain<'a>> {
        let is_modern = message.meta.version().as_deref() == Some(ProtocolVersion::V_2026_07_28.as_str());
        if !is_modern || !message.meta.is_complete() || !self.is_plain(parts, message) {
            return None;
        }
        self.read(message, &visit.caller, |tool| !tool.has_param_headers)
    }

    /// Answers.
    pub(super) async fn answer_alone(
        &self,
        plain: Plain<'_>,
        parts: Parts,
        message: &Message<'_>,
        visit: &Visit,
        idle: &IdlePeer,
    ) -> Response {
        let outcome = match plain {
            Plain::List => return success(message.id, self.list(visit)),
            Plain::UnknownTool(name) => self.refuse_unknown(name, visit).await,
            Plain::Call(call) => {
                let context = RequestContext::new(call.id.clone(), idle.peer());
                call.run(&self.gate, parts, visit, context).await
            }
        };
        match outcome {
            Ok(CallToolResponse::Complete(result)) if result.meta.is_none() => {
                success(message.id, self.result(&result))
            }
            Ok(CallToolResponse::Complete(mut result)) => {
                self.gate.sign(&mut result.meta, true);
                success(message.id, result)
            }
            Ok(CallToolResponse::Task(_)) if !message.meta.declares_tasks() => {
                let error =
                    ErrorData::missing_required_client_capability(ClientCapabilities::builder().enable_tasks().build());
                answer::error(status_of(&error), message.id, &error)
            }
            Ok(other) => success(message.id, ServerResult::from(other)),
            Err(error) => answer::error(status_of(&error), message.id, &error),
        }
    }

    fn list(&self, visit: &Visit) -> ToolList<'_> {
        ToolList {
            result_type: "complete",
            meta: self.gate.meta_json(),
            ttl_ms: self.gate.ttl_ms(),
            cache_scope: "private",
            tools: self.gate.written_tools(&visit.caller, false),
        }
    }

    fn result<'a>(&'a self, result: &'a CallToolResult) -> ToolResult<'a> {
        ToolResult {
            result_type: &result.result_type,
            content: &result.content,
            structured_content: &result.structured_content,
            is_error: result.is_error,
            meta: self.gate.meta_json(),
        }
    }
}

/// The HTTP status of a JSON-RPC error (MCP 2026-07-28, transports).
fn status_of(error: &ErrorData) -> StatusCode {
    match error.code {
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}
