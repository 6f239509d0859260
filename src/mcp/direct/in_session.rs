//! The short way in a session of the older era, for tools that have nothing to say to their client while they run.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::Poll;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use rmcp::model::{CallToolResponse, ClientCapabilities, ServerResult};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{Call, DirectPath, Plain, success};
use crate::access::{Denial, Guard, foresee};
use crate::mcp::answer;
use crate::mcp::catalog::NativeTool;
use crate::mcp::gate::Shows;
use crate::mcp::message::Message;
use crate::mcp::run::Visit;
use crate::mcp::session::Running;

/// A request in a session that can be answered here.
pub(crate) enum PlainInSession<'a> {
    List,
    Call(Box<Begun>),
    UnknownTool(&'a str),
}

/// A call that the session knows of.
pub(crate) struct Begun {
    call: Call,
    context: RequestContext<RoleServer>,
    running: Running,
}

#[derive(Serialize)]
struct ToolList<'a> {
    tools: Vec<Cow<'a, RawValue>>,
}

impl DirectPath {
    /// What a request in a session asks for, if that is plain. `None`, too, when rmcp has not heard of the session for so
    /// long that it might take it for dead.
    pub(super) fn take_in_session<'a>(
        &self,
        parts: &Parts,
        message: &'a Message<'a>,
        visit: &Visit,
    ) -> Option<PlainInSession<'a>> {
        let session = visit.session.as_ref()?;
        let peer = session.peer()?;
        let is_lively = session.since().since(session.passed_at()) <= self.apart;
        if !is_lively || !message.meta.is_bare() || !self.is_plain(parts, message) {
            return None;
        }
        // A form about the plan is shown while the call waits, in a stream of rmcp's.
        let has_form = Shows::of(peer.peer_info().map(|info| info.capabilities.clone())) == Shows::Forms;
        let may_show_it = |guard: &Guard| {
            !guard.meters().is_empty() || matches!(foresee(&visit.caller, guard), Err(Denial::Plan { .. }))
        };
        let is_fit = |tool: &NativeTool| tool.is_plain && !(has_form && may_show_it(&tool.guard));
        Some(match self.read(message, &visit.caller, is_fit)? {
            Plain::List => PlainInSession::List,
            Plain::UnknownTool(name) => PlainInSession::UnknownTool(name),
            Plain::Call(call) => {
                let context = RequestContext::new(call.id.clone(), peer.clone());
                let running = session.begin(&call.id, &context.ct)?;
                PlainInSession::Call(Box::new(Begun { call, context, running }))
            }
        })
    }

    /// Answers. Every error has the status 200 in this era.
    pub(super) async fn answer_in_session(
        &self,
        plain: PlainInSession<'_>,
        parts: Parts,
        message: &Message<'_>,
        visit: &Visit,
    ) -> Response {
        let outcome = match plain {
            PlainInSession::List => return success(message.id, self.list_in_session(visit)),
            PlainInSession::UnknownTool(name) => self.refuse_unknown(name, visit).await,
            PlainInSession::Call(begun) => match self.call_in_session(*begun, parts, visit).await {
                Some(outcome) => outcome,
                None => return answer::silence(),
            },
        };
        match outcome {
            Ok(result) => success(message.id, result),
            Err(error) => answer::error(StatusCode::OK, message.id, &error),
        }
    }

    fn list_in_session(&self, visit: &Visit) -> ToolList<'_> {
        ToolList { tools: self.gate.written_tools(&visit.caller, true) }
    }

    /// Runs a call. `None` when it was cancelled, so that nobody wants to hear of it any more.
    async fn call_in_session(
        &self,
        Begun { call, context, running }: Begun,
        parts: Parts,
        visit: &Visit,
    ) -> Option<Result<ServerResult, ErrorData>> {
        let (cancelled, peer, visit) = (context.ct.clone(), context.peer.clone(), visit.clone());
        let gate = self.gate.clone();
        let work = async move {
            let outcome = call.run(&gate, parts, &visit, context).await;
            drop(running);
            outcome
        };
        let outcome = self.see_through(work).await?;
        if cancelled.is_cancelled() {
            return None;
        }
        let declares_tasks = || peer.peer_info().is_some_and(|client| client.capabilities.supports_tasks());
        Some(outcome.and_then(|response| in_older_words(response, declares_tasks)))
    }

    /// Does a piece of work to its end, whether or not somebody waits for it: a broken connection does not cancel a
    /// request in this era (MCP 2025-11-25, transports, sending messages). `None` when the shutdown has cut it off.
    async fn see_through<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut work = Box::pin(work);
        // Most tools answer at once and need no task of their own.
        if let Poll::Ready(outcome) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return Some(outcome);
        }
        let (mut waiting, outcome) = oneshot::channel();
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            let unwanted = async {
                stopping.cancelled().await;
                waiting.closed().await;
            };
            let done = tokio::select! {
                biased;
                done = work => Some(done),
                () = unwanted => None,
            };
            // Whoever is gone does not miss it.
            let _ = done.map(|done| waiting.send(done));
        });
        outcome.await.ok()
    }
}

/// A response as rmcp writes it in the versions before 2026-07-28.
fn in_older_words(response: CallToolResponse, declares_tasks: impl Fn() -> bool) -> Result<ServerResult, ErrorData> {
    match response {
        CallToolResponse::InputRequired(_) => {
            let message = "InputRequiredResult requires negotiated protocol version 2026-07-28 or newer";
            Err(ErrorData::invalid_request(message, None))
        }
        CallToolResponse::Task(_) if !declares_tasks() => {
            let capabilities = ClientCapabilities::builder().enable_tasks().build();
            Err(ErrorData::missing_required_client_capability(capabilities))
        }
        other => {
            let mut result = ServerResult::from(other);
            result.strip_result_type_for_legacy_peer();
            result.strip_non_object_output_for_legacy_peer();
            Ok(result)
        }
    }
}
