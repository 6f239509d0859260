//! What has to be settled before rmcp sees a request: whether it is a message at all, whether its headers tell the truth
//! about it, and whether the token reaches far enough, which only an HTTP status can say.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rmcp::ErrorData;
use rmcp::model::{NumberOrString, ProtocolVersion, SubscriptionFilter};
use rmcp::service::RequestContext;
use serde_json::{Value, json};

use super::answer::{self, BODY_REFUSED, INSUFFICIENT_SCOPE};
use super::catalog::Part;
use super::gate::{Gate, undecided};
use super::idle_peer::IdlePeer;
use super::message::{Era, Message, Shape, era_of, is_known};
use super::run::Visit;
use crate::access::decide::AtPreflight;
use crate::access::{ActionKind, Guard, foresee, is_hidden};

// Names and not texts: a text is read again as a name with every look-up.
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// A response in place of the one that was asked for.
pub(crate) type Refusal = Box<Response>;

/// Reads the whole body.
///
/// # Errors
/// Status 413 when it is longer than `max_bytes` (RFC 9110 section 15.5.14), 408 when it takes longer than `timeout`
/// (section 15.5.9), 400 when the connection breaks.
pub(crate) async fn read_body(body: Body, max_bytes: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    let refuse =
        |status, what: String| Box::new(answer::error(status, None, &ErrorData::new(BODY_REFUSED, what, None)));
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is longer than {max_bytes} bytes"));
    if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match tokio::time::timeout(timeout, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(refuse(StatusCode::BAD_REQUEST, "The body did not arrive whole".to_owned())),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive".to_owned())),
    }
}

/// Whether the request says that its body is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value == "application/json"
        || value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The value of `MCP-Protocol-Version`.
pub(crate) fn version(headers: &HeaderMap) -> Option<&str> {
    headers.get(PROTOCOL_VERSION).and_then(|value| value.to_str().ok())
}

/// Checks that we speak the version of the header, in a body that both eras can read; rmcp does so when the message
/// names a version itself.
///
/// # Errors
/// Status 400 and code -32022 (MCP 2026-07-28, basic/versioning).
pub(crate) fn check_version(headers: &HeaderMap, message: &Message<'_>) -> Result<(), Refusal> {
    let Some(value) = headers.get(PROTOCOL_VERSION) else { return Ok(()) };
    let named = message.shape == Shape::Request && message.meta.version().is_some();
    let requested = String::from_utf8_lossy(value.as_bytes());
    if named || is_known(&requested) {
        return Ok(());
    }
    let data = json!({ "requested": requested, "supported": ProtocolVersion::KNOWN_VERSIONS });
    let code = rmcp::model::ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
    let error = ErrorData::new(code, "Unsupported protocol version", Some(data));
    Err(Box::new(answer::error(StatusCode::BAD_REQUEST, message.id, &error)))
}

/// Whether the headers of a modern request repeat what its body says. If they do not, rmcp has the words for it; until
/// then nothing may be decided.
pub(crate) fn headers_agree(headers: &HeaderMap, message: &Message<'_>) -> bool {
    let version = sole(headers, PROTOCOL_VERSION);
    if message.is_odd || message.meta.version().as_deref() != version {
        return false;
    }
    if era_of(version.unwrap_or_default()) == Era::Legacy {
        // An older version in the newer lifecycle: it knows no other headers.
        return true;
    }
    if sole(headers, METHOD) != Some(message.method.as_ref()) {
        return false;
    }
    match message.named() {
        Some(name) => sole(headers, NAME).is_some_and(|value| is_value(value, name)),
        None => true,
    }
}

