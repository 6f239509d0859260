//! What there is to call, and whose it is: our own tools, and the servers we wrap.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use belgie_api::tools::{AnyHandler, Guarded, ToolCall, ToolEntry};
use belgie_api::{Caller, Rule};
use rmcp::model::{ListToolsResult, ServerCapabilities, ServerResult, SubscriptionFilter, Tool, ToolsCapability};
use serde_json::value::{RawValue, to_raw_value};

use super::{counts, param_headers};
use crate::access::{Action, ActionKind, Guard, Policy, decide, foresee};

/// The longest name a tool may have (MCP 2026-07-28, server/tools, tool names).
const MAX_NAME: usize = 128;

/// A tool of ours.
pub struct NativeTool {
    pub(crate) tool: Tool,
    /// The same, written already.
    pub(crate) json: Box<RawValue>,
    /// The same for the versions before 2026-07-28.
    pub(crate) legacy_json: Box<RawValue>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) call: ToolCall,
    /// Whether it has nothing to say to its client while it runs.
    pub(crate) is_plain: bool,
    /// Whether clients repeat some of its arguments as headers.
    pub(crate) has_param_headers: bool,
}

/// A part of MCP that one wrapped server at most can offer. Tools can come from any number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `prompts/*`
    Prompts,
    /// `resources/*`
    Resources,
    /// `completion/complete`
    Completions,
    /// `logging/setLevel`
    Logging,
    /// `tasks/*`
    Tasks,
    /// `skills/*` and `resources/directory/read`
    Skills,
    /// `subscriptions/listen`
    Subscriptions,
}

/// A wrapped server, with everything that stands before its things.
pub struct Wrapped {
    pub(crate) name: &'static str,
    pub(crate) handler: Arc<dyn AnyHandler>,
    /// Of the server as a whole, and of whatever has none of its own.
    pub(crate) guard: Arc<Guard>,
    /// Of tools that have a rule of their own.
    tools: BTreeMap<String, Arc<Guard>>,
    rules: Guarded,
    policy: Policy,
}

/// Everything behind the gate.
pub struct Catalog {
    native: Vec<Arc<NativeTool>>,
    by_name: HashMap<String, usize>,
    guarded: Vec<Wrapped>,
    owners: BTreeMap<&'static str, usize>,
    capabilities: ServerCapabilities,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Prompts,
        Self::Resources,
        Self::Completions,
        Self::Logging,
        Self::Tasks,
        Self::Skills,
        Self::Subscriptions,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Completions => "completions",
            Self::Logging => "logging",
            Self::Tasks => "tasks",
            Self::Skills => "skills",
            Self::Subscriptions => "subscriptions",
        }
    }

    fn is_offered_by(self, guarded: &Guarded, capabilities: &ServerCapabilities) -> bool {
        match self {
            Self::Prompts => capabilities.prompts.is_some(),
            Self::Resources => capabilities.resources.is_some(),
            Self::Completions => capabilities.completions.is_some(),
            Self::Logging => capabilities.logging.is_some(),
            Self::Tasks => capabilities.supports_tasks(),
            Self::Skills => capabilities.supports_skills(),
            Self::Subscriptions => guarded.handler.subscription_filter(&SubscriptionFilter::new()).is_some(),
        }
    }
}

