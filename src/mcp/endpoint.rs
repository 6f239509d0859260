//! The endpoint itself: from an HTTP request with a caller beside it to an HTTP response.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use belgie_api::event::Bus;
use belgie_api::tools::{Guarded, ToolEntry};
use belgie_api::{Caller, Clock, ScopeSet};
use rmcp::ErrorData;
use rmcp::model::NumberOrString;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::binding::Binding;
use super::call_log::CallLog;
use super::catalog::Catalog;
use super::counts::Counts;
use super::direct::DirectPath;
use super::gate::Gate;
use super::idle_peer::IdlePeer;
use super::message::{Era, Message, era_of};
use super::preflight::{self, Refusal};
use super::record::Record;
use super::review::Review;
use super::run::{Visit, credential_ended};
use super::settings::McpSettings;
use super::stream::{Lease, Leases};
use super::{accept, answer};
use crate::access::caller::Callers;
use crate::access::{ActionKind, Guard, Policy};
use crate::audit::Recorder;
use crate::auth::challenge::Challenge;
use crate::limits::PlanRates;
use crate::tasks::Watch;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// How often expired credentials and idle sessions are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How much longer than us rmcp waits before it closes an idle session. We know of calls that run silently, it does not;
/// it closes what never got an owner.
const RMCP_GRACE: Duration = Duration::from_mins(10);

/// How long wrapped servers may take to list their tools when the gateway starts.
const LISTED_WITHIN: Duration = Duration::from_secs(5);

/// Comments on a silent event stream, so that nothing between us and the client takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Everything an endpoint is made of.
pub struct McpParts {
    /// Our own tools.
    pub tools: Vec<ToolEntry>,
    /// The servers we wrap.
    pub guarded: Vec<Guarded>,
    /// What the operator's file adds to their rules.
    pub policy: Policy,
    /// Where decisions go.
    pub recorder: Recorder,
    /// Makes callers anew when something changes in their organization.
    pub callers: Callers,
    /// Tells of revocations.
    pub bus: Arc<Bus>,
    /// Tells when credentials expire and sessions are idle.
    pub clock: Arc<dyn Clock>,
    /// Where background work is counted.
    pub tasks: TaskTracker,
    /// What hears of rights that end, for as long as anything runs.
    pub watch: Watch,
    /// Cancelled when the end begins: what waits for news is over, and so is background work. What runs goes on.
    pub stopping: CancellationToken,
    /// Cancelled when nothing may run any more.
    pub cutting: CancellationToken,
    /// What the operator has set.
    pub settings: McpSettings,
    /// How many calls in a minute plans have.
    pub rates: PlanRates,
}

/// The MCP endpoint. Cheap to clone.
#[derive(Clone)]
pub struct McpEndpoint(Arc<Inner>);

type Transport = StreamableHttpService<Gate, LocalSessionManager>;

struct Inner {
    gate: Gate,
    /// The short way, unless it is switched off.
    direct: Option<DirectPath>,
    transport: Transport,
    /// The same, for what must not tell that a tool is there.
    quiet: Transport,
    binding: Arc<Binding>,
    leases: Leases,
    idle: IdlePeer,
    recorder: Recorder,
    tasks: TaskTracker,
    settings: McpSettings,
}

