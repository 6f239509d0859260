//! The short way for plain calls and lists of our own tools. rmcp's transport starts two tasks and reads the message
//! through untagged enums for each of them; here it is read once and answered in place. Whatever is not plain goes to
//! rmcp, and whatever is answered here is answered in the same words.

mod alone;
mod in_session;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use belgie_api::Caller;
use rmcp::model::{CallToolRequestParams, CallToolResponse, JsonObject, MetaObject, RequestId, RequestMetaObject};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::in_session::PlainInSession;
use super::answer;
use super::catalog::{NativeTool, unknown_tool};
use super::gate::{Asked, Gate, refuse_call, refuse_spent};
use super::idle_peer::IdlePeer;
use super::message::{Era, Message, Shape};
use super::preflight;
use super::run::{self, Visit};
use super::settings::McpSettings;
use crate::access::decide::ActionKind;
use crate::access::{Action, Denial, decide, is_hidden};

/// Answers plain requests by itself.
pub(crate) struct DirectPath {
    gate: Gate,
    hosts: Vec<String>,
    origins: Vec<String>,
    /// For how long a session may do without rmcp.
    apart: Duration,
    /// Where calls go on that nobody waits for.
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// A request that can be answered here.
pub(crate) enum Taken<'a> {
    /// Of the stateless era.
    Alone(Plain<'a>),
    /// Of an older one, in a session.
    InSession(PlainInSession<'a>),
}

/// A request that asks for nothing but a list or a result.
pub(crate) enum Plain<'a> {
    List,
    Call(Call),
    UnknownTool(&'a str),
}

/// A call of a tool of ours.
pub(crate) struct Call {
    tool: Arc<NativeTool>,
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

impl DirectPath {
    /// `apart`: for how long a session may do without rmcp. `tasks`: where a call goes on when its connection breaks.
    pub(crate) fn new(
        gate: Gate,
        settings: &McpSettings,
        apart: Duration,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let (hosts, origins) = (settings.allowed_hosts.clone(), settings.allowed_origins.clone());
        Self { gate, hosts, origins, apart, tasks, stopping }
    }

    /// What a request asks for, if that is plain. Its headers agree with its body already, and its session, if it has
    /// one, is the caller's.
    pub(crate) fn take<'a>(
        &self,
        era: Era,
        parts: &Parts,
        message: &'a Message<'a>,
        visit: &Visit,
    ) -> Option<Taken<'a>> {
        match era {
            Era::Modern => self.take_alone(parts, message, visit).map(Taken::Alone),
            Era::Legacy => self.take_in_session(parts, message, visit).map(Taken::InSession),
        }
    }

    /// Whether nothing in a request needs a stream, another answer than a list or a result, or a header that only rmcp
    /// understands.
    fn is_plain(&self, parts: &Parts, message: &Message<'_>) -> bool {
        let Message { shape, params, meta, is_odd, .. } = message;
        *shape == Shape::Request
            && !is_odd
            && meta.progress_token.is_none()
            && meta.log_level.is_none()
            && params.input_responses.is_none()
            && params.request_state.is_none()
            && params.task.is_none()
            && params.cursor.is_none()
            && preflight::is_json(&parts.headers)
            && accepts_both(&parts.headers)
            && self.is_known_place(parts)
    }

    fn read<'a>(
        &self,
        message: &'a Message<'a>,
        caller: &Caller,
        is_fit: impl Fn(&NativeTool) -> bool,
    ) -> Option<Plain<'a>> {
        let Message { id, method, params, .. } = message;
        let catalog = self.gate.catalog();
        match method.as_ref() {
            "tools/list" if catalog.guarded().is_empty() => Some(Plain::List),
            "tools/call" => {
                let name = message.named()?;
                let arguments = match params.arguments {
                    Some(raw) => Some(serde_json::from_str(raw.get()).ok()?),
                    None => None,
                };
                // What is hidden goes the way of what is not there, so that nobody can tell them apart.
                let Some(tool) = catalog.find_native(name).filter(|tool| !is_hidden(caller, &tool.guard)) else {
                    return catalog.guarded().is_empty().then_some(Plain::UnknownTool(name));
                };
                if !is_fit(tool) {
                    return None;
                }
                let meta = match params.meta {
                    Some(raw) => serde_json::from_str::<JsonObject>(raw.get()).ok()?,
                    None => JsonObject::new(),
                };
                let id = serde_json::from_str(id.as_deref()?.get()).ok()?;
                let meta = RequestMetaObject(MetaObject(meta));
                Some(Plain::Call(Call { tool: Arc::clone(tool), id, arguments, meta }))
            }
            _ => None,
        }
    }

    /// Answers. `idle`: whom a tool of the stateless era meets in place of its client.
    pub(crate) async fn answer(
        &self,
        taken: Taken<'_>,
        parts: Parts,
        message: &Message<'_>,
        visit: &Visit,
        idle: &IdlePeer,
    ) -> Response {
        match taken {
            Taken::Alone(plain) => self.answer_alone(plain, parts, message, visit, idle).await,
            Taken::InSession(plain) => self.answer_in_session(plain, parts, message, visit).await,
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

impl DirectPath {
    /// The answer to a call of a tool that is not there, or not for this caller; the record alone tells them apart.
    async fn refuse_unknown<T>(&self, name: &str, visit: &Visit) -> Result<T, ErrorData> {
        match self.gate.catalog().find_native(name) {
            Some(tool) => {
                let (kind, denial) = (ActionKind::CallTool, Denial::Hidden);
                visit.record.refused(&visit.caller, kind, name, &tool.guard, &denial).await;
            }
            None => visit.record.unknown(&visit.caller, name).await,
        }
        Err(unknown_tool(name))
    }
}

impl Call {
    async fn run(
        self,
        gate: &Gate,
        parts: Parts,
        visit: &Visit,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Self { tool, id: _, arguments, meta } = self;
        context.meta = meta;
        let name = &tool.tool.name;
        let action = Action::new(ActionKind::CallTool, name, &tool.guard);
        let permit = match decide(&visit.caller, action, arguments.as_ref()) {
            Ok(permit) => permit,
            Err(denial) => {
                visit.record.refused(&visit.caller, ActionKind::CallTool, name, &tool.guard, &denial).await;
                let asked = Asked { visit, context: &context, guard: &tool.guard, answers: None };
                return Box::pin(refuse_call(gate, &asked, name, denial)).await;
            }
        };
        let mut params = CallToolRequestParams::new(name.clone());
        params.arguments = arguments;
        context.extensions.insert(parts);
        match run::prepare(gate.counts(), permit, visit).await? {
            Ok(ready) => ready.native(&tool.call, params, context).await,
            Err(spent) => {
                let asked = Asked { visit, context: &context, guard: &tool.guard, answers: None };
                Box::pin(refuse_spent(&asked, name, &spent)).await
            }
        }
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

/// Whether the client takes both media types, written without parameters.
fn accepts_both(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let has = |wanted: &str| value.split(',').any(|entry| entry.trim() == wanted);
    // Most clients write it like this.
    let is_usual = value == "application/json, text/event-stream";
    values.next().is_none() && (is_usual || has("application/json") && has("text/event-stream"))
}