impl Catalog {
    /// Puts tools and servers together.
    ///
    /// # Errors
    /// Everything that is wrong with them, one sentence each.
    pub fn build(tools: Vec<ToolEntry>, guarded: Vec<Guarded>, policy: &Policy) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut native = Vec::with_capacity(tools.len());
        let mut by_name = HashMap::new();
        for ToolEntry { mut tool, rule, call, is_plain } in tools {
            let name = tool.name.clone().into_owned();
            check_name(&name, &mut problems);
            if let Err(problem) = param_headers::check(&tool.input_schema) {
                problems.push(format!("tool `{name}`: {problem}"));
            }
            match &rule {
                Some(rule) => check_scopes(&format!("tool `{name}`"), rule, &mut problems),
                None => problems.push(format!("tool `{name}` has no access rule")),
            }
            let has_param_headers = param_headers::has_any(&tool.input_schema);
            let is_read_only = tool.annotations.as_ref().is_some_and(|about| about.read_only_hint == Some(true));
            let guard = Arc::new(policy.guard(&rule.unwrap_or_default(), &name).read_only(is_read_only));
            counts::mark(&mut tool, &guard);
            let mut write = |tool: &Tool| {
                to_raw_value(tool).unwrap_or_else(|error| {
                    problems.push(format!("tool `{name}`: {error}"));
                    RawValue::NULL.to_owned()
                })
            };
            let (json, legacy_json) = (write(&tool), write(&for_older_clients(&tool)));
            native.push(Arc::new(NativeTool { tool, json, legacy_json, guard, call, is_plain, has_param_headers }));
            if by_name.insert(name.clone(), native.len() - 1).is_some() {
                problems.push(format!("there are two tools named `{name}`"));
            }
        }
        check_guarded(&native, &guarded, &mut problems);
        let (owners, capabilities) = merge(&guarded, &mut problems);
        let guarded = guarded.into_iter().map(|guarded| Wrapped::new(guarded, policy)).collect();
        if problems.is_empty() { Ok(Self { native, by_name, guarded, owners, capabilities }) } else { Err(problems) }
    }

    /// A tool of ours.
    pub(crate) fn find_native(&self, name: &str) -> Option<&Arc<NativeTool>> {
        self.native.get(*self.by_name.get(name)?)
    }

    /// Our tools, in the order in which they were added.
    pub(crate) fn native(&self) -> &[Arc<NativeTool>] {
        &self.native
    }

    /// The wrapped servers.
    pub(crate) fn guarded(&self) -> &[Wrapped] {
        &self.guarded
    }

    /// The wrapped server that offers this part of MCP.
    pub(crate) fn owner(&self, part: Part) -> Option<&Wrapped> {
        self.owners.get(part.name()).and_then(|index| self.guarded.get(*index))
    }

    /// Everything that stands before a thing of a wrapped server that is no tool, by the word of what is to be done with it.
    pub(crate) fn guard_of(&self, action: &str, name: &str) -> Option<Arc<Guard>> {
        let is = |kind: ActionKind| kind.word() == action;
        let named = [
            (ActionKind::GetPrompt, Part::Prompts),
            (ActionKind::ReadResource, Part::Resources),
            (ActionKind::Complete, Part::Completions),
        ];
        if let Some((_, part)) = named.into_iter().find(|(kind, _)| is(*kind)) {
            return Some(self.owner(part)?.guard_of(name).into_owned());
        }
        let whole = [(ActionKind::UseTask, Part::Tasks), (ActionKind::UseServer, Part::Logging)];
        let (_, part) = whole.into_iter().find(|(kind, _)| is(*kind))?;
        Some(Arc::clone(&self.owner(part)?.guard))
    }

    /// What a client is told we can do.
    pub(crate) fn capabilities(&self) -> &ServerCapabilities {
        &self.capabilities
    }
}

impl Wrapped {
    fn new(rules: Guarded, policy: &Policy) -> Self {
        let tools = rules.tools.iter().map(|(name, rule)| (name.clone(), Arc::new(policy.guard(rule, name))));
        Self {
            name: rules.name,
            handler: Arc::clone(&rules.handler),
            guard: Arc::new(Guard::of(&rules.rule)),
            tools: tools.collect(),
            rules,
            policy: policy.clone(),
        }
    }

    /// Everything that stands before one of its tools, known at the start or not.
    pub(crate) fn guard_of_tool(&self, name: &str) -> Cow<'_, Arc<Guard>> {
        self.tools.get(name).map_or_else(|| self.guard_of(name), Cow::Borrowed)
    }

    /// Everything that stands before one of its prompts or resources.
    pub(crate) fn guard_of(&self, name: &str) -> Cow<'_, Arc<Guard>> {
        if self.policy.concerns(name) {
            return Cow::Owned(Arc::new(self.policy.guard(&self.rules.rule, name)));
        }
        Cow::Borrowed(&self.guard)
    }

    /// Whether all its tools are behind the rule of the whole.
    pub(crate) fn has_one_rule(&self) -> bool {
        self.tools.is_empty() && self.policy.is_empty()
    }

    /// Whether a caller may be told what happens in this server, and of these resources.
    pub(crate) fn may_subscribe(&self, caller: &Caller, resources: &[String]) -> bool {
        let may_read = |uri: &String| {
            let guard = self.guard_of(uri);
            decide(caller, Action::new(ActionKind::ReadResource, uri, &guard), None).is_ok()
        };
        foresee(caller, &self.guard).is_ok() && resources.iter().all(may_read)
    }

    /// Whether the operator's file says anything, so that things of one server may be under different rules.
    pub(crate) fn has_policy(&self) -> bool {
        !self.policy.is_empty()
    }
}

