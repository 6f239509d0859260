//! The one server that clients meet: our tools and the wrapped servers behind it, everything behind a decision.

mod denial;
mod listing;

use std::sync::Arc;

use belgie_api::tools::Guarded;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
    ClientNotification, ClientRequest, CompleteRequestParams, CompleteResult, CustomRequest, CustomResult,
    DiscoverResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams, GetSkillResult,
    GetTaskParams, GetTaskResult, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListSkillsResult, ListToolsResult, MetaObject, Notification, NotificationNoParam, PaginatedRequestParams,
    ProgressNotificationParam, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
    ReadResourceRequestParams, ReadResourceResponse, Request, RequestOptionalParam, ServerConfig, ServerResult,
    SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use self::denial::{refuse, refuse_call};
use super::catalog::{Catalog, NativeTool, Part, unknown_tool};
use super::run::{self, Visit};
use super::settings::McpSettings;
use crate::access::decide::ActionKind;
use crate::access::{Action, decide, is_listed};

/// Cheap to clone: rmcp wants one for each request.
#[derive(Clone)]
pub struct Gate(Arc<GateParts>);

struct GateParts {
    catalog: Catalog,
    info: ServerConfig,
    /// What every result says about us (MCP 2026-07-28, basic, `io.modelcontextprotocol/serverInfo`).
    server_info: serde_json::Value,
    ttl_ms: u64,
}

/// A tool with whom it belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Native(&'a NativeTool),
    Wrapped(&'a Guarded),
}

/// Where results name the server they come from.
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

impl Gate {
    /// A gate in front of everything in the catalogue.
    #[must_use]
    pub fn new(catalog: Catalog, settings: &McpSettings) -> Self {
        let mut implementation = Implementation::new(settings.name.clone(), settings.version.clone());
        implementation.title.clone_from(&settings.title);
        let server_info = serde_json::to_value(&implementation).unwrap_or_default();
        let mut info = ServerConfig::new(catalog.capabilities().clone()).with_server_info(implementation);
        info.instructions.clone_from(&settings.instructions);
        let ttl_ms = u64::try_from(settings.list_ttl.as_millis()).unwrap_or(u64::MAX);
        Self(Arc::new(GateParts { catalog, info, server_info, ttl_ms }))
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub(crate) fn server_info(&self) -> &serde_json::Value {
        &self.0.server_info
    }

    /// How long lists may be kept, in milliseconds.
    pub(crate) fn ttl_ms(&self) -> u64 {
        self.0.ttl_ms
    }

    /// Finds a tool of this name, whoever may call it, unless only a list of a wrapped server could tell.
    pub(crate) fn find_told(&self, name: &str) -> Option<Found<'_>> {
        let native = self.catalog().find_native(name).map(Found::Native);
        native.or_else(|| {
            let servers = self.catalog().guarded();
            servers.iter().find(|server| server.handler.tool(name).is_some()).map(Found::Wrapped)
        })
    }

    /// Finds a tool of this name, whoever may call it.
    pub(crate) async fn find(&self, name: &str, context: &RequestContext<RoleServer>) -> Option<Found<'_>> {
        if let Some(found) = self.find_told(name) {
            return Some(found);
        }
        // A server need not tell single tools; then its list says whether there is one of this name.
        for server in self.catalog().guarded() {
            if listing::has_tool(server, name, context).await {
                return Some(Found::Wrapped(server));
            }
        }
        None
    }

    /// Asks the wrapped server that offers a part of MCP, once the caller may.
    async fn ask(
        &self,
        part: Part,
        (kind, name): (ActionKind, &str),
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let Some(server) = self.catalog().owner(part) else {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method().to_owned(), None));
        };
        let visit = Visit::behind(&context.extensions)?;
        let action = Action::new(kind, name, &server.rule);
        let permit = decide(&visit.caller, action).map_err(|denial| refuse(&action, denial))?;
        run::wrapped(permit, &visit.lease, server, request, context).await
    }

    /// Tells every wrapped server that the sender may use.
    async fn tell(&self, notification: ClientNotification, context: NotificationContext<RoleServer>) {
        let Ok(visit) = Visit::behind(&context.extensions) else { return };
        for server in self.catalog().guarded() {
            let action = Action::new(ActionKind::UseServer, server.name, &server.rule);
            if decide(&visit.caller, action).is_ok() {
                let (notification, context) = (notification.clone(), context.clone());
                let told = || server.handler.handle_notification(notification, context);
                if let Err(error) = run::contain(server.name, told).await {
                    tracing::debug!(server.name = server.name, code = error.code.0, "a notification was not taken");
                }
            }
        }
    }

    /// Names us in the result, for the protocol versions that want it.
    fn sign(&self, meta: &mut Option<MetaObject>, is_modern: bool) {
        if is_modern {
            meta.get_or_insert_default().insert(SERVER_INFO.to_owned(), self.0.server_info.clone());
        }
    }

    /// Says that a list is only for this caller and for how long; `own` is what the wrapped server says of the time.
    fn hints(&self, own: Option<u64>, is_modern: bool) -> (Option<u64>, Option<CacheScope>) {
        if !is_modern {
            return (None, None);
        }
        (Some(own.map_or(self.0.ttl_ms, |own| own.min(self.0.ttl_ms))), Some(CacheScope::Private))
    }
}

