//! How a denial sounds inside the protocol, where no HTTP status can carry it any more.

use belgie_api::Plan;
use belgie_api::ports::Lacking;
use belgie_api::tools::Denied;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ErrorCode, InputResponses};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::json;

use super::{Gate, upgrade};

use crate::access::decide::ActionKind;
use crate::access::{Action, Denial, Guard, would_do};
use crate::mcp::answer::INSUFFICIENT_SCOPE;
use crate::mcp::catalog::unknown_tool;
use crate::mcp::run::Visit;

/// The plan does not include what was asked for.
const PLAN_TOO_SMALL: ErrorCode = ErrorCode(-32033);

const TOO_LARGE: &str = "These arguments are larger than the rules of this place look at, so they are not allowed.";

/// In which request a tool was called.
pub(crate) struct Asked<'a> {
    pub(crate) visit: &'a Visit,
    pub(crate) context: &'a RequestContext<RoleServer>,
    /// What stands before the tool.
    pub(crate) guard: &'a Guard,
    /// What the client answers to what was asked of it before (MCP 2026-07-28, multi round-trip requests).
    pub(crate) answers: Option<&'a InputResponses>,
}

/// A refused tool call. A hidden tool does not exist; everything else is a result that the model can read, or a question to
/// the person behind it.
pub(crate) async fn refuse_call(
    gate: &Gate,
    asked: &Asked<'_>,
    name: &str,
    denial: Denial,
) -> Result<CallToolResponse, ErrorData> {
    let denied = match denial {
        Denial::Hidden => return Err(unknown_tool(name)),
        Denial::Scope { missing } => {
            let scopes = missing.to_string();
            Denied::new("access.scope_missing", format!("This call needs more rights: {scopes}.")).with_scope(&scopes)
        }
        Denial::Plan { plans, entitlements, meters } => {
            let caller = &asked.visit.caller;
            let would_do = |plan: &Plan| would_do(caller, asked.guard, plan);
            let lacking = Lacking {
                tool: name,
                plans: &plans,
                entitlements: &entitlements,
                meters: &meters,
                would_do: &would_do,
            };
            return upgrade::refuse(gate, asked, lacking).await;
        }
        Denial::Arguments => Denied::new("access.arguments_refused", "This call is not allowed with these arguments."),
        Denial::TooLarge => Denied::new("access.arguments_too_large", TOO_LARGE),
        Denial::Undecided => return Err(undecided()),
    };
    Err::<CallToolResult, Denied>(denied).into_call_tool_result()
}

/// Nobody could say whether the caller may, so the caller may not.
pub(crate) fn undecided() -> ErrorData {
    ErrorData::internal_error("It could not be decided whether this is allowed.", None)
}

/// A task that is not there, or not for this caller.
pub(super) fn unknown_task(id: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Unknown task: {id}"), None)
}

/// Any other refused request.
pub(super) fn refuse(action: &Action<'_>, denial: Denial) -> ErrorData {
    let name = action.name();
    match (denial, action.kind()) {
        (Denial::Scope { missing }, _) => {
            let message = format!("This request needs more rights: {missing}.");
            ErrorData::new(INSUFFICIENT_SCOPE, message, Some(json!({ "scope": missing.to_string() })))
        }
        (Denial::Arguments, _) => ErrorData::invalid_params("This is not allowed with these arguments.", None),
        (Denial::TooLarge, _) => ErrorData::invalid_params(TOO_LARGE, None),
        (Denial::Undecided, _) => undecided(),
        (Denial::Plan { .. }, _) => ErrorData::new(PLAN_TOO_SMALL, "The current plan does not include this.", None),
        (Denial::Hidden, ActionKind::CallTool) => unknown_tool(name),
        (Denial::Hidden, ActionKind::GetPrompt) => ErrorData::invalid_params(format!("Unknown prompt: {name}"), None),
        (Denial::Hidden, ActionKind::ReadResource) => {
            ErrorData::resource_not_found(format!("Resource not found: {name}"), Some(json!({ "uri": name })))
        }
        (Denial::Hidden, ActionKind::Complete) => ErrorData::invalid_params("Unknown reference", None),
        (Denial::Hidden, ActionKind::UseTask) => unknown_task(name),
        (Denial::Hidden, ActionKind::UseServer) => ErrorData::invalid_params("There is no such thing", None),
    }
}
