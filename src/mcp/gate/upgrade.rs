//! A call beyond the caller's plan, and the way out: a page of ours that the person is asked to open, where the client can do
//! that, and a link in the answer where it cannot.

use std::collections::BTreeMap;

use belgie_api::Caller;
use belgie_api::ports::{Lacking, WayOut};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams,
    ErrorCode, InputRequest, InputRequiredResult,
};
use serde_json::{Value, json};

use super::denial::Asked;
use super::{Gate, is_modern};

const CODE: &str = "access.plan_too_small";

/// Under which name the client answers.
const ANSWER: &str = "belgie_upgrade";

/// URLElicitationRequiredError (MCP 2025-11-25, client/elicitation).
const URL_ELICITATION_REQUIRED: ErrorCode = ErrorCode(-32042);

/// A refused call, with the way out.
pub(super) fn refuse(gate: &Gate, asked: &Asked<'_>, lacking: Lacking<'_>) -> Result<CallToolResponse, ErrorData> {
    let caller = &asked.visit.caller;
    let way_out = gate.plans().and_then(|plans| plans.0.way_out(caller, lacking));
    let reason = reason(caller, lacking, way_out.as_ref());
    lead(asked, way_out.as_ref(), &Said { code: CODE, reason, more: json!({}) })
}

/// Why a call does not run.
pub(super) struct Said {
    /// A stable code.
    pub(super) code: &'static str,
    /// A sentence or two.
    pub(super) reason: String,
    /// What else programs can read: an object.
    pub(super) more: Value,
}

/// Asks the person to open the page that leads on, where the client can do that, and says where it is otherwise.
pub(super) fn lead(asked: &Asked<'_>, way_out: Option<&WayOut>, said: &Said) -> Result<CallToolResponse, ErrorData> {
    let Some(way_out) = way_out else { return Ok(in_words(said, None, false).into()) };
    let capabilities = asked.context.client_capabilities();
    let opens_pages = capabilities.and_then(|can| can.elicitation).is_some_and(|how| how.url.is_some());
    let was_declined = asked.answers.and_then(|answers| answers.get(ANSWER)).map(is_refusal).transpose()? == Some(true);
    if !opens_pages || was_declined {
        return Ok(in_words(said, Some(way_out), was_declined).into());
    }
    let message = format!("{} Open this page to change that.", said.reason);
    if is_modern(asked.context) {
        return Ok(question(message, way_out.url.clone()).into());
    }
    let elicitation = json!({
        "mode": "url",
        "elicitationId": belgie_api::crypto::base64url(&belgie_api::crypto::sha256(way_out.url.as_bytes())),
        "url": way_out.url,
        "message": message,
    });
    Err(ErrorData::new(URL_ELICITATION_REQUIRED, message, Some(json!({ "elicitations": [elicitation] }))))
}

/// Takes the answer to our question out of a call that may go on: the tool has not asked it.
pub(super) fn take_answer(request: &mut CallToolRequestParams) {
    if let Some(answers) = &mut request.input_responses {
        answers.remove(ANSWER);
        if answers.is_empty() {
            request.input_responses = None;
        }
    }
}

/// Whether the person would not, or did not, open the page. That they agreed to does not say that they have paid: then they
/// are asked again.
fn is_refusal(answer: &Value) -> Result<bool, ErrorData> {
    match answer.get("action").and_then(Value::as_str) {
        Some("accept") => Ok(false),
        Some("decline" | "cancel") => Ok(true),
        _ => Err(ErrorData::invalid_params(format!("The answer `{ANSWER}` is not one to an elicitation"), None)),
    }
}

/// MCP 2026-07-28: the call is answered with a question, and sent again with the answer.
fn question(message: String, url: String) -> InputRequiredResult {
    let params = ElicitRequestParams::UrlElicitationParams { meta: None, message, url, elicitation_id: String::new() };
    let asked = InputRequest::Elicitation(ElicitRequest::new(params));
    InputRequiredResult::from_input_requests(BTreeMap::from([(ANSWER.to_owned(), asked)]))
}

fn reason(caller: &Caller, lacking: Lacking<'_>, way_out: Option<&WayOut>) -> String {
    let own = caller.subscription().map_or_else(|| "no plan".to_owned(), |own| format!("the plan `{}`", own.plan));
    let names: Vec<String> = match way_out {
        Some(way_out) => way_out.titles.clone(),
        None => lacking.plans.iter().cloned().collect(),
    };
    let wanted = if names.is_empty() { "a larger plan".to_owned() } else { names.join(" or ") };
    format!("The tool `{}` needs {wanted}; this call is made under {own}.", lacking.tool)
}

/// For the model, which tells the person: code, reason and link first.
fn in_words(said: &Said, way_out: Option<&WayOut>, was_declined: bool) -> CallToolResult {
    let Said { code, reason, more } = said;
    let next = match way_out {
        Some(way_out) if was_declined => format!(" The page was not opened. It stays at {}", way_out.url),
        Some(way_out) => {
            format!(" Upgrade: {} Give this link to the person; once they have paid, call the tool again.", way_out.url)
        }
        None => " Nothing that can be bought here would change that.".to_owned(),
    };
    let mut result = CallToolResult::error(vec![ContentBlock::text(format!("{code}: {reason}{next}"))]);
    let mut structured = json!({
        "error": code,
        "error_description": reason,
        "upgrade_url": way_out.map(|way_out| &way_out.url),
        "plans": way_out.map(|way_out| &way_out.titles),
        "scope": null,
    });
    if let (Some(fields), Some(more)) = (structured.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    result.structured_content = Some(structured);
    result
}
