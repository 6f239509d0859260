//! The short way for plain calls and lists of our own tools in the stateless era. rmcp's transport starts two tasks and
//! reads the message through untagged enums for each of them; here it is read once and answered in place. Whatever is
//! not plain goes to rmcp, and whatever is answered here is answered in the same words.

use axum::http::header::{ACCEPT, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ErrorCode, JsonObject,
    MetaObject, ProtocolVersion, RequestId, RequestMetaObject, ResultType, ServerResult,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, Peer, RoleServer};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer;
use super::catalog::{NativeTool, unknown_tool};
use super::gate::{Gate, refuse_call};
use super::message::{Message, Shape};
use super::preflight;
use super::run::{self, Visit};
use super::settings::McpSettings;
use crate::access::decide::ActionKind;
use crate::access::{Action, decide, is_listed};

/// Answers plain requests by itself.
pub(crate) struct DirectPath {
    gate: Gate,
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// A request that can be answered here.
pub(crate) enum Plain<'a> {
    List,
    Call(Call<'a>),
    UnknownTool(&'a str),
}

/// A call of a tool of ours.
pub(crate) struct Call<'a> {
    tool: &'a NativeTool,
    id: RequestId,
    arguments: Option<JsonObject>,
    meta: RequestMetaObject,
}

#[derive(Serialize)]
struct Success<'a, R> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    result: R,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolList<'a> {
    result_type: &'static str,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
    ttl_ms: u64,
    cache_scope: &'static str,
    tools: Vec<&'a RawValue>,
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
    pub(crate) fn new(gate: Gate, settings: &McpSettings) -> Self {
        Self { gate, hosts: settings.allowed_hosts.clone(), origins: settings.allowed_origins.clone() }
    }

    /// What the request asks for, if that is plain: nothing in it needs a stream, a session, another answer than a list
    /// or a result, or a header that only rmcp understands. Its headers agree with its body already.
    pub(crate) fn take<'a>(&'a self, parts: &Parts, message: &'a Message<'a>) -> Option<Plain<'a>> {
        let Message { shape, id, method, params, meta, is_odd } = message;
        let is_plain = *shape == Shape::Request
            && !is_odd
            && meta.progress_token.is_none()
            && meta.log_level.is_none()
            && params.input_responses.is_none()
            && params.request_state.is_none()
            && params.cursor.is_none()
            && meta.version().as_deref() == Some(ProtocolVersion::V_2026_07_28.as_str())
            && meta.is_complete()
            && preflight::is_json(&parts.headers)
            && accepts_both(&parts.headers)
            && self.is_known_place(parts);
        if !is_plain {
            return None;
        }
        let catalog = self.gate.catalog();
        match method.as_ref() {
            "tools/list" if catalog.guarded().is_empty() => Some(Plain::List),
            "tools/call" => {
                let name = message.named()?;
                let Some(tool) = catalog.find_native(name) else {
                    return catalog.guarded().is_empty().then_some(Plain::UnknownTool(name));
                };
                if tool.has_param_headers {
                    return None;
                }
                let arguments = match params.arguments {
                    Some(raw) => Some(serde_json::from_str(raw.get()).ok()?),
                    None => None,
                };
                let meta = serde_json::from_str::<JsonObject>(params.meta?.get()).ok()?;
                let id = serde_json::from_str(id.as_deref()?.get()).ok()?;
                let meta = RequestMetaObject(MetaObject(meta));
                Some(Plain::Call(Call { tool, id, arguments, meta }))
            }
            _ => None,
        }
    }

    /// Answers.
    pub(crate) async fn answer(
        &self,
        plain: Plain<'_>,
        parts: Parts,
        message: &Message<'_>,
        visit: &Visit,
        peer: Peer<RoleServer>,
    ) -> Response {
        let outcome = match plain {
            Plain::List => return success(message.id, self.list(visit)),
            Plain::UnknownTool(name) => Err(unknown_tool(name)),
            Plain::Call(call) => call.run(parts, visit, peer).await,
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
        let visible = self.gate.catalog().native().iter().filter(|tool| is_listed(&visit.caller, &tool.rule));
        ToolList {
            result_type: "complete",
            meta: self.gate.meta_json(),
            ttl_ms: self.gate.ttl_ms(),
            cache_scope: "private",
            tools: visible.map(|tool| tool.json.as_ref()).collect(),
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

    /// Whether host and origin are plainly among those allowed; rmcp knows every other way to write them.
    fn is_known_place(&self, Parts { headers, uri, .. }: &Parts) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // HTTP/2 names the host in the request line (RFC 9113 section 8.3.1).
        let Some(host) = text(HOST).or_else(|| uri.authority().map(Authority::as_str)) else {
            return false;
        };
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_host_known = self.hosts.iter().any(|allowed| allowed == host || allowed == name);
        let is_origin_known = !headers.contains_key(ORIGIN)
            || text(ORIGIN).is_some_and(|origin| self.origins.iter().any(|allowed| allowed == origin));
        is_host_known && is_origin_known
    }
}

impl Call<'_> {
    async fn run(self, parts: Parts, visit: &Visit, peer: Peer<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let Self { tool, id, arguments, meta } = self;
        let name = &tool.tool.name;
        let permit = match decide(&visit.caller, Action::new(ActionKind::CallTool, name, &tool.rule)) {
            Ok(permit) => permit,
            Err(denial) => return refuse_call(name, denial),
        };
        let mut params = CallToolRequestParams::new(name.clone());
        params.arguments = arguments;
        let mut context = RequestContext::new(id, peer);
        context.meta = meta;
        context.extensions.insert(parts);
        run::native(permit, &visit.lease, &tool.call, params, context).await
    }
}

/// A response that carries a result.
fn success(id: Option<&RawValue>, result: impl Serialize) -> Response {
    let mut body = Vec::with_capacity(512);
    let written =
        serde_json::to_writer(&mut body, &Success { jsonrpc: "2.0", id: id.unwrap_or(RawValue::NULL), result });
    match written {
        Ok(()) => answer::json(StatusCode::OK, body),
        Err(cause) => {
            tracing::error!(%cause, "a result could not be written as JSON");
            let error = ErrorData::internal_error("The result cannot be written as JSON.", None);
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, id, &error)
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

/// Whether the client takes both media types, written without parameters.
fn accepts_both(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let has = |wanted: &str| value.split(',').any(|entry| entry.trim() == wanted);
    values.next().is_none() && has("application/json") && has("text/event-stream")
}
