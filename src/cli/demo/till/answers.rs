//! How the stand-in answers: the interface for programs, and the page on which one pretends to pay.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use belgie_api::crypto::constant_time_eq;
use serde_json::{Value, json};

use super::book::Book;
use super::{Desk, LABEL, TOLD};

type Stand = State<Arc<Desk>>;
/// A form, in its order.
type Fields = Form<Vec<(String, String)>>;

/// What Stripe says when it does not do it.
fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "type": kind, "message": message } }))).into_response()
}

fn version(headers: &HeaderMap) -> &str {
    headers.get("stripe-version").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Looks into the book for whoever has the secret key that was given out, and names the version of the interface.
fn answer(desk: &Desk, headers: &HeaderMap, look: impl FnOnce(&mut Book) -> Option<Value>) -> Response {
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    if !constant_time_eq(sent, format!("Bearer {}", desk.key).as_bytes()) {
        return refused(StatusCode::UNAUTHORIZED, "authentication_error", "Invalid API Key provided");
    }
    if version(headers).is_empty() {
        return refused(StatusCode::BAD_REQUEST, "invalid_request_error", "Stripe-Version is missing");
    }
    match look(&mut desk.book()) {
        Some(object) => Json(object).into_response(),
        None => refused(StatusCode::NOT_FOUND, "invalid_request_error", "No such object"),
    }
}

/// `POST /v1/customers`
pub async fn make_customer(State(desk): Stand, headers: HeaderMap, Form(fields): Fields) -> Response {
    answer(&desk, &headers, |book| Some(book.make_customer(&fields)))
}

/// `POST /v1/checkout/sessions`
pub async fn open_page(State(desk): Stand, headers: HeaderMap, Form(fields): Fields) -> Response {
    answer(&desk, &headers, |book| book.open_page(&desk.origin, version(&headers), &fields, Desk::now()))
}

/// `GET /v1/checkout/sessions/{id}`
pub async fn show_page(State(desk): Stand, headers: HeaderMap, Path(id): Path<String>) -> Response {
    answer(&desk, &headers, |book| book.page(&id).cloned())
}

/// `GET /v1/subscriptions/{id}`
pub async fn show_subscription(State(desk): Stand, headers: HeaderMap, Path(id): Path<String>) -> Response {
    answer(&desk, &headers, |book| book.subscription(&id).cloned())
}

/// `GET /c/pay/{id}`, for the browser.
pub async fn ask_to_pay(State(desk): Stand, Path(id): Path<String>) -> Response {
    if desk.book().page(&id).is_none() {
        return (StatusCode::NOT_FOUND, LABEL).into_response();
    }
    let form = format!(
        "<form method=\"post\" action=\"/c/pay/{id}\"><button name=\"pay\" value=\"pretend\">Pretend to pay</button></form>"
    );
    Html(format!("<!doctype html><title>Stand-in</title><p>{LABEL}</p>{form}")).into_response()
}

/// `POST /c/pay/{id}`. Stripe tells of it a moment later; here the browser waits for that, so that the play can show it.
pub async fn pay(State(desk): Stand, Path(id): Path<String>) -> Response {
    let paid = desk.book().pay(&id, Desk::now());
    let Some(paid) = paid else { return (StatusCode::GONE, "This page is closed.").into_response() };
    let mut told = Vec::new();
    for event in &paid.events {
        told.push(desk.tell(event).await);
    }
    let headers = [(header::LOCATION.as_str(), paid.back), (TOLD, told.join(", "))];
    let headers =
        headers.map(|(name, value)| (name, HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("-"))));
    (StatusCode::SEE_OTHER, headers).into_response()
}
