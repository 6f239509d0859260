//! `POST /auth/stripe/webhook`

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::json::unkept;
use serde_json::json;

use super::Service;

/// Takes what Stripe tells.
pub async fn take(State(billing): Service, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    billing.take_webhook(signature, &body).await?;
    unkept(&json!({ "received": true }))
}
