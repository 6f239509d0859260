//! The one server that clients meet: our tools and the wrapped servers behind it, everything behind a decision.

mod denial;
#[expect(deprecated, reason = "clients of the older protocol era set log levels and subscribe to resources")]
mod handler;
mod listing;
mod locked;
mod spent;
mod upgrade;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::Caller;
use belgie_api::ports::{Subscriptions, Use};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, ClientNotification, ClientRequest, ErrorCode, Implementation,
    JsonObject, MetaObject, Request, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::value::{RawValue, to_raw_value};

use self::denial::refuse;
pub(crate) use self::denial::{Asked, refuse_call, undecided};
pub(crate) use self::spent::refuse_spent;
pub(crate) use self::upgrade::Shows;
use super::begun::{Begun, Task};
use super::catalog::{Catalog, NativeTool, Part, Wrapped};
use super::counts::Counts;
use super::run::{self, Visit};
use super::settings::McpSettings;
use crate::access::decide::ActionKind;
use crate::access::{Action, Guard, decide, foresee};
use crate::config::LockedTools;

/// Cheap to clone: rmcp wants one for each request.
#[derive(Clone)]
pub struct Gate {
    parts: Arc<GateParts>,
    /// Whether it says nothing of what its tools look like: then rmcp treats every tool as one that is not there until the
    /// gate itself has decided.
    is_quiet: bool,
}

struct GateParts {
    catalog: Catalog,
    info: ServerConfig,
    /// The `_meta` of every result: who we are (MCP 2026-07-28, basic, `io.modelcontextprotocol/serverInfo`).
    meta: MetaObject,
    /// The same, written already.
    meta_json: Box<RawValue>,
    ttl_ms: u64,
    begun: Begun,
    plans: Option<Use<Subscriptions>>,
    /// How tools appear that a caller's plan does not open.
    locked_tools: LockedTools,
    counts: Counts,
}

/// A tool with whom it belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Native(&'a NativeTool),
    Wrapped(&'a Wrapped),
}

/// What a task comes from.
pub(crate) struct Origin<'a> {
    /// What stood before the tool that began it.
    pub(crate) guard: Cow<'a, Arc<Guard>>,
    /// The arguments it was begun with, as far as the guard looks at them.
    pub(crate) arguments: Option<JsonObject>,
}

/// What a wrapped server is asked to do.
struct AskedOfWrapped<'a> {
    kind: ActionKind,
    name: &'a str,
    arguments: Option<JsonObject>,
}

/// Where results name the server they come from.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

impl Gate {
    /// A gate in front of everything in the catalogue.
    ///
    /// # Errors
    /// When our own name cannot be written as JSON.
    pub fn new(
        catalog: Catalog,
        settings: &McpSettings,
        plans: Option<Use<Subscriptions>>,
        counts: Counts,
    ) -> Result<Self, String> {
        let mut implementation = Implementation::new(settings.name.clone(), settings.version.clone());
        implementation.title.clone_from(&settings.title);
        let mut meta = MetaObject::new();
        let server_info = serde_json::to_value(&implementation).map_err(|error| error.to_string())?;
        meta.insert(SERVER_INFO.to_owned(), server_info);
        let meta_json = to_raw_value(&meta).map_err(|error| error.to_string())?;
        let mut info = ServerConfig::new(catalog.capabilities().clone()).with_server_info(implementation);
        info.instructions.clone_from(&settings.instructions);
        let ttl_ms = u64::try_from(settings.list_ttl.as_millis()).unwrap_or(u64::MAX);
        let begun = Begun::default();
        let locked_tools = settings.locked_tools;
        let parts = GateParts { catalog, info, meta, meta_json, ttl_ms, begun, plans, locked_tools, counts };
        Ok(Self { parts: Arc::new(parts), is_quiet: false })
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.parts.catalog
    }

