//! JSON-RPC errors as HTTP responses, in the shape that rmcp gives them.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde::Serialize;
use serde_json::value::RawValue;

/// More scopes are needed. The MCP specification leaves the code to us; the header decides (RFC 6750 section 3.1).
pub(crate) const INSUFFICIENT_SCOPE: ErrorCode = ErrorCode(-32030);
/// The credential ended while the request was served.
pub(crate) const CREDENTIAL_ENDED: ErrorCode = ErrorCode(-32031);
/// The server stops a request that takes too long to arrive, or is too large.
pub(crate) const BODY_REFUSED: ErrorCode = ErrorCode(-32032);

#[derive(Serialize)]
struct ErrorMessage<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: &'a ErrorData,
}

/// A response with this body and `Content-Type: application/json`.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An event stream that ends without an answer, as rmcp has it for a request that was cancelled (MCP 2025-11-25,
/// cancellation, behavior requirements).
pub(crate) fn silence() -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A JSON-RPC error. `id`: the one of the request, as it was written; `None` when it could not be read.
pub(crate) fn error(status: StatusCode, id: Option<&RawValue>, error: &ErrorData) -> Response {
    match serde_json::to_vec(&ErrorMessage { jsonrpc: "2.0", id, error }) {
        Ok(body) => json(status, body),
        Err(cause) => {
            tracing::error!(%cause, "an error could not be written as JSON");
            json(StatusCode::INTERNAL_SERVER_ERROR, Body::empty())
        }
    }
}

/// A refusal of rmcp's that is a bare text, as a JSON-RPC error: a client that speaks both eras takes a body of another kind for
/// that of a server that knows only the older one (MCP 2026-07-28, transports, compatibility).
pub(crate) async fn in_json(response: Response, id: Option<&RawValue>) -> Response {
    if !response.status().is_client_error() || response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let refusal = ErrorData::invalid_request(String::from_utf8_lossy(&text).into_owned(), None);
    let mut response = error(parts.status, id, &refusal);
    for (name, value) in parts.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// A JSON-RPC error with a challenge (RFC 6750 section 3).
pub(crate) fn challenge(
    status: StatusCode,
    challenge: HeaderValue,
    id: Option<&RawValue>,
    data: &ErrorData,
) -> Response {
    let mut response = error(status, id, data);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