pub(crate) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| !version.has_initialize())
}

/// A wrapped server has answered with a result of another method.
fn misbehaved() -> ErrorData {
    ErrorData::internal_error("The server behind the gateway gave an answer to another question.", None)
}

/// A list of a wrapped server: shown whole or not at all, as its rule says, and kept by this caller only.
macro_rules! pass_list {
    ($gate:ident, $part:ident, $request:ident, $result:ident, $params:ident, $context:ident) => {{
        let modern = is_modern(&$context);
        let Some(server) = $gate.catalog().owner(Part::$part) else {
            let method = ClientRequest::$request(RequestOptionalParam::with_param(Default::default()));
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method.method().to_owned(), None));
        };
        let visit = Visit::behind(&$context.extensions)?;
        let mut list = if is_listed(&visit.caller, &server.rule) {
            let mut request = RequestOptionalParam::with_param(Default::default());
            request.params = $params;
            match listing::ask(server, ClientRequest::$request(request), $context).await? {
                ServerResult::$result(list) => list,
                _ => return Err(misbehaved()),
            }
        } else {
            $result::default()
        };
        (list.ttl_ms, list.cache_scope) = $gate.hints(list.ttl_ms, modern);
        $gate.sign(&mut list.meta, modern);
        Ok(list)
    }};
}

