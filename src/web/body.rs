//! Bodies that arrive in time and are not too large, before anything is done with them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use belgie_api::{Failure, Result};

use super::Web;

/// A form, or a document of an OAuth client, is never larger than this, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What another service tells us is never larger than this, in bytes.
const MAX_BYTES_OF_WEBHOOK: usize = 512 * 1024;

/// Reads a body to its end.
///
/// # Errors
/// 408 when it takes longer than `within`, 413 when it is larger than [`MAX_BYTES`].
pub async fn read(body: Body, within: Duration) -> Result<Bytes> {
    read_up_to(body, within, MAX_BYTES).await
}

async fn read_up_to(body: Body, within: Duration, most: usize) -> Result<Bytes> {
    tokio::time::timeout(within, to_bytes(body, most))
        .await
        .map_err(|_| {
            Failure::with_status(StatusCode::REQUEST_TIMEOUT, "body.slow", "The request took too long to arrive.")
        })?
        .map_err(|_| Failure::with_status(StatusCode::PAYLOAD_TOO_LARGE, "body.too_large", "The request is too large."))
}

/// A layer: handlers behind it find a body that is there already.
pub async fn in_time(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    whole(&web, request, next, MAX_BYTES).await
}

/// The same for what other services tell us.
pub async fn whole_in_time(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    whole(&web, request, next, MAX_BYTES_OF_WEBHOOK).await
}

async fn whole(web: &Web, request: Request, next: Next, most: usize) -> Response {
    let (parts, body) = request.into_parts();
    match read_up_to(body, web.rules.body_timeout, most).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(failure) => failure.into_response(),
    }
}
