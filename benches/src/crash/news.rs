//! Webhooks: signed as Stripe signs them, and told again until they are answered.

use std::fmt::Write as _;

use anyhow::ensure;
use belgie::api::Clock;
use belgie::api::clock::SystemClock;
use belgie::api::crypto::hmac_sha256_plain;
use serde_json::json;

use super::prepare::SIGNING_SECRET;
use crate::client::Connection;
use crate::wire::Ready;

/// Tells the program that the subscription has changed.
pub fn tell(ready: &Ready, event: &str) -> anyhow::Result<()> {
    let body = json!({ "id": event, "object": "event", "type": "customer.subscription.updated",
        "data": { "object": { "id": "sub_bench", "object": "subscription" } } })
    .to_string();
    let moment = SystemClock.now().unix_seconds().to_string();
    let tag = hmac_sha256_plain(SIGNING_SECRET.as_bytes(), &[moment.as_bytes(), b".", body.as_bytes()]);
    let mut signature = format!("t={moment},v1=");
    for byte in tag {
        write!(signature, "{byte:02x}")?;
    }
    let headers = [("Content-Type", "application/json".to_owned()), ("Stripe-Signature", signature)];
    let answer = Connection::open(ready.address)?.post("/auth/stripe/webhook", &headers, &body)?;
    ensure!(answer.status == 200, "the webhook was answered with {}: {}", answer.status, answer.body);
    Ok(())
}