/// The tool as rmcp lists it in the versions before 2026-07-28, where results are objects.
pub(crate) fn for_older_clients(tool: &Tool) -> Tool {
    let mut list = ServerResult::ListToolsResult(ListToolsResult::with_all_items(vec![tool.clone()]));
    list.strip_non_object_output_for_legacy_peer();
    match list {
        ServerResult::ListToolsResult(mut list) => list.tools.pop().unwrap_or_else(|| tool.clone()),
        _ => tool.clone(),
    }
}

fn check_name(name: &str, problems: &mut Vec<String>) {
    let is_fine = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if !is_fine {
        problems.push(format!("tool `{name}`: a name is 1 to {MAX_NAME} of A-Z a-z 0-9 _ . -"));
    }
}

fn check_scopes(what: &str, rule: &Rule, problems: &mut Vec<String>) {
    problems.extend(rule.invalid_scopes().iter().map(|scope| format!("{what}: `{scope}` is not a scope")));
}

fn check_guarded(native: &[Arc<NativeTool>], guarded: &[Guarded], problems: &mut Vec<String>) {
    let mut names = HashSet::new();
    for server in guarded {
        if !names.insert(server.name) {
            problems.push(format!("there are two servers named `{}`", server.name));
        }
        check_scopes(&format!("server `{}`", server.name), &server.rule, problems);
        for (tool, rule) in &server.tools {
            check_scopes(&format!("server `{}`, tool `{tool}`", server.name), rule, problems);
        }
        for own in native.iter().filter(|own| server.has(&own.tool.name)) {
            problems.push(format!("the tool `{}` is ours and one of the server `{}`", own.tool.name, server.name));
        }
    }
    // Names that rules speak of are known before any server is asked for its list.
    for (index, one) in guarded.iter().enumerate() {
        for other in guarded.iter().skip(index + 1) {
            let named: BTreeSet<&String> = one.tools.keys().chain(other.tools.keys()).collect();
            for tool in named.into_iter().filter(|tool| one.has(tool) && other.has(tool)) {
                problems.push(format!("the tool `{tool}` comes from two servers, `{}` and `{}`", one.name, other.name));
            }
        }
    }
}

/// Who offers what, and the sum of it.
fn merge(guarded: &[Guarded], problems: &mut Vec<String>) -> (BTreeMap<&'static str, usize>, ServerCapabilities) {
    let mut owners: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut sum = ServerCapabilities::default();
    let mut tools = ToolsCapability::default();
    tools.list_changed = Some(true);
    sum.tools = Some(tools);
    for (index, server) in guarded.iter().enumerate() {
        let offered = server.handler.get_info().capabilities;
        for part in Part::ALL.into_iter().filter(|part| part.is_offered_by(server, &offered)) {
            if let Some(other) = owners.insert(part.name(), index).and_then(|other| guarded.get(other)) {
                problems.push(format!("{} come from two servers, `{}` and `{}`", part.name(), other.name, server.name));
            }
        }
        for (key, value) in offered.extensions.into_iter().flatten() {
            if sum.extensions.get_or_insert_default().insert(key.clone(), value).is_some() {
                problems.push(format!("the extension `{key}` comes from two servers, one is `{}`", server.name));
            }
        }
        for (key, value) in offered.experimental.into_iter().flatten() {
            sum.experimental.get_or_insert_default().entry(key).or_insert(value);
        }
        sum.prompts = sum.prompts.or(offered.prompts);
        sum.resources = sum.resources.or(offered.resources);
        sum.completions = sum.completions.or(offered.completions);
        sum.logging = sum.logging.or(offered.logging);
    }
    (owners, sum)
}

/// The words for a tool that does not exist, or not for this caller (MCP 2026-07-28, server/tools, error handling).
pub(crate) fn unknown_tool(name: &str) -> rmcp::ErrorData {
    rmcp::ErrorData::invalid_params(Cow::Owned(format!("Unknown tool: {name}")), None)
}