impl McpEndpoint {
    /// Puts the endpoint together. Needs a running tokio runtime.
    ///
    /// # Errors
    /// Everything that is wrong, one sentence each: a tool without a rule, two tools of one name, a name or a scope that
    /// is none, two wrapped servers that offer the same part of MCP.
    pub fn new(parts: McpParts) -> Result<Self, Vec<String>> {
        let McpParts {
            tools,
            guarded,
            policy,
            recorder,
            callers,
            bus,
            clock,
            tasks,
            watch,
            stopping,
            cutting,
            settings,
            rates,
        } = parts;
        let mut problems = Vec::new();
        let catalog = Catalog::build(tools, guarded, &policy).map_err(|found| problems.extend(found)).ok();
        let runtime = Handle::try_current().map_err(|error| problems.push(error.to_string())).ok();
        let (Some(catalog), Some(runtime)) = (catalog, runtime) else {
            return Err(problems);
        };

        let gate = Gate::new(catalog, &settings, callers.plans(), Counts::new(callers.meters(), rates))
            .map_err(|problem| vec![problem])?;

        let mut sessions = LocalSessionManager::default();
        // A session lives on direct calls for a while before rmcp hears of it again.
        let apart = settings.session_idle / 2;
        sessions.session_config.keep_alive =
            Some(settings.session_idle.saturating_add(apart).saturating_add(RMCP_GRACE));
        let sessions = Arc::new(sessions);
        let binding = Arc::new(Binding::new(
            Arc::clone(&sessions),
            Arc::clone(&clock),
            settings.session_idle,
            settings.max_sessions_per_user,
        ));
        let leases = Leases::new(clock, stopping.clone());
        let review =
            Review { callers, leases: leases.clone(), binding: Arc::clone(&binding), tasks: tasks.clone(), runtime };
        review.subscribe(&bus, &watch);
        watch.keep("mcp.sweep", sweep(leases.clone(), Arc::clone(&binding)));

        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(settings.allowed_hosts.clone())
            .with_allowed_origins(settings.allowed_origins.clone())
            .enforce_origin_validation()
            .with_json_response(true)
            .with_legacy_session_mode(true)
            .with_sse_keep_alive(Some(KEEP_ALIVE))
            .with_max_request_body_bytes(settings.max_body_bytes)
            .with_cancellation_token(cutting.child_token());
        let transport_of =
            |gate: Gate| StreamableHttpService::new(move || Ok(gate.clone()), Arc::clone(&sessions), config.clone());
        let (transport, quiet) = (transport_of(gate.clone()), transport_of(gate.quiet()));
        let direct =
            settings.direct_path.then(|| DirectPath::new(gate.clone(), &settings, apart, tasks.clone(), stopping));
        let idle = IdlePeer::start(cutting);
        Ok(Self(Arc::new(Inner { gate, direct, transport, quiet, binding, leases, idle, recorder, tasks, settings })))
    }

    /// Begins the lease of a request: when the caller's right ends, what runs under it ends. Put it beside the caller. `home`: the
    /// organization, by its name in URLs, at whose own endpoint the request is; `None` at the shared one.
    #[must_use]
    pub fn lease(&self, caller: &Caller, home: Option<&str>) -> Lease {
        self.0.leases.begin(caller, home)
    }

    /// Answers one request. The layers in front have authenticated it and taken `Authorization` and `Cookie` away.
    /// `challenge`: of the resource that the request is for.
    pub async fn handle(
        &self,
        request: Request<Body>,
        caller: Caller,
        lease: Lease,
        challenge: Arc<Challenge>,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(caller.clone());
        let record = Record::of(&self.0.recorder, &parts);
        let mut visit = Visit { caller, lease, challenge, session: None, record };
        if parts.method == Method::POST {
            let mut log = CallLog::default();
            let mut response = self.post(parts, body, visit, &mut log).await;
            response.extensions_mut().insert(log);
            return response;
        }
        let is_session_request = matches!(parts.method, Method::GET | Method::DELETE);
        if is_session_request
            && era_of(preflight::version(&parts.headers).unwrap_or_default()) == Era::Legacy
            && let Err(response) = self.admit(&parts, &mut visit, None).await
        {
            return *response;
        }
        let closed = (parts.method == Method::DELETE).then(|| session_id(&parts)).flatten().map(Cow::into_owned);
        parts.extensions.insert(visit.clone());
        let response =
            Box::pin(self.pass(&self.0.transport, Request::from_parts(parts, Body::empty()), &visit, None)).await;
        if let Some(id) = closed.filter(|_| response.status().is_success()) {
            self.0.binding.release(&id);
        }
        response
    }

