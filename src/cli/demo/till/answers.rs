//! How the stand-in answers: the interface for programs, and the page on which one pretends to pay.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use belgie_api::crypto::constant_time_eq;
use serde_json::{Value, json};

use super::book::Fields;
use super::{LABEL, Shared, TOLD};

type Stand = State<Arc<Shared>>;

/// What Stripe says when it does not do it.
fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "type": kind, "message": message } }))).into_response()
}

fn found(object: Option<Value>) -> Response {
    match object {
        Some(object) => Json(object).into_response(),
        None => refused(StatusCode::NOT_FOUND, "invalid_request_error", "No such object"),
    }
}

/// The secret key must be the one that was given out, and the version of the interface be named.
fn check(shared: &Shared, headers: &HeaderMap) -> Result<(), Response> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = format!("Bearer {}", shared.key);
    if !constant_time_eq(text(header::AUTHORIZATION).as_bytes(), expected.as_bytes()) {
        return Err(refused(StatusCode::UNAUTHORIZED, "authentication_error", "Invalid API Key provided"));
    }
    if version(headers).is_empty() {
        return Err(refused(StatusCode::BAD_REQUEST, "invalid_request_error", "Stripe-Version is missing"));
    }
    Ok(())
}

fn version(headers: &HeaderMap) -> &str {
    headers.get("stripe-version").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `POST /v1/customers`
pub async fn make_customer(State(shared): Stand, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    match check(&shared, &headers) {
        Ok(()) => found(Some(shared.book().make_customer(&fields))),
        Err(refusal) => refusal,
    }
}

/// `POST /v1/checkout/sessions`
pub async fn open_page(State(shared): Stand, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    match check(&shared, &headers) {
        Ok(()) => found(shared.book().open_page(&shared.origin, version(&headers), &fields, Shared::now())),
        Err(refusal) => refusal,
    }
}

/// `GET /v1/checkout/sessions/{id}`
pub async fn show_page(State(shared): Stand, headers: HeaderMap, Path(id): Path<String>) -> Response {
    match check(&shared, &headers) {
        Ok(()) => found(shared.book().page(&id).cloned()),
        Err(refusal) => refusal,
    }
}

/// `GET /v1/subscriptions/{id}`
pub async fn show_subscription(State(shared): Stand, headers: HeaderMap, Path(id): Path<String>) -> Response {
    match check(&shared, &headers) {
        Ok(()) => found(shared.book().subscription(&id).cloned()),
        Err(refusal) => refusal,
    }
}

/// `GET /c/pay/{id}`, for the browser.
pub async fn ask_to_pay(State(shared): Stand, Path(id): Path<String>) -> Response {
    if shared.book().page(&id).is_none() {
        return (StatusCode::NOT_FOUND, LABEL).into_response();
    }
    let form = format!(
        "<form method=\"post\" action=\"/c/pay/{id}\"><button name=\"pay\" value=\"pretend\">Pretend to pay</button></form>"
    );
    Html(format!("<!doctype html><title>Stand-in</title><p>{LABEL}</p>{form}")).into_response()
}

/// `POST /c/pay/{id}`. Stripe tells of it a moment later; here the browser waits for that, so that the play can show it.
pub async fn pay(State(shared): Stand, Path(id): Path<String>) -> Response {
    let paid = shared.book().pay(&id, Shared::now());
    let Some(paid) = paid else { return (StatusCode::GONE, "This page is closed.").into_response() };
    let mut told = Vec::new();
    for event in &paid.events {
        told.push(shared.tell(event).await);
    }
    let headers = [(header::LOCATION.as_str(), paid.back), (TOLD, told.join(", "))];
    let headers =
        headers.map(|(name, value)| (name, HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("-"))));
    (StatusCode::SEE_OTHER, headers).into_response()
}