#[expect(deprecated, reason = "clients of the older protocol era set log levels and subscribe to resources")]
impl ServerHandler for Gate {
    fn get_info(&self) -> ServerConfig {
        self.0.info.clone()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let native = self.catalog().find_native(name).map(|entry| entry.tool.clone());
        native.or_else(|| self.catalog().guarded().iter().find_map(|server| server.handler.tool(name)))
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()).with_ttl_ms(self.0.ttl_ms))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("Unknown cursor: the list has one page", None));
        }
        let caller = Visit::behind(&context.extensions)?.caller;
        let modern = is_modern(&context);
        let (tools, ttl_ms) = listing::tools(self.catalog(), &caller, &context).await;
        let mut list = ListToolsResult::with_all_items(tools);
        (list.ttl_ms, list.cache_scope) = self.hints(ttl_ms, modern);
        self.sign(&mut list.meta, modern);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let visit = Visit::behind(&context.extensions)?;
        let modern = is_modern(&context);
        let name = request.name.clone();
        let Some(found) = self.find(&name, &context).await else { return Err(unknown_tool(&name)) };
        let rule = found.rule(&name);
        let permit = match decide(&visit.caller, Action::new(ActionKind::CallTool, &name, rule)) {
            Ok(permit) => permit,
            Err(denial) => return refuse_call(&name, denial),
        };
        let mut response = match found {
            Found::Native(tool) => run::native(permit, &visit.lease, &tool.call, request, context).await?,
            Found::Wrapped(server) => {
                let request = ClientRequest::CallToolRequest(Request::new(request));
                match run::wrapped(permit, &visit.lease, server, request, context).await? {
                    ServerResult::CallToolResult(result) => result.into(),
                    ServerResult::InputRequiredResult(result) => result.into(),
                    ServerResult::CreateTaskResult(result) => result.into(),
                    _ => return Err(misbehaved()),
                }
            }
        };
        if let CallToolResponse::Complete(result) = &mut response {
            self.sign(&mut result.meta, modern);
        }
        Ok(response)
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        pass_list!(self, Prompts, ListPromptsRequest, ListPromptsResult, request, context)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.name.clone();
        let request = ClientRequest::GetPromptRequest(Request::new(request));
        match self.ask(Part::Prompts, (ActionKind::GetPrompt, &name), request, context).await? {
            ServerResult::GetPromptResult(result) => Ok(result.into()),
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(misbehaved()),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        pass_list!(self, Resources, ListResourcesRequest, ListResourcesResult, request, context)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        pass_list!(self, Resources, ListResourceTemplatesRequest, ListResourceTemplatesResult, request, context)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.clone();
        let modern = is_modern(&context);
        let request = ClientRequest::ReadResourceRequest(Request::new(request));
        match self.ask(Part::Resources, (ActionKind::ReadResource, &uri), request, context).await? {
            ServerResult::ReadResourceResult(mut result) => {
                (result.ttl_ms, result.cache_scope) = self.hints(result.ttl_ms, modern);
                Ok(result.into())
            }
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(misbehaved()),
        }
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::SubscribeRequest(Request::new(request));
        self.ask(Part::Resources, (ActionKind::ReadResource, &uri), request, context).await.map(drop)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::UnsubscribeRequest(Request::new(request));
        self.ask(Part::Resources, (ActionKind::ReadResource, &uri), request, context).await.map(drop)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let name = request.argument.name.clone();
        let request = ClientRequest::CompleteRequest(Request::new(request));
        match self.ask(Part::Completions, (ActionKind::Complete, &name), request, context).await? {
            ServerResult::CompleteResult(result) => Ok(result),
            _ => Err(misbehaved()),
        }
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let request = ClientRequest::SetLevelRequest(Request::new(request));
        self.ask(Part::Logging, (ActionKind::UseServer, "logging"), request, context).await.map(drop)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let owner = self.catalog().owner(Part::Subscriptions);
        let mut accepted = owner.and_then(|server| server.handler.subscription_filter(requested)).unwrap_or_default();
        accepted.tools_list_changed = requested.tools_list_changed;
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let visit = Visit::behind(&context.request_context().extensions)?;
        let may_use = |server: &&Guarded| {
            decide(&visit.caller, Action::new(ActionKind::UseServer, server.name, &server.rule)).is_ok()
        };
        let owner = self.catalog().owner(Part::Subscriptions).filter(may_use);
        let served = async {
            match owner {
                Some(server) => run::contain(server.name, || server.handler.serve_subscription(context)).await,
                None => {
                    context.cancelled().await;
                    Ok(())
                }
            }
        };
        tokio::select! {
            biased;
            done = served => done,
            () = visit.lease.ended() => Ok(()),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let id = request.task_id.clone();
        let request = ClientRequest::GetTaskRequest(Request::new(request));
        match self.ask(Part::Tasks, (ActionKind::UseTask, &id), request, context).await? {
            ServerResult::GetTaskResult(result) => Ok(result),
            _ => Err(misbehaved()),
        }
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let id = request.task_id.clone();
        let request = ClientRequest::UpdateTaskRequest(Request::new(request));
        self.ask(Part::Tasks, (ActionKind::UseTask, &id), request, context).await.map(drop)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let id = request.task_id.clone();
        let request = ClientRequest::CancelTaskRequest(Request::new(request));
        self.ask(Part::Tasks, (ActionKind::UseTask, &id), request, context).await.map(drop)
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        pass_list!(self, Skills, ListSkillsRequest, ListSkillsResult, request, context)
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::GetSkillRequest(Request::new(request));
        match self.ask(Part::Skills, (ActionKind::ReadResource, &uri), request, context).await? {
            ServerResult::GetSkillResult(result) => Ok(result),
            _ => Err(misbehaved()),
        }
    }

    async fn read_resource_directory(
        &self,
        request: ReadResourceDirectoryRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::ReadResourceDirectoryRequest(Request::new(request));
        match self.ask(Part::Skills, (ActionKind::ReadResource, &uri), request, context).await? {
            ServerResult::ListResourcesResult(result) => Ok(result),
            _ => Err(misbehaved()),
        }
    }

    /// A method we know arrives here when its parameters are not what they should be.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let is_known = matches!(
            request.method.as_str(),
            "tools/call"
                | "tools/list"
                | "prompts/get"
                | "prompts/list"
                | "resources/read"
                | "resources/list"
                | "resources/templates/list"
                | "completion/complete"
        );
        if is_known {
            return Err(ErrorData::invalid_params(format!("Invalid params for {}", request.method), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None))
    }

    async fn on_cancelled(&self, params: CancelledNotificationParam, context: NotificationContext<RoleServer>) {
        self.tell(ClientNotification::CancelledNotification(Notification::new(params)), context).await;
    }

    async fn on_progress(&self, params: ProgressNotificationParam, context: NotificationContext<RoleServer>) {
        self.tell(ClientNotification::ProgressNotification(Notification::new(params)), context).await;
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.tell(ClientNotification::InitializedNotification(NotificationNoParam::default()), context).await;
    }

    async fn on_roots_list_changed(&self, context: NotificationContext<RoleServer>) {
        self.tell(ClientNotification::RootsListChangedNotification(NotificationNoParam::default()), context).await;
    }
}

impl<'a> Found<'a> {
    /// The rule that stands before the tool.
    pub(crate) fn rule(&self, name: &str) -> &'a belgie_api::Rule {
        match self {
            Self::Native(tool) => &tool.rule,
            Self::Wrapped(server) => server.rule_for(name),
        }
    }
}
