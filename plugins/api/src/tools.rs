//! Tools: an async function, the schema of its arguments, and the rule that says who may call it.
//!
//! ```
//! use belgie_api::rmcp::handler::server::wrapper::Parameters;
//! use belgie_api::{Caller, ToolSet, access, tool};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Greeting {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! async fn greet(caller: Caller, Parameters(greeting): Parameters<Greeting>) -> String {
//!     format!("{} greets {}", caller.user().email, greeting.name)
//! }
//!
//! let tools = ToolSet::new(()).tool(
//!     tool("greet", "Greets somebody").arguments::<Greeting>().read_only(),
//!     access().scope("notes:read"),
//!     greet,
//! );
//! # assert_eq!(tools.entries().len(), 1);
//! ```

mod denied;
mod refused;
mod wrapped;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rmcp::handler::server::common::{FromContextPart, schema_for_input, schema_for_output};
use rmcp::handler::server::router::tool::{ToolRoute, ToolRouter};
use rmcp::handler::server::tool::{CallToolHandler, ToolCallContext};
use rmcp::model::{CallToolRequestParams, CallToolResponse, Extensions, JsonObject, Tool, ToolAnnotations};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use schemars::JsonSchema;

pub use self::denied::Denied;
pub use self::refused::Refused;
pub use self::wrapped::{AnyHandler, Guarded, guard};
use crate::access::Rule;
use crate::caller::Caller;

/// What a running tool gives back.
pub type ToolFuture = Pin<Box<dyn Future<Output = Result<CallToolResponse, ErrorData>> + Send>>;

/// A tool behind its state and its types: what the gate runs once it holds a permit.
pub type ToolCall = Arc<dyn Fn(CallToolRequestParams, RequestContext<RoleServer>) -> ToolFuture + Send + Sync>;

/// One tool with its rule.
#[derive(Clone)]
pub struct ToolEntry {
    /// Name, description and schemas, as listed.
    pub tool: Tool,
    /// Who may call it; `None` stops the boot.
    pub rule: Option<Rule>,
    /// Runs it.
    pub call: ToolCall,
    /// Whether it has nothing to say to its client while it runs: see [`ToolSpec::plain`].
    pub is_plain: bool,
}

/// The description of a tool, as clients will list it.
pub struct ToolSpec {
    tool: Tool,
    is_plain: bool,
    problem: Option<String>,
}

/// Begins the description of a tool that takes no arguments.
///
/// `name`: 1 to 128 of `A-Z a-z 0-9 _ . -` (MCP 2026-07-28, server/tools). `description`: for the model.
#[must_use]
pub fn tool(name: &'static str, description: &'static str) -> ToolSpec {
    let mut empty = JsonObject::new();
    empty.insert("type".to_owned(), "object".into());
    empty.insert("additionalProperties".to_owned(), false.into());
    ToolSpec { tool: Tool::new(name, description, empty), is_plain: false, problem: None }
}

impl ToolSpec {
    /// The type of the arguments; its JSON schema is listed.
    #[must_use]
    pub fn arguments<T: JsonSchema + 'static>(mut self) -> Self {
        match schema_for_input::<T>() {
            Ok(schema) => self.tool.input_schema = schema,
            Err(error) => self.problem = Some(error),
        }
        self
    }

    /// The type of the structured result; its JSON schema is listed.
    #[must_use]
    pub fn returns<T: JsonSchema + 'static>(mut self) -> Self {
        self.tool.output_schema = Some(schema_for_output::<T>());
        self
    }

    /// A title for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.tool.title = Some(title.to_owned());
        self
    }

    /// Says that the tool changes nothing, so that clients may call it without asking.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.tool.annotations =
            Some(ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false));
        self
    }

    /// Says that the tool answers soon and from its arguments and its caller alone: while it runs it asks its client
    /// nothing (elicitation, sampling, roots) and tells it nothing but the progress that the call itself has asked for.
    ///
    /// The protocol versions before 2026-07-28 carry such talk through a session, and every call with it. A plain tool
    /// is answered without, at a fraction of the cost: in one piece of JSON, which a client whose connection breaks cannot
    /// fetch again. What is not marked takes the long way there, so marking nothing is always safe.
    #[must_use]
    pub const fn plain(mut self) -> Self {
        self.is_plain = true;
        self
    }
}

