//! Running what a permit allows, and ending it when it has to end.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use belgie_api::Caller;
use belgie_api::tools::ToolCall;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientRequest, Extensions, ServerResult,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use super::answer::CREDENTIAL_ENDED;
use super::catalog::Wrapped;
use super::counts::{Counts, Held, Spent};
use super::record::{Outcome, Record};
use super::session::InUse;
use super::stream::Lease;
use crate::access::caller::with_usage;
use crate::access::{Guard, Permit};
use crate::audit::Underway;
use crate::auth::challenge::Challenge;

/// Who sent a message: what the endpoint has put beside it.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    pub(crate) lease: Lease,
    /// What denials that an HTTP status can say are said with.
    pub(crate) challenge: Arc<Challenge>,
    /// Keeps the session from being idle, when the message came in one.
    pub(crate) session: Option<InUse>,
    /// Where decisions about it go.
    pub(crate) record: Record,
}

impl Visit {
    /// The visit behind a message.
    ///
    /// # Errors
    /// When the message did not come through the endpoint, so that nothing runs.
    pub(crate) fn behind(extensions: &Extensions) -> Result<Self, ErrorData> {
        let parts = || extensions.get::<axum::http::request::Parts>();
        let visit = extensions.get::<Self>().or_else(|| parts().and_then(|parts| parts.extensions.get::<Self>()));
        visit.cloned().ok_or_else(|| ErrorData::internal_error("the message has no caller", None))
    }
}

/// A call that is on record and has its units: it can run, once.
pub(crate) struct Ready<'a> {
    permit: Permit<'a>,
    visit: &'a Visit,
    underway: Underway,
    held: Held,
}

/// Uses a permit up: puts the call on record and sets its units aside.
///
/// # Errors
/// When either cannot be done, so that nothing may run.
pub(crate) async fn prepare<'a>(
    counts: &Counts,
    permit: Permit<'a>,
    visit: &'a Visit,
) -> Result<Result<Ready<'a>, Spent>, ErrorData> {
    let underway = visit.record.begin(&permit).await?;
    match counts.begin(&permit).await {
        Ok(Ok(held)) => Ok(Ok(Ready { permit, visit, underway, held })),
        Ok(Err(spent)) => {
            underway.end(spent.word());
            Ok(Err(spent))
        }
        Err(error) => {
            underway.end("error");
            Err(error)
        }
    }
}

/// Uses the permit of what costs nothing up: puts it on record.
///
/// # Errors
/// When that cannot be done, so that nothing may run.
pub(crate) async fn prepare_free<'a>(permit: Permit<'a>, visit: &'a Visit) -> Result<Ready<'a>, ErrorData> {
    let underway = visit.record.begin(&permit).await?;
    Ok(Ready { permit, visit, underway, held: Held::default() })
}

impl Ready<'_> {
    /// Runs a tool of ours. Whatever it waits for is given up as soon as the client cancels or the lease is over.
    pub(crate) async fn native(
        self,
        call: &ToolCall,
        mut params: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Self { permit, visit, underway, held } = self;
        if params.name != permit.action().name() {
            params.name = permit.action().name().to_owned().into();
        }
        need(&visit.lease, permit.action().guard());
        context.extensions.insert(with_usage(permit.caller(), held.usages()));
        let (cancelled, takes_tasks) = (context.ct.clone(), held.is_nothing() || takes_tasks(&context));
        let work = contain(permit.action().name(), || call(params, context));
        let done = tokio::select! {
            biased;
            () = visit.lease.ended() => Err(credential_ended()),
            done = work => done,
            () = cancelled.cancelled() => {
                held.give_back().await;
                underway.end("cut_off");
                return Err(ErrorData::internal_error("The call was cancelled.", None));
            }
        };
        // What becomes an error on its way out is none that anybody pays for.
        let done = done.and_then(|response| match response {
            CallToolResponse::Task(_) if !takes_tasks => Err(without_tasks()),
            other => Ok(other),
        });
        let done = held.settle(done).await;
        underway.end(done.word());
        done
    }

    /// Hands a request to a wrapped server. It is told of a cancellation by its context, and dropped when the lease is over.
    /// `fits`: whether what it answers can be handed out; only then is it paid for.
    pub(crate) async fn wrapped(
        self,
        server: &Wrapped,
        request: ClientRequest,
        mut context: RequestContext<RoleServer>,
        fits: impl FnOnce(&ServerResult) -> Result<(), ErrorData> + Send,
    ) -> Result<ServerResult, ErrorData> {
        let Self { permit, visit, underway, held } = self;
        need(&visit.lease, permit.action().guard());
        context.extensions.insert(with_usage(permit.caller(), held.usages()));
        let (cancel, takes_tasks) = (context.ct.clone(), held.is_nothing() || takes_tasks(&context));
        let work = contain(server.name, || server.handler.handle_request(request, context));
        let done = tokio::select! {
            biased;
            () = visit.lease.ended() => {
                cancel.cancel();
                Err(credential_ended())
            }
            done = work => done,
        };
        if cancel.is_cancelled() {
            held.give_back().await;
            underway.end("cut_off");
            return done;
        }
        let done = done.and_then(|result| {
            if matches!(result, ServerResult::CreateTaskResult(_)) && !takes_tasks {
                return Err(without_tasks());
            }
            fits(&result).map(|()| result)
        });
        let done = held.settle(done).await;
        underway.end(done.word());
        done
    }
}

/// Whether the client can be answered with a task. Others are told of an error instead, after everything else.
fn takes_tasks(context: &RequestContext<RoleServer>) -> bool {
    context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks())
}

/// The answer to a client that knows no tasks (MCP tasks extension, SEP-2663).
fn without_tasks() -> ErrorData {
    ErrorData::missing_required_client_capability(ClientCapabilities::builder().enable_tasks().build())
}

/// Ties what is about to run to what its caller is in the organization.
pub(crate) fn need(lease: &Lease, guard: &Arc<Guard>) {
    if guard.depends_on_place() {
        lease.need(guard);
    }
}

/// The answer to a request whose credential has ended meanwhile.
pub(crate) fn credential_ended() -> ErrorData {
    ErrorData::new(CREDENTIAL_ENDED, "The credential expired or was revoked.", None)
}

/// Turns a panic into an internal error. `name`: what panicked, for the log.
pub(crate) async fn contain<T, F>(name: &str, begin: impl FnOnce() -> F) -> Result<T, ErrorData>
where
    F: Future<Output = Result<T, ErrorData>>,
{
    // The work is dropped after a panic and shares nothing with us, so no broken state can be seen.
    let Ok(work) = catch_unwind(AssertUnwindSafe(begin)) else {
        return Err(panicked(name));
    };
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(panicked(name))),
    })
    .await
}

fn panicked(name: &str) -> ErrorData {
    tracing::error!(tool.name = name, "a tool panicked");
    ErrorData::internal_error("The tool failed.", None)
}
