//! An endpoint to ask, and ways to ask it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use belgie_api::clock::{ShiftedClock, SystemClock};
use belgie_api::context::{ClientContext, UserContext};
use belgie_api::event::Bus;
use belgie_api::host::{self, PrincipalParts};
use belgie_api::tools::{Guarded, ToolEntry};
use belgie_api::{
    Caller, ClientId, Clock, Event, GrantBinding, OrgId, Principal, ScopeSet, TeamId, ToolSet, UserId, access, tool,
};
use http_body_util::BodyExt;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult, MetaObject};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::caller::Callers;
use crate::audit::Recorder;
use crate::auth::challenge::Challenge;
use crate::mcp::{McpEndpoint, McpParts, McpSettings, demo};
use crate::tasks::Watch;

pub(super) const METADATA: &str = "https://gate.example/.well-known/oauth-protected-resource/mcp";

/// An endpoint with the demo tools and a few of its own.
pub(super) struct Bench {
    pub(super) endpoint: McpEndpoint,
    pub(super) bus: Arc<Bus>,
    pub(super) clock: Arc<ShiftedClock>,
    /// Told when the tool `hang` has begun.
    pub(super) hanging: Arc<Notify>,
    /// Told when the tool `hang` was given up.
    pub(super) given_up: Arc<Notify>,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) fn settings() -> McpSettings {
    McpSettings {
        allowed_hosts: vec!["gate.example".to_owned()],
        allowed_origins: vec!["https://gate.example:443".to_owned()],
        max_body_bytes: 10_000,
        body_timeout: Duration::from_secs(5),
        max_sessions_per_user: 3,
        session_idle: Duration::from_secs(600),
        list_ttl: Duration::from_secs(60),
        name: "belgie".to_owned(),
        title: Some("Test".to_owned()),
        version: "1.0.0".to_owned(),
        instructions: None,
        locked_tools: crate::config::LockedTools::Shown,
        direct_path: false,
    }
}

struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn own_tools(hanging: &Arc<Notify>, given_up: &Arc<Notify>) -> Vec<ToolEntry> {
    let (begun, ended) = (Arc::clone(hanging), Arc::clone(given_up));
    let hang = move || {
        let (begun, told) = (Arc::clone(&begun), Told(Arc::clone(&ended)));
        async move {
            begun.notify_one();
            std::future::pending::<()>().await;
            drop(told);
            String::new()
        }
    };
    let set = ToolSet::new(())
        .tool(tool("boom", "Panics"), access(), boom)
        .tool(tool("hang", "Never ends").plain(), access(), hang)
        .tool(tool("talker", "May talk to its client"), access(), nothing)
        .tool(tool("odd", "Answers with what is no object").returns::<Vec<u8>>().plain(), access(), odd)
        .tool(tool("asker", "Asks for more").plain(), access(), asker)
        .tool(tool("missing", "Finds nothing").plain(), access(), missing)
        .tool(tool("noted", "Has something beside its result").plain(), access(), noted)
        .tool(tool("secret", "Only for owners"), access().role("owner").scope("x"), nothing)
        .tool(tool("two", "Needs two scopes"), access().scope("a").scope("b"), nothing)
        .tool(tool("grown", "Needs a plan"), access().plan("pro"), nothing);
    let mut tools = demo::tools().into_any().0;
    tools.extend(set.into_any().0);
    tools
}

async fn boom() -> String {
    panic!("on purpose")
}

/// A result that only the newer era can carry as it is.
async fn odd() -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text("three numbers")]);
    result.structured_content = Some(json!([1, 2, 3]));
    result
}

async fn asker() -> CallToolResponse {
    InputRequiredResult::from_request_state("sealed").into()
}

async fn missing() -> Result<CallToolResult, ErrorData> {
    Err(ErrorData::resource_not_found("There is no such page.", None))
}

async fn noted() -> CallToolResult {
    let mut result = CallToolResult::success(vec![]);
    result.meta = Some(MetaObject(json!({ "own": 1 }).as_object().cloned().unwrap_or_default()));
    result
}

async fn nothing() -> String {
    "nothing".to_owned()
}

impl Bench {
    pub(super) fn new(settings: McpSettings) -> Self {
        Self::with(settings, Vec::new())
    }

    /// One whose plain calls take the short way, and one whose calls all pass rmcp's transport.
    pub(super) fn both() -> [Self; 2] {
        [true, false].map(|direct_path| Self::new(McpSettings { direct_path, ..settings() }))
    }