/// Tools that share one state.
pub struct ToolSet<S = ()> {
    state: Arc<S>,
    entries: Vec<ToolEntry>,
    problems: Vec<String>,
}

/// A set of tools whose state no longer matters: what [`Mount`](crate::Mount) takes.
pub type AnyToolSet = (Vec<ToolEntry>, Vec<String>);

impl<S: Send + Sync + 'static> ToolSet<S> {
    /// Begins a set of tools that share `state`; a tool reads it through [`State`].
    #[must_use]
    pub fn new(state: S) -> Self {
        Self { state: Arc::new(state), entries: Vec::new(), problems: Vec::new() }
    }

    /// Adds a tool. Its function takes any of [`State`], [`Caller`], `Parameters<T>` and rmcp's own extractors.
    #[must_use]
    pub fn tool<H, A>(mut self, spec: ToolSpec, rule: Rule, handler: H) -> Self
    where
        H: CallToolHandler<Arc<S>, A> + Send + Sync + Clone + 'static,
    {
        let ToolSpec { tool, is_plain, problem } = spec;
        self.problems.extend(problem.map(|problem| format!("tool `{}`: {problem}", tool.name)));
        let route = ToolRoute::<Arc<S>>::new(tool, handler);
        let state = Arc::clone(&self.state);
        self.entries.push(ToolEntry { is_plain, ..entry(route, Some(rule), state, |state| state) });
        self
    }

    /// Adds the tools of rmcp's own `#[tool]` macros: `rules` gives each its rule by name.
    #[must_use]
    pub fn router(mut self, router: ToolRouter<S>, rules: impl Fn(&str) -> Option<Rule>) -> Self {
        for route in router {
            let rule = rules(&route.attr.name);
            self.entries.push(entry(route, rule, Arc::clone(&self.state), |state| state.as_ref()));
        }
        self
    }

    /// The tools so far.
    #[must_use]
    pub fn entries(&self) -> &[ToolEntry] {
        &self.entries
    }

    /// Forgets the type of the state.
    #[must_use]
    pub fn into_any(self) -> AnyToolSet {
        (self.entries, self.problems)
    }
}

fn entry<S, R>(route: ToolRoute<R>, rule: Option<Rule>, state: Arc<S>, service: fn(&Arc<S>) -> &R) -> ToolEntry
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    let ToolRoute { call, attr, .. } = route;
    let call: ToolCall = Arc::new(move |params, context| {
        let (call, state) = (Arc::clone(&call), Arc::clone(&state));
        Box::pin(async move { call(ToolCallContext::new(service(&state), params, context)).await })
    });
    ToolEntry { tool: attr, rule, call, is_plain: false }
}

/// The state of a tool set, as an argument of its tools.
pub struct State<S>(pub Arc<S>);

impl<S: Send + Sync + 'static> FromContextPart<ToolCallContext<'_, Arc<S>>> for State<S> {
    fn from_context_part(context: &mut ToolCallContext<'_, Arc<S>>) -> Result<Self, ErrorData> {
        Ok(Self(Arc::clone(context.service)))
    }
}

/// The caller the host put beside a message. Without one the message did not come through the gate, so nothing runs.
pub(crate) fn caller_of(extensions: &Extensions) -> Result<Caller, ErrorData> {
    extensions
        .get::<Caller>()
        .or_else(|| extensions.get::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<Caller>()))
        .cloned()
        .ok_or_else(|| ErrorData::internal_error("the request reached a tool without a caller", None))
}
