//! How a failure looks: a page for people, JSON for programs, RFC 6749 section 5.2 for OAuth clients.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use belgie_api::Failure;
use belgie_api::ports::DPOP_NONCE;
use belgie_api::web::Visitor;
use serde_json::json;

use super::Web;

/// The failure inside an error response; for an answer of the framework itself, one that fits its status.
fn failure_of(response: &Response) -> Option<Failure> {
    let status = response.status();
    if let Some(failure) = response.extensions().get::<Failure>() {
        return Some(failure.clone());
    }
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let (code, message) = match status {
        StatusCode::NOT_FOUND => ("web.not_found", "There is nothing here."),
        StatusCode::METHOD_NOT_ALLOWED => ("web.method_not_allowed", "This address does not take this method."),
        StatusCode::PAYLOAD_TOO_LARGE => ("web.body_too_large", "The request is larger than this address takes."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("invalid_request", "The request is not in the format this address takes.")
        }
        _ => ("invalid_request", "The request is not what this address takes."),
    };
    Some(Failure::with_status(status, code, message))
}

fn with_manners(mut dressed: Response, failure: &Failure, bare: Option<Response>) -> Response {
    let headers = dressed.headers_mut();
    if let Some(bare) = bare {
        for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::SET_COOKIE, DPOP_NONCE] {
            for value in bare.headers().get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
    }
    if let Some(after) = failure.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    dressed.extensions_mut().insert(failure.clone());
    dressed
}

/// A failure as JSON: `{"error", "error_description", "hint"}`.
pub fn json(failure: &Failure) -> Response {
    let body = json!({
        "error": failure.code(),
        "error_description": failure.message(),
        "hint": failure.remedy(),
    });
    with_manners((failure.status(), Json(body)).into_response(), failure, None)
}

/// Whether an error already has its final form.
fn is_dressed(response: &Response) -> bool {
    response.extensions().get::<Failure>().is_none()
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// Dresses the errors of a room for programs.
pub async fn dress_json(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match failure_of(&response) {
        Some(failure) if !is_dressed(&response) => with_manners(json(&failure), &failure, Some(response)),
        _ => response,
    }
}

/// Dresses the errors of the OAuth room: `{"error", "error_description"}` (RFC 6749 section 5.2).
pub async fn dress_oauth(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(failure) = failure_of(&response).filter(|_| !is_dressed(&response)) else {
        return response;
    };
    let code = match failure.status() {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "temporarily_unavailable",
        status if status.is_server_error() => "server_error",
        _ if failure.code().contains('.') => "invalid_request",
        _ => failure.code(),
    };
    let body = json!({ "error": code, "error_description": failure.message() });
    with_manners((failure.status(), Json(body)).into_response(), &failure, Some(response))
}

/// Dresses the errors of the room for programs of people: `{"error", "detail", "message", "hint"}`, the first two alike.
pub async fn dress_api(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(failure) = failure_of(&response).filter(|_| !is_dressed(&response)) else {
        return response;
    };
    with_manners(json_api(&failure), &failure, Some(response))
}

/// A failure as JSON for programs of people: `{"error", "detail", "message", "hint"}`.
pub fn json_api(failure: &Failure) -> Response {
    let body = json!({
        "error": failure.code(),
        "detail": failure.code(),
        "message": failure.message(),
        "hint": failure.remedy(),
    });
    with_manners((failure.status(), Json(body)).into_response(), failure, None)
}

/// Dresses an error as a page.
pub fn dress_page(web: &Web, visitor: &Visitor, response: Response) -> Response {
    let Some(failure) = failure_of(&response) else {
        return response;
    };
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page && response.extensions().get::<Failure>().is_none() {
        return response;
    }
    let context = json!({
        "status": failure.status().as_u16(),
        "title": title(&failure),
        "message": failure.message(),
        "hint": failure.remedy(),
    });
    let page = web.pages.page(visitor, "error.html", title(&failure), context);
    let mut page = page.unwrap_or_else(|broken| json_of_broken(&broken));
    *page.status_mut() = failure.status();
    with_manners(page, &failure, Some(response))
}

fn json_of_broken(failure: &Failure) -> Response {
    tracing::error!(error.source = failure.private_source(), "the error page itself cannot be rendered");
    json(failure)
}

fn title(failure: &Failure) -> &'static str {
    // Links, codes and the like that were good once.
    if failure.code().rsplit_once('.').is_some_and(|(_, what)| what == "over") {
        return "Too late";
    }
    if failure.code() == "account.suspended" {
        return "You cannot sign in";
    }
    match failure.status().as_u16() {
        400 | 422 => "This request is not right",
        401 => "Please sign in",
        403 => "This is not allowed",
        404 => "Nothing here",
        405 => "This is not how it works",
        409 => "This clashes with something",
        413 => "That is too much",
        429 => "A little slower, please",
        503 => "Not available right now",
        _ => "Something went wrong",
    }
}

/// The answer to an address nobody takes.
pub async fn not_found() -> Failure {
    nowhere()
}

/// What is said at an address nobody takes, or that is not there for this visitor.
pub fn nowhere() -> Failure {
    Failure::not_found("web.not_found", "There is nothing at this address.")
        .hint("Check the address, or start again at the home page.")
}