    pub(super) fn with(settings: McpSettings, guarded: Vec<Guarded>) -> Self {
        let (hanging, given_up) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let (bus, clock) = (Arc::<Bus>::default(), Arc::<ShiftedClock>::default());
        let endpoint = McpEndpoint::new(McpParts {
            tools: own_tools(&hanging, &given_up),
            guarded,
            policy: crate::access::Policy::default(),
            recorder: Recorder::off(),
            callers: Callers::default(),
            bus: Arc::clone(&bus),
            clock: Arc::<ShiftedClock>::clone(&clock),
            tasks: TaskTracker::new(),
            watch: Watch::default(),
            stopping: CancellationToken::new(),
            cutting: CancellationToken::new(),
            settings,
            rates: crate::limits::PlanRates::default(),
        })
        .expect("the parts fit together");
        Self { endpoint, bus, clock, hanging, given_up }
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(&self, caller: &Caller, request: Request<Body>) -> Response {
        let lease = self.endpoint.lease(caller, None);
        let challenge = Arc::new(Challenge::new(METADATA).expect("a proper URL"));
        self.endpoint.handle(request, caller.clone(), lease, challenge).await
    }

    /// Sends a request and waits for the whole response.
    pub(super) async fn ask(&self, caller: &Caller, request: Request<Body>) -> Answer {
        Answer::of(self.send(caller, request).await).await
    }

    /// Calls a tool in the stateless era.
    pub(super) async fn call(&self, caller: &Caller, name: &str, arguments: Value) -> Answer {
        self.ask(caller, call(name, arguments)).await
    }

    /// Opens a session of the older era and gives its id.
    pub(super) async fn open(&self, caller: &Caller) -> String {
        self.open_in(caller, "2025-11-25").await
    }

    /// Opens a session in a version of the older era and gives its id.
    pub(super) async fn open_in(&self, caller: &Caller, version: &str) -> String {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let answer = self.ask(caller, post(&[], body.to_string())).await;
        let id = answer.headers.get("mcp-session-id").expect("a session is opened");
        let id = id.to_str().expect("a session id is ASCII").to_owned();
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.ask(caller, in_session(&id, &initialized)).await.status, StatusCode::ACCEPTED);
        id
    }
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body never breaks").to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(super) fn is_json(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind == "application/json")
    }

    /// The last message, whether it came alone or in an event stream; `None` when there is none.
    pub(super) fn message(&self) -> Option<Value> {
        let text = String::from_utf8_lossy(&self.body);
        let is_stream = self.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let json = if is_stream {
            text.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|data| !data.trim().is_empty())
        } else {
            Some(text.as_ref())
        };
        json.and_then(|json| serde_json::from_str(json).ok())
    }

    pub(super) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {:?}", self.body))
    }

    pub(super) fn text(&self) -> String {
        self.json()["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{:?}", self.body)).to_owned()
    }

    pub(super) fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().expect("ASCII"))
    }
}

/// A caller with some scopes, for an hour.
pub(super) fn caller(user: u128, client: &str, scopes: &str) -> Caller {
    crate::access::caller::personal(made(user_id(user), client, scopes, GrantBinding::default()))
}

/// Somebody who acts for an organization and these teams of it.
pub(super) fn principal(user: UserId, organization: Option<OrgId>, teams: &[TeamId]) -> Arc<Principal> {
    let binding = GrantBinding { organization, teams: teams.iter().copied().collect(), ..GrantBinding::default() };
    made(user, "cli_one", "", binding)
}

fn made(user: UserId, client: &str, scopes: &str, binding: GrantBinding) -> Arc<Principal> {
    Arc::new(host::principal(PrincipalParts {
        user: UserContext {
            id: user,
            email: format!("user{}@example.com", user.uuid().as_u128()),
            email_verified: true,
            name: String::new(),
            scopes: ScopeSet::new(),
        },
        service: None,
        client: ClientContext { id: ClientId::from_wire(client), name: "Test".to_owned() },
        session: None,
        presence: None,
        grant: None,
        token: None,
        scopes: scopes.parse().expect("a test writes proper scopes"),
        binding,
        expires_at: SystemClock.now().plus(Duration::from_secs(3600)),
    }))
}

pub(super) fn ada() -> Caller {
    caller(1, "cli_one", "")
}

pub(super) fn user_id(user: u128) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(user))
}

pub(super) fn deleted(user: u128) -> Event {
    Event::UserDeleted { user: user_id(user) }
}

/// A POST with these headers besides the usual ones.
pub(super) fn post(headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    request(Method::POST, headers, body)
}

pub(super) fn request(method: Method, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri("/mcp")
        .header("host", "gate.example")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a test writes proper requests")
}

/// The `_meta` that every request of the stateless era carries.
pub(super) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A request of the stateless era. `name`: the value of `Mcp-Name`, when there is one.
pub(super) fn modern(method: &str, name: Option<&str>, mut params: Value) -> Request<Body> {
    if params.get("_meta").is_none() {
        params["_meta"] = meta();
    }
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    post(&headers, body.to_string())
}

pub(super) fn call(name: &str, arguments: Value) -> Request<Body> {
    modern("tools/call", Some(name), json!({ "name": name, "arguments": arguments }))
}

/// A message in a session of the older era.
pub(super) fn in_session(id: &str, message: &Value) -> Request<Body> {
    post(&[("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", id)], message.to_string())
}

/// A call of a tool in a session of the older era.
pub(super) fn call_in_session(id: &str, number: u32, name: &str, arguments: Value) -> Request<Body> {
    let params = json!({ "name": name, "arguments": arguments });
    in_session(id, &json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params }))
}

/// Says in a session that a call is not wanted any more.
pub(super) fn cancel_in_session(id: &str, number: u32) -> Request<Body> {
    let params = json!({ "requestId": number });
    in_session(id, &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }))
}

pub(super) fn list_in_session(id: &str) -> Request<Body> {
    in_session(id, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }))
}
