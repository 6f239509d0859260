//! What rmcp asks of a server, method by method.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam, ClientNotification,
    ClientRequest, CompleteRequestParams, CompleteResult, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult,
    InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListSkillsResult, ListToolsResult, Notification, NotificationNoParam, PaginatedRequestParams,
    ProgressNotificationParam, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
    ReadResourceRequestParams, ReadResourceResponse, Request, RequestOptionalParam, ServerConfig, ServerResult,
    SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::{Asked, AskedOfWrapped, Found, Gate, is_modern, listing, misbehaved, refuse_call, refuse_spent, upgrade};
use crate::access::decide::ActionKind;
use crate::access::{Action, decide, foresee, is_listed};
use crate::mcp::answer::CREDENTIAL_ENDED;
use crate::mcp::catalog::{Part, unknown_tool};
use crate::mcp::run::{self, Visit};

/// A list of a wrapped server: what the caller may know of, as its rule and the operator's file say, and kept by this caller
/// only.
macro_rules! pass_list {
    ($gate:ident, $part:ident, $request:ident, $result:ident.$items:ident.$name:ident, $params:ident, $context:ident) => {{
        let modern = is_modern(&$context);
        let Some(server) = $gate.catalog().owner(Part::$part) else {
            let method = ClientRequest::$request(RequestOptionalParam::with_param(Default::default()));
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method.method().to_owned(), None));
        };
        let visit = Visit::behind(&$context.extensions)?;
        let mut list = if is_listed(&visit.caller, &server.guard) {
            let mut request = RequestOptionalParam::with_param(Default::default());
            request.params = $params;
            match listing::ask(server, ClientRequest::$request(request), $context).await? {
                ServerResult::$result(mut list) => {
                    listing::keep(server, &visit.caller, &mut list.$items, |item| &item.$name);
                    list
                }
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

impl ServerHandler for Gate {
    fn get_info(&self) -> ServerConfig {
        self.parts.info.clone()
    }

    /// As rmcp does it; the session remembers its client for the calls that are answered without rmcp.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        if let Some(session) = Visit::behind(&context.extensions)?.session {
            session.meet(context.peer);
        }
        self.negotiate_initialize(&request)
    }

    /// Only for rmcp's own checks, which know no caller.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        if self.is_quiet {
            return None;
        }
        let native = self.catalog().find_native(name).map(|entry| entry.tool.clone());
        native.or_else(|| self.catalog().guarded().iter().find_map(|server| server.handler.tool(name)))
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()).with_ttl_ms(self.parts.ttl_ms))
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
        let (tools, ttl_ms) = listing::tools(self, &caller, &context).await;
        let mut list = ListToolsResult::with_all_items(tools);
        (list.ttl_ms, list.cache_scope) = self.hints(ttl_ms, modern);
        self.sign(&mut list.meta, modern);
        Ok(list)
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let visit = Visit::behind(&context.extensions)?;
        let modern = is_modern(&context);
        let name = request.name.clone();
        let Some(found) = self.find(&name, &context).await else {
            visit.record.unknown(&visit.caller, &name).await;
            return Err(unknown_tool(&name));
        };
        let guard = found.guard(&name);
        let action = Action::new(ActionKind::CallTool, &name, &guard);
        let mut response = match decide(&visit.caller, action, request.arguments.as_ref()) {
            Err(denial) => {
                visit.record.refused(&visit.caller, ActionKind::CallTool, &name, &guard, &denial).await;
                let answers = request.input_responses.as_ref();
                let asked = Asked { visit: &visit, context: &context, guard: &guard, answers };
                Box::pin(refuse_call(self, &asked, &name, denial)).await?
            }
            Ok(permit) => match run::prepare(self.counts(), permit, &visit).await? {
                Err(spent) => {
                    let answers = request.input_responses.as_ref();
                    let asked = Asked { visit: &visit, context: &context, guard: &guard, answers };
                    Box::pin(refuse_spent(&asked, &name, &spent)).await?
                }
                Ok(ready) => {
                    upgrade::take_answer(&mut request);
                    match found {
                        Found::Native(tool) => ready.native(&tool.call, request, context).await?,
                        Found::Wrapped(server) => {
                            Box::pin(self.pass_call(server, ready, (&visit, &guard), request, context)).await?
                        }
                    }
                }
            },
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
        pass_list!(self, Prompts, ListPromptsRequest, ListPromptsResult.prompts.name, request, context)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.name.clone();
        let asked = AskedOfWrapped { kind: ActionKind::GetPrompt, name: &name, arguments: request.arguments.clone() };
        let request = ClientRequest::GetPromptRequest(Request::new(request));
        match self.ask(Part::Prompts, asked, request, context).await? {
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
        pass_list!(self, Resources, ListResourcesRequest, ListResourcesResult.resources.uri, request, context)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        pass_list!(
            self,
            Resources,
            ListResourceTemplatesRequest,
            ListResourceTemplatesResult.resource_templates.uri_template,
            request,
            context
        )
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.clone();
        let modern = is_modern(&context);
        let request = ClientRequest::ReadResourceRequest(Request::new(request));
        match self.ask(Part::Resources, AskedOfWrapped::plain(ActionKind::ReadResource, &uri), request, context).await?
        {
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
        let Visit { caller, session, .. } = Visit::behind(&context.extensions)?;
        // Noted before anything is asked: whoever becomes another from here on is held against it, and who became another before
        // is met by the lease, which looks again. Who does not meet it now is refused anyway.
        let guard = self.catalog().owner(Part::Resources).map(|server| server.guard_of(&uri));
        let guard = guard.filter(|guard| guard.depends_on_place() && foresee(&caller, guard).is_ok());
        let noted = session.zip(guard).map(|(session, guard)| session.subscribe(&uri, guard.into_owned()));
        let asked = AskedOfWrapped::plain(ActionKind::ReadResource, &uri);
        let cancelled = context.ct.clone();
        let answer = self.ask(Part::Resources, asked, request, context).await;
        // Whoever was cut off before the answer, has cancelled, or met what broke on the way may be told all the same.
        if let (Err(error), Some(noted)) = (&answer, noted)
            && ![CREDENTIAL_ENDED, ErrorCode::INTERNAL_ERROR].contains(&error.code)
            && !cancelled.is_cancelled()
        {
            noted.refused();
        }
        answer.map(drop)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::UnsubscribeRequest(Request::new(request));
        let session = Visit::behind(&context.extensions)?.session;
        let standing = session.as_ref().and_then(|session| session.session().standing(&uri));
        self.ask(Part::Resources, AskedOfWrapped::plain(ActionKind::ReadResource, &uri), request, context).await?;
        if let Some(session) = session {
            session.session().stands_no_more(&uri, standing);
        }
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let Some(name) = listing::completed(&request.r#ref).map(ToOwned::to_owned) else {
            return Err(ErrorData::invalid_params("Unknown reference", None));
        };
        let arguments = Some(listing::arguments_so_far(&request));
        let asked = AskedOfWrapped { kind: ActionKind::Complete, name: &name, arguments };
        let request = ClientRequest::CompleteRequest(Request::new(request));
        match self.ask(Part::Completions, asked, request, context).await? {
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
        self.ask(Part::Logging, AskedOfWrapped::plain(ActionKind::UseServer, "logging"), request, context)
            .await
            .map(drop)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        // Whoever may not use the server has had everything but this taken out of the request: see `preflight`.
        let mut theirs = requested.clone();
        theirs.tools_list_changed = None;
        let owner = self.catalog().owner(Part::Subscriptions).filter(|_| theirs != SubscriptionFilter::new());
        let mut accepted = owner.and_then(|server| server.handler.subscription_filter(requested)).unwrap_or_default();
        accepted.tools_list_changed = requested.tools_list_changed;
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let visit = Visit::behind(&context.request_context().extensions)?;
        let wanted = context.accepted().resource_subscriptions.clone().unwrap_or_default();
        let owner = self.subscribe_to(&visit, &wanted).await?;
        let (changes, sink) = (visit.lease.changes(), context.sink().clone());
        let told = async {
            loop {
                changes.notified().await;
                if sink.accepted().tools_list_changed == Some(true)
                    && let Err(error) = sink.notify_tool_list_changed().await
                {
                    tracing::debug!(%error, "a client did not take the news that its list has changed");
                }
            }
        };
        let served = async {
            if let Some(server) = owner {
                return run::contain(server.name, || server.handler.serve_subscription(context)).await;
            }
            context.cancelled().await;
            Ok(())
        };
        tokio::select! {
            biased;
            () = visit.lease.ended() => Ok(()),
            () = visit.lease.closing() => Ok(()),
            done = served => done,
            () = told => Ok(()),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let id = request.task_id.clone();
        let request = ClientRequest::GetTaskRequest(Request::new(request));
        match self.ask(Part::Tasks, AskedOfWrapped::plain(ActionKind::UseTask, &id), request, context).await? {
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
        self.ask(Part::Tasks, AskedOfWrapped::plain(ActionKind::UseTask, &id), request, context).await.map(drop)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let id = request.task_id.clone();
        let request = ClientRequest::CancelTaskRequest(Request::new(request));
        self.ask(Part::Tasks, AskedOfWrapped::plain(ActionKind::UseTask, &id), request, context).await.map(drop)
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        pass_list!(self, Skills, ListSkillsRequest, ListSkillsResult.skills.uri, request, context)
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let uri = request.uri.clone();
        let request = ClientRequest::GetSkillRequest(Request::new(request));
        match self.ask(Part::Skills, AskedOfWrapped::plain(ActionKind::ReadResource, &uri), request, context).await? {
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
        let caller = Visit::behind(&context.extensions)?.caller;
        let request = ClientRequest::ReadResourceDirectoryRequest(Request::new(request));
        match self.ask(Part::Skills, AskedOfWrapped::plain(ActionKind::ReadResource, &uri), request, context).await? {
            ServerResult::ListResourcesResult(mut result) => {
                if let Some(server) = self.catalog().owner(Part::Skills) {
                    listing::keep(server, &caller, &mut result.resources, |item| &item.uri);
                }
                Ok(result)
            }
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