    async fn post(&self, mut parts: Parts, body: Body, mut visit: Visit, log: &mut CallLog) -> Response {
        let settings = &self.0.settings;
        let body = match preflight::read_body(body, settings.max_body_bytes, settings.body_timeout).await {
            Ok(body) => body,
            Err(response) => return *response,
        };
        let message = match Message::read(&body) {
            Ok(message) => message,
            Err(error) => return answer::error(StatusCode::BAD_REQUEST, None, &error),
        };
        *log = CallLog::of(&message);
        if let Err(response) = preflight::check_version(&parts.headers, &message) {
            return *response;
        }
        let era = message.era(preflight::version(&parts.headers));
        let is_clear = match era {
            Era::Legacy => {
                if let Err(response) = self.admit(&parts, &mut visit, message.id).await {
                    return *response;
                }
                true
            }
            Era::Modern => {
                // This era has no sessions. Without the header rmcp could not use one either, should it see the message
                // in another light.
                parts.headers.remove(SESSION_ID);
                preflight::headers_agree(&parts.headers, &message)
            }
        };
        if is_clear {
            let Inner { gate, idle, .. } = self.0.as_ref();
            if let Err(response) = preflight::check_scopes(gate, idle, &visit, &message).await {
                return *response;
            }
        }
        let direct = self.0.direct.as_ref().filter(|_| is_clear);
        if let Some((direct, plain)) = direct.and_then(|path| Some((path, path.take(era, &parts, &message, &visit)?))) {
            let answer = direct.answer(plain, parts, &message, &visit, &self.0.idle);
            return tokio::select! {
                biased;
                () = visit.lease.ended() => expired(&visit, message.id),
                response = answer => response,
            };
        }
        let Inner { gate, idle, .. } = self.0.as_ref();
        let narrowed = preflight::narrow_subscription(gate, &visit, &message, &body);
        // Boxed: what goes the short way does not carry the room that rmcp needs.
        Box::pin(async {
            // Headers that do not agree are no reason to look anything up by them.
            let is_quiet = !is_clear || preflight::is_of_hidden_tool(gate, idle, &visit, &message).await;
            let transport = if is_quiet { &self.0.quiet } else { &self.0.transport };
            self.pass_on(transport, parts, narrowed.unwrap_or_else(|| body.clone()), &message, visit).await
        })
        .await
    }

    /// Tools of wrapped servers that have the name of another, as far as those servers list them to nobody in particular, one
    /// sentence each. A server that does not answer soon has nothing to say here.
    pub async fn clashes(&self) -> Vec<String> {
        let Inner { gate, idle, .. } = self.0.as_ref();
        if gate.catalog().guarded().is_empty() {
            return Vec::new();
        }
        let context = RequestContext::new(NumberOrString::Number(0), idle.peer());
        tokio::time::timeout(LISTED_WITHIN, gate.clashes(&context)).await.unwrap_or_default()
    }

    /// Everything that stands before a tool of this name, as it would for this caller; `None` when there is no such tool.
    pub async fn find_guard(&self, caller: &Caller, challenge: Arc<Challenge>, tool: &str) -> Option<Arc<Guard>> {
        let lease = self.lease(caller, None);
        let visit = Visit { caller: caller.clone(), lease, challenge, session: None, record: Record::default() };
        let Inner { gate, idle, .. } = self.0.as_ref();
        preflight::find_tool(gate, idle, &visit, tool).await.map(Cow::into_owned)
    }

    /// Everything that stands before a thing, by the word of what is to be done with it; `None` when there is no such thing.
    pub async fn find_guard_of(
        &self,
        caller: &Caller,
        challenge: Arc<Challenge>,
        action: &str,
        name: &str,
    ) -> Option<Arc<Guard>> {
        if action == ActionKind::CallTool.word() {
            return self.find_guard(caller, challenge, name).await;
        }
        self.0.gate.catalog().guard_of(action, name)
    }

