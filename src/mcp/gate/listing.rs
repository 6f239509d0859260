//! Lists: everything that is there, less what the caller must not know of.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use belgie_api::Caller;
use rmcp::model::{
    ClientRequest, CompleteRequestParams, JsonObject, ListToolsResult, PaginatedRequestParams, Reference,
    RequestOptionalParam, ServerResult, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use super::locked::{Appearance, marked};
use super::{Gate, misbehaved};
use crate::access::{Guard, is_listed};
use crate::mcp::catalog::{Catalog, Wrapped};
use crate::mcp::{counts, param_headers, run};

/// More pages than any wrapped server should have; the rest is left out.
const MAX_PAGES: usize = 100;

/// Asks a wrapped server for a list. Whether the caller may see it is for the one who asks to decide.
pub(super) async fn ask(
    server: &Wrapped,
    request: ClientRequest,
    context: RequestContext<RoleServer>,
) -> Result<ServerResult, ErrorData> {
    run::contain(server.name, || server.handler.handle_request(request, context)).await
}

/// The tools this caller may know of: ours as they were added, then those of the wrapped servers by name. With it, for
/// how long the latter let them be kept.
pub(super) async fn tools(
    gate: &Gate,
    caller: &Caller,
    context: &RequestContext<RoleServer>,
) -> (Vec<Tool>, Option<u64>) {
    let catalog = gate.catalog();
    let shown = |tool: Tool, guard: &Arc<Guard>| {
        let mut tool = match gate.appearance(caller, &tool.name, guard) {
            Appearance::Absent => return None,
            Appearance::Open => tool,
            Appearance::Locked(mark) => marked(tool, mark),
        };
        counts::mark_for(&mut tool, caller, guard);
        Some(tool)
    };
    let native = catalog.native().iter();
    let mut tools: Vec<Tool> = native.filter_map(|entry| shown(entry.tool.clone(), &entry.guard)).collect();
    let mut wrapped: BTreeMap<String, Tool> = BTreeMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    let mut ttl_ms = None;
    for server in catalog.guarded() {
        let (list, own) = match all_tools(server, context).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(server.name = server.name, code = error.code.0, "a wrapped server lists no tools");
                continue;
            }
        };
        ttl_ms = ttl_ms.into_iter().chain(own).min();
        for tool in list {
            // The server that was added first has the name, whether the caller may know of its tool or not: it is the one
            // that a call would reach.
            let is_first = catalog.find_native(&tool.name).is_none() && taken.insert(tool.name.clone().into_owned());
            if !is_first {
                continue;
            }
            let guard = server.guard_of_tool(&tool.name);
            let Some(tool) = shown(tool, &guard) else { continue };
            if let Err(problem) = param_headers::check(&tool.input_schema) {
                tracing::warn!(server.name = server.name, tool.name = %tool.name, %problem, "a tool is left out");
                continue;
            }
            wrapped.entry(tool.name.clone().into_owned()).or_insert(tool);
        }
    }
    tools.extend(wrapped.into_values());
    (tools, ttl_ms)
}

/// Leaves out of a list what the operator's file keeps from this caller.
pub(super) fn keep<T>(server: &Wrapped, caller: &Caller, items: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    if server.has_policy() {
        items.retain(|item| is_listed(caller, &server.guard_of(name(item))));
    }
}

/// What a completion is for; `None` for what no protocol version knows yet.
pub(super) fn completed(reference: &Reference) -> Option<&str> {
    match reference {
        Reference::Prompt(prompt) => Some(&prompt.name),
        Reference::Resource(resource) => Some(&resource.uri),
        _ => None,
    }
}

/// The arguments that are there while one of them is being written.
pub(super) fn arguments_so_far(request: &CompleteRequestParams) -> JsonObject {
    let before = request.context.as_ref().and_then(|context| context.arguments.as_ref()).into_iter().flatten();
    let written = (&request.argument.name, &request.argument.value);
    before.chain([written]).map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}

/// Tools that more than one has, as far as the lists of the wrapped servers say before anybody asks; one that gives nobody a
/// list has nothing to say here.
pub(super) async fn clashes(catalog: &Catalog, context: &RequestContext<RoleServer>) -> Vec<String> {
    let mut owners: HashMap<String, &'static str> = HashMap::new();
    let mut clashes = Vec::new();
    for server in catalog.guarded() {
        let Ok((list, _)) = all_tools(server, context).await else { continue };
        for tool in list {
            let name = tool.name.into_owned();
            if catalog.find_native(&name).is_some() {
                clashes.push(format!("the tool `{name}` is ours and one of the server `{}`", server.name));
            } else if let Some(other) = owners.insert(name.clone(), server.name)
                && other != server.name
            {
                clashes.push(format!("the tool `{name}` comes from two servers, `{other}` and `{}`", server.name));
            }
        }
    }
    clashes
}

/// Whether a wrapped server lists a tool of this name.
pub(super) async fn has_tool(server: &Wrapped, name: &str, context: &RequestContext<RoleServer>) -> bool {
    all_tools(server, context).await.is_ok_and(|(tools, _)| tools.iter().any(|tool| tool.name == name))
}

async fn all_tools(
    server: &Wrapped,
    context: &RequestContext<RoleServer>,
) -> Result<(Vec<Tool>, Option<u64>), ErrorData> {
    let mut tools = Vec::new();
    let mut ttl_ms = None;
    let mut page = None;
    for _ in 0..MAX_PAGES {
        let mut request = RequestOptionalParam::with_param(PaginatedRequestParams::default());
        request.params = page.take();
        let ServerResult::ListToolsResult(list) =
            ask(server, ClientRequest::ListToolsRequest(request), context.clone()).await?
        else {
            return Err(misbehaved());
        };
        let ListToolsResult { tools: found, next_cursor, ttl_ms: own, .. } = list;
        tools.extend(found);
        ttl_ms = ttl_ms.into_iter().chain(own).min();
        match next_cursor {
            Some(cursor) => page = Some(PaginatedRequestParams::default().with_cursor(Some(cursor))),
            None => break,
        }
    }
    Ok((tools, ttl_ms))
}