    /// The same gate, which tells nobody what a tool looks like before it has decided. For messages about a tool that the
    /// caller must not know of: what rmcp checks by the tool's schema would give it away.
    pub(crate) fn quiet(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), is_quiet: true }
    }

    /// The `_meta` of every result, as JSON.
    pub(crate) fn meta_json(&self) -> &RawValue {
        &self.parts.meta_json
    }

    /// Knows where callers get what their plan lacks, if anybody does.
    pub(crate) fn plans(&self) -> Option<&Subscriptions> {
        self.parts.plans.as_deref()
    }

    /// Counts calls.
    pub(crate) fn counts(&self) -> &Counts {
        &self.parts.counts
    }

    /// How long lists may be kept, in milliseconds.
    pub(crate) fn ttl_ms(&self) -> u64 {
        self.parts.ttl_ms
    }

    /// Finds a tool of this name, whoever may call it. Should two servers have one, it is that of the server that was added
    /// first, for everybody: whose rule is asked is who runs it, and lists show the same.
    pub(crate) async fn find(&self, name: &str, context: &RequestContext<RoleServer>) -> Option<Found<'_>> {
        if let Some(tool) = self.catalog().find_native(name) {
            return Some(Found::Native(tool));
        }
        for server in self.catalog().guarded() {
            // A server need not tell single tools; then its list says whether there is one of this name.
            if server.handler.tool(name).is_some() || Box::pin(listing::has_tool(server, name, context)).await {
                return Some(Found::Wrapped(server));
            }
        }
        None
    }

    /// Tools that lists of more than one server have, or that are ours as well, one sentence each.
    pub(crate) async fn clashes(&self, context: &RequestContext<RoleServer>) -> Vec<String> {
        listing::clashes(self.catalog(), context).await
    }

    /// Everything that stands before a task: what stood before the tool that began it. `None` when nobody can say which tool
    /// that was, or it was begun by somebody else.
    pub(crate) fn guard_of_task<'a>(&self, server: &'a Wrapped, id: &str, caller: &Caller) -> Option<Origin<'a>> {
        match self.parts.begun.find(server.name, id) {
            Some(task) if task.is_of(caller) => {
                Some(Origin { guard: Cow::Owned(task.guard), arguments: task.arguments })
            }
            // Its tools are all behind one rule, so it does not matter which one it was. Of an organization's nothing is known
            // that nobody remembers: it could be another's.
            None if server.has_one_rule() && caller.organization().is_none() => {
                Some(Origin { guard: Cow::Borrowed(&server.guard), arguments: None })
            }
            _ => None,
        }
    }

    /// Asks the wrapped server that offers a part of MCP, once the caller may.
    async fn ask(
        &self,
        part: Part,
        AskedOfWrapped { kind, name, arguments }: AskedOfWrapped<'_>,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let Some(server) = self.catalog().owner(part) else {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method().to_owned(), None));
        };
        let visit = Visit::behind(&context.extensions)?;
        let (guard, arguments) = match kind {
            ActionKind::UseServer => (Cow::Borrowed(&server.guard), arguments),
            ActionKind::UseTask => match self.guard_of_task(server, name, &visit.caller) {
                Some(origin) => (origin.guard, origin.arguments),
                None => return Err(denial::unknown_task(name)),
            },
            _ => (server.guard_of(name), arguments),
        };
        let action = Action::new(kind, name, &guard);
        let permit = match decide(&visit.caller, action, arguments.as_ref()) {
            Ok(permit) => permit,
            Err(denial) => {
                visit.record.refused(&visit.caller, kind, name, &guard, &denial).await;
                return Err(refuse(&action, denial));
            }
        };
        // To be told of a resource is not to read it, and whoever has nothing left can still say that it is enough.
        let is_free = matches!(request, ClientRequest::SubscribeRequest(_) | ClientRequest::UnsubscribeRequest(_));
        // Boxed: rmcp moves the future of whatever method, and would move the room for this one with each.
        Box::pin(async {
            let prepared = match is_free {
                true => Ok(run::prepare_free(permit, &visit).await?),
                false => run::prepare(self.counts(), permit, &visit).await?,
            };
            match prepared {
                Ok(ready) => {
                    let is_fit = results_of(&request);
                    let fits = |result: &ServerResult| if is_fit(result) { Ok(()) } else { Err(misbehaved()) };
                    ready.wrapped(server, request, context, fits).await
                }
                Err(spent) => Err(spent::as_error(&spent)),
            }
        })
        .await
    }

    /// Hands a call to the wrapped server whose tool it is.
    async fn pass_call(
        &self,
        server: &Wrapped,
        ready: run::Ready<'_>,
        (visit, guard): (&Visit, &Arc<Guard>),
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.clone();
        let seen = guard.arguments_it_reads(request.arguments.as_ref());
        let request = ClientRequest::CallToolRequest(Request::new(request));
        let is_fit = results_of(&request);
        let fits = |result: &ServerResult| match result {
            ServerResult::CreateTaskResult(result) => {
                let task = Task::new(&visit.caller, &name, Arc::clone(guard), seen);
                self.parts.begun.note(server.name, &result.task.task_id, task)
            }
            other if is_fit(other) => Ok(()),
            _ => Err(misbehaved()),
        };
        match ready.wrapped(server, request, context, fits).await? {
            ServerResult::CallToolResult(result) => Ok(result.into()),
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            ServerResult::CreateTaskResult(result) => Ok(result.into()),
            _ => Err(misbehaved()),
        }
    }

    /// The wrapped server that tells of changes, if the caller may use it and read all of these resources, which is put on
    /// record.
    async fn subscribe_to(&self, visit: &Visit, uris: &[String]) -> Result<Option<&Wrapped>, ErrorData> {
        let owner = self.catalog().owner(Part::Subscriptions);
        let Some(server) = owner.filter(|server| foresee(&visit.caller, &server.guard).is_ok()) else {
            return Ok(None);
        };
        let uris: BTreeSet<&String> = uris.iter().collect();
        let guards: Vec<_> = uris.into_iter().map(|uri| (uri, server.guard_of(uri))).collect();
        let mut permits = Vec::new();
        for (uri, guard) in &guards {
            match decide(&visit.caller, Action::new(ActionKind::ReadResource, uri, guard), None) {
                Ok(permit) => permits.push(permit),
                Err(denial) => {
                    visit.record.refused(&visit.caller, ActionKind::ReadResource, uri, guard, &denial).await;
                    return Ok(None);
                }
            }
        }
        run::need(&visit.lease, &server.guard);
        for permit in permits {
            // Over at once: a subscription stays open for hours, and what it held of the record's room everybody would miss.
            visit.record.begin(&permit).await?.end("done");
            run::need(&visit.lease, permit.action().guard());
        }
        Ok(Some(server))
    }

    /// Tells every wrapped server that the sender may use.
    async fn tell(&self, notification: ClientNotification, context: NotificationContext<RoleServer>) {
        let Ok(visit) = Visit::behind(&context.extensions) else { return };
        for server in self.catalog().guarded() {
            if foresee(&visit.caller, &server.guard).is_ok() {
                let (notification, context) = (notification.clone(), context.clone());
                let told = || server.handler.handle_notification(notification, context);
                if let Err(error) = run::contain(server.name, told).await {
                    tracing::debug!(server.name = server.name, code = error.code.0, "a notification was not taken");
                }
            }
        }
    }

    /// Names us in the result, for the protocol versions that want it.
    pub(crate) fn sign(&self, meta: &mut Option<MetaObject>, is_modern: bool) {
        if is_modern {
            meta.get_or_insert_default().extend(self.parts.meta.clone());
        }
    }

    /// Says that a list is only for this caller and for how long; `own` is what the wrapped server says of the time.
    fn hints(&self, own: Option<u64>, is_modern: bool) -> (Option<u64>, Option<CacheScope>) {
        if !is_modern {
            return (None, None);
        }
        (Some(own.map_or(self.parts.ttl_ms, |own| own.min(self.parts.ttl_ms))), Some(CacheScope::Private))
    }
}