/// Checks that the token reaches far enough for what a request asks, as far as the caller may know of it at all. The
/// gate decides again once rmcp has read the message.
///
/// # Errors
/// Status 403 with a challenge that names all scopes (RFC 6750 section 3.1, MCP 2026-07-28, authorization), and 503 (RFC
/// 9110 section 15.6.4) when it cannot be decided.
pub(crate) async fn check_scopes(
    gate: &Gate,
    idle: &IdlePeer,
    visit: &Visit,
    message: &Message<'_>,
) -> Result<(), Refusal> {
    if message.shape != Shape::Request {
        return Ok(());
    }
    let (part, kind) = match message.method.as_ref() {
        "tools/call" => (None, ActionKind::CallTool),
        "prompts/get" => (Some(Part::Prompts), ActionKind::GetPrompt),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            (Some(Part::Resources), ActionKind::ReadResource)
        }
        "completion/complete" => (Some(Part::Completions), ActionKind::Complete),
        "logging/setLevel" => (Some(Part::Logging), ActionKind::UseServer),
        "tasks/get" | "tasks/update" | "tasks/cancel" => (Some(Part::Tasks), ActionKind::UseTask),
        "skills/get" | "resources/directory/read" => (Some(Part::Skills), ActionKind::ReadResource),
        _ => return Ok(()),
    };
    let name = message.meant();
    let name = name.as_ref();
    let guard = match part {
        Some(Part::Logging) => gate.catalog().owner(Part::Logging).map(|server| Cow::Borrowed(&server.guard)),
        Some(Part::Tasks) => gate
            .catalog()
            .owner(Part::Tasks)
            .and_then(|server| gate.guard_of_task(server, name, &visit.caller))
            .map(|origin| origin.guard),
        Some(part) => gate.catalog().owner(part).map(|server| server.guard_of(name)),
        None => find_tool(gate, idle, visit, name).await,
    };
    let Some(guard) = guard else { return Ok(()) };
    let Err(denial) = foresee(&visit.caller, &guard) else { return Ok(()) };
    match denial.at_preflight() {
        AtPreflight::Passes => return Ok(()),
        AtPreflight::Unavailable => {
            visit.record.refused(&visit.caller, kind, name, &guard, &denial).await;
            return Err(Box::new(answer::error(StatusCode::SERVICE_UNAVAILABLE, message.id, &undecided())));
        }
        AtPreflight::AsksForScopes => {}
    }
    visit.record.refused(&visit.caller, kind, name, &guard, &denial).await;
    let missing = visit.caller.scopes().missing(guard.scopes());
    let header = visit.challenge.insufficient_scope(guard.scopes(), visit.caller.scopes());
    let message_text = format!("This request needs more rights: {missing}");
    let error = ErrorData::new(INSUFFICIENT_SCOPE, message_text, Some(json!({ "scope": missing.to_string() })));
    Err(Box::new(answer::challenge(StatusCode::FORBIDDEN, header, message.id, &error)))
}

/// Everything that stands before a tool, if there is one of this name.
pub(crate) async fn find_tool<'a>(
    gate: &'a Gate,
    idle: &IdlePeer,
    visit: &Visit,
    name: &str,
) -> Option<Cow<'a, Arc<Guard>>> {
    if let Some(tool) = gate.catalog().find_native(name) {
        return Some(Cow::Borrowed(&tool.guard));
    }
    if gate.catalog().guarded().is_empty() {
        return None;
    }
    let mut context = RequestContext::new(NumberOrString::Number(0), idle.peer());
    context.extensions.insert(visit.clone());
    context.extensions.insert(visit.caller.clone());
    gate.find(name, &context).await.map(|found| found.guard(name))
}

/// Whether a message asks for a tool that the caller must not know of: everything else about it is then as if it did not
/// exist.
pub(crate) async fn is_of_hidden_tool(gate: &Gate, idle: &IdlePeer, visit: &Visit, message: &Message<'_>) -> bool {
    if message.method != "tools/call" {
        return false;
    }
    let Some(name) = message.named() else { return false };
    find_tool(gate, idle, visit, name).await.is_some_and(|guard| is_hidden(&visit.caller, &guard))
}

/// The body of a request to be told of changes, without what the caller may not be told: the wrapped server is then not
/// even asked. `None` for every other message, and for one that cannot be read, which rmcp will not take either.
pub(crate) fn narrow_subscription(gate: &Gate, visit: &Visit, message: &Message<'_>, body: &[u8]) -> Option<Bytes> {
    if message.method != "subscriptions/listen" {
        return None;
    }
    let mut whole: Value = serde_json::from_slice(body).ok()?;
    let wanted = whole.get_mut("params")?.get_mut("notifications")?;
    let mut filter: SubscriptionFilter = serde_json::from_value(wanted.clone()).ok()?;
    let resources = filter.resource_subscriptions.as_deref().unwrap_or_default();
    let owner = gate.catalog().owner(Part::Subscriptions);
    if !owner.is_some_and(|server| server.may_subscribe(&visit.caller, resources)) {
        let tools = filter.tools_list_changed.take();
        filter = SubscriptionFilter::new();
        filter.tools_list_changed = tools;
    }
    // What was decided on is what goes on, however the rest was written.
    *wanted = serde_json::to_value(filter).ok()?;
    serde_json::to_vec(&whole).ok().map(Bytes::from)
}

/// The value of a header that must be there exactly once, as text.
fn sole(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

/// Whether a header value stands for this text, plainly or as `=?base64?...?=` (MCP 2026-07-28, transports, value
/// encoding).
fn is_value(value: &str, text: &str) -> bool {
    match value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) {
        Some(encoded) => BASE64_STANDARD.decode(encoded).is_ok_and(|bytes| bytes == text.as_bytes()),
        None => value == text,
    }
}
