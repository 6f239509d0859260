//! A call beyond the caller's plan, and the way out: a page of ours that the person is asked to open where the client can do
//! that, a form with the link where it can show one, and the link in the answer where it can do neither.

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::Caller;
use belgie_api::context::SubscriptionStatus;
use belgie_api::ports::{Lacking, WayOut};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ElicitRequest,
    ElicitRequestParams, ElicitationAction, ElicitationSchema, ErrorCode, InputRequest, InputRequiredResult,
};
use serde_json::{Value, json};

use super::denial::Asked;
use super::{Gate, is_modern};

const CODE: &str = "access.plan_too_small";
const UNPAID: &str = "access.payment_missing";

/// Under which name the client answers.
const ANSWER: &str = "belgie_upgrade";

/// URLElicitationRequiredError (MCP 2025-11-25, client/elicitation).
const URL_ELICITATION_REQUIRED: ErrorCode = ErrorCode(-32042);

/// How long a person may look at a form. A session of the older era is busy with the call for so long.
const FORM_IS_OPEN: Duration = Duration::from_secs(120);

/// What a client can show to the person behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Pages.
    Pages,
    /// Forms alone.
    Forms,
    /// Neither.
    Nothing,
}

impl Shows {
    /// What these capabilities say. Without a mode, forms are meant (MCP 2025-11-25, client/elicitation, capabilities).
    pub(crate) fn of(capabilities: Option<ClientCapabilities>) -> Self {
        match capabilities.and_then(|can| can.elicitation) {
            Some(how) if how.url.is_some() => Self::Pages,
            Some(_) => Self::Forms,
            None => Self::Nothing,
        }
    }
}

/// A refused call, with the way out.
pub(super) async fn refuse(
    gate: &Gate,
    asked: &Asked<'_>,
    lacking: Lacking<'_>,
) -> Result<CallToolResponse, ErrorData> {
    let caller = &asked.visit.caller;
    let way_out = gate.plans().and_then(|plans| plans.0.way_out(caller, lacking));
    let said = Said { code: code(caller), reason: reason(caller, lacking, way_out.as_ref()), more: json!({}) };
    lead(asked, way_out.as_ref(), &said).await
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

/// Shows the person the page that leads on, or a form that says where it is, as far as the client can; else says it in words.
pub(super) async fn lead(
    asked: &Asked<'_>,
    way_out: Option<&WayOut>,
    said: &Said,
) -> Result<CallToolResponse, ErrorData> {
    let Some(way_out) = way_out else { return Ok(in_words(said, None, false).into()) };
    let answer = asked.answers.and_then(|answers| answers.get(ANSWER)).map(is_refusal).transpose()?;
    let shows = Shows::of(asked.context.client_capabilities());
    let was_declined = answer == Some(true);
    // To agree to a page is not to have paid, and the page can be shown again. A form says all it has to say at once.
    if shows == Shows::Nothing || was_declined || shows == Shows::Forms && answer.is_some() {
        return Ok(in_words(said, Some(way_out), was_declined).into());
    }
    let message = format!("{} Open this page to change that.", said.reason);
    match (shows, is_modern(asked.context)) {
        (Shows::Forms, true) => Ok(question(form(said, way_out)?).into()),
        (Shows::Forms, false) => {
            let shown = form(said, way_out)?;
            let answer = tokio::time::timeout(FORM_IS_OPEN, asked.context.peer.create_elicitation(shown)).await;
            let was_declined = !matches!(&answer, Ok(Ok(answer)) if answer.action == ElicitationAction::Accept);
            Ok(in_words(said, Some(way_out), was_declined).into())
        }
        (_, true) => {
            let (url, id) = (way_out.url.clone(), String::new());
            Ok(question(ElicitRequestParams::UrlElicitationParams { meta: None, message, url, elicitation_id: id })
                .into())
        }
        (_, false) => {
            let elicitation = json!({
                "mode": "url",
                "elicitationId": belgie_api::crypto::base64url(&belgie_api::crypto::sha256(way_out.url.as_bytes())),
                "url": way_out.url,
                "message": message,
            });
            Err(ErrorData::new(URL_ELICITATION_REQUIRED, message, Some(json!({ "elicitations": [elicitation] }))))
        }
    }
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
fn question(params: ElicitRequestParams) -> InputRequiredResult {
    let asked = InputRequest::Elicitation(ElicitRequest::new(params));
    InputRequiredResult::from_input_requests(BTreeMap::from([(ANSWER.to_owned(), asked)]))
}

/// A form that shows code, reason and link, for clients that open no pages. It asks for nothing that could be a secret.
fn form(said: &Said, way_out: &WayOut) -> Result<ElicitRequestParams, ErrorData> {
    let Said { code, reason, .. } = said;
    let message = format!("{code}: {reason} Open {} in a browser, then call the tool again.", way_out.url);
    let requested_schema = ElicitationSchema::builder()
        .bool_property("done", |field| field.title("I have opened the page").with_default(false))
        .build()
        .map_err(|error| ErrorData::internal_error(error.to_owned(), None))?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema })
}

/// Whether what is missing is a payment and not a larger plan.
fn is_unpaid(caller: &Caller) -> bool {
    caller.subscription().is_some_and(|own| own.status == SubscriptionStatus::ReadOnly)
}

/// The word for what is missing.
pub(super) fn code(caller: &Caller) -> &'static str {
    if is_unpaid(caller) { UNPAID } else { CODE }
}

/// Why the call is refused, in a sentence.
pub(super) fn reason(caller: &Caller, lacking: Lacking<'_>, way_out: Option<&WayOut>) -> String {
    if let Some(own) = caller.subscription().filter(|_| is_unpaid(caller)) {
        return format!(
            "The tool `{}` changes things, and a payment for the plan `{}` is missing: it only reads until that is paid.",
            lacking.tool, own.plan
        );
    }
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