pub(crate) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| !version.has_initialize())
}

/// Which results fit what is asked for. Nobody pays for another.
fn results_of(request: &ClientRequest) -> fn(&ServerResult) -> bool {
    type Asked = ClientRequest;
    type Given = ServerResult;
    match request {
        Asked::CallToolRequest(_) => |given| {
            matches!(given, Given::CallToolResult(_) | Given::InputRequiredResult(_) | Given::CreateTaskResult(_))
        },
        Asked::GetPromptRequest(_) => {
            |given| matches!(given, Given::GetPromptResult(_) | Given::InputRequiredResult(_))
        }
        Asked::ReadResourceRequest(_) => {
            |given| matches!(given, Given::ReadResourceResult(_) | Given::InputRequiredResult(_))
        }
        Asked::GetSkillRequest(_) => |given| matches!(given, Given::GetSkillResult(_)),
        Asked::ReadResourceDirectoryRequest(_) => |given| matches!(given, Given::ListResourcesResult(_)),
        _ => |_| true,
    }
}

/// A wrapped server has answered with a result of another method.
fn misbehaved() -> ErrorData {
    ErrorData::internal_error("The server behind the gateway gave an answer to another question.", None)
}

impl<'a> Found<'a> {
    /// Everything that stands before the tool.
    pub(crate) fn guard(&self, name: &str) -> Cow<'a, Arc<Guard>> {
        match self {
            Self::Native(tool) => Cow::Borrowed(&tool.guard),
            Self::Wrapped(server) => server.guard_of_tool(name),
        }
    }
}

impl<'a> AskedOfWrapped<'a> {
    /// Something that takes no arguments.
    const fn plain(kind: ActionKind, name: &'a str) -> Self {
        Self { kind, name, arguments: None }
    }
}