    /// Sends a message the long way.
    async fn pass_on(
        &self,
        transport: &Transport,
        mut parts: Parts,
        body: Bytes,
        message: &Message<'_>,
        mut visit: Visit,
    ) -> Response {
        let opens_session = message.method == "initialize" && visit.session.is_none();
        if opens_session {
            visit.session = Some(self.0.binding.open());
        }
        if let (Some(session), Some(id)) = (&visit.session, message.cancelled()) {
            session.cancel(&id);
        }
        let is_json = preflight::is_json(&parts.headers);
        parts.extensions.insert(visit.clone());
        let response = self.pass(transport, Request::from_parts(parts, Body::from(body)), &visit, message.id).await;
        if is_json && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // JSON that rmcp cannot read as a message is no other media type, and a client that knows both eras looks
            // for a JSON-RPC error in the body.
            let error = ErrorData::invalid_request("Invalid Request: this is not an MCP message", None);
            return answer::error(StatusCode::BAD_REQUEST, message.id, &error);
        }
        let opened = visit.session.as_ref().filter(|_| opens_session);
        if let Some(opened) = opened
            && let Some(id) = response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok())
        {
            self.0.binding.bind(id, &visit.caller, opened).await;
        }
        response
    }

    /// Lets rmcp answer, as long as the lease lasts.
    async fn pass(
        &self,
        transport: &Transport,
        mut request: Request<Body>,
        visit: &Visit,
        id: Option<&RawValue>,
    ) -> Response {
        if let Some(session) = &visit.session {
            session.pass();
        }
        accept::spell_out(request.headers_mut());
        // A GET waits for news and for nothing that runs.
        let is_for_news = request.method() == Method::GET;
        let in_hand = self.0.tasks.token();
        let response = tokio::select! {
            biased;
            () = visit.lease.ended() => return expired(visit, id),
            response = transport.handle(request) => response,
        };
        let (parts, body) = answer::in_json(response.map(Body::new), id).await.into_parts();
        let is_stream = parts.headers.get(CONTENT_TYPE) == Some(&HeaderValue::from_static("text/event-stream"));
        let body = match (is_stream, is_for_news) {
            (false, _) => body,
            (true, true) => visit.lease.clone().hold_for_news(body),
            (true, false) => visit.lease.clone().hold(body, in_hand),
        };
        Response::from_parts(parts, body)
    }

    /// Checks that the session of a request is the caller's.
    ///
    /// # Errors
    /// Status 404 for one that is not there or not the caller's, in rmcp's words, so that nobody can tell which of them
    /// it is (MCP 2025-11-25, transports, session management). A request without a session is rmcp's business.
    async fn admit(&self, parts: &Parts, visit: &mut Visit, message: Option<&RawValue>) -> Result<(), Refusal> {
        let Some(id) = session_id(parts) else { return Ok(()) };
        visit.session = self.0.binding.admit(&id, &visit.caller).await;
        if visit.session.is_some() {
            return Ok(());
        }
        let error = ErrorData::invalid_request("Not Found: Session not found", None);
        Err(Box::new(answer::error(StatusCode::NOT_FOUND, message, &error)))
    }
}

/// Status 401 for a credential that ended while its request was served.
fn expired(visit: &Visit, id: Option<&RawValue>) -> Response {
    let challenge = visit.challenge.invalid_token(&ScopeSet::new());
    answer::challenge(StatusCode::UNAUTHORIZED, challenge, id, &credential_ended())
}

fn session_id(parts: &Parts) -> Option<Cow<'_, str>> {
    parts.headers.get(SESSION_ID).map(|id| String::from_utf8_lossy(id.as_bytes()))
}

/// Ends what has expired. Never returns; cancel it.
async fn sweep(leases: Leases, binding: Arc<Binding>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        leases.sweep();
        binding.sweep().await;
    }
}
