//! A stand-in for Stripe: no money moves. It speaks Stripe's wire format (forms in, JSON out, signed webhooks), keeps
//! idempotency keys, refuses parameters it does not know, and misbehaves when told to.
//!
//! The suite has it in its own process and hands its news on itself; the program `belgie-till` tells a gateway of them, and
//! serves the pages on which a browser pays and cancels.

// Objects of Stripe's have many fields.
#![recursion_limit = "256"]
#![expect(clippy::disallowed_methods, reason = "what stands in for the outside world is no part of the machine")]

mod answers;
mod meters;
mod pages;
mod record;
mod shop;
mod upkeep;
mod whole;

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;

pub use self::record::note;
pub use self::shop::Shop;

/// The secret key it is reached with.
pub const KEY: &str = "sk_test_suite";
/// What webhooks are signed with.
pub const SIGNING_SECRET: &str = "whsec_suite";

/// What answers for a shop.
pub fn routes(shop: Arc<Mutex<Shop>>) -> Router {
    Router::new().fallback(answers::answer).with_state(shop)
}

/// What a gateway needs to sell through the stand-in at this address.
pub fn settings(origin: &str) -> String {
    format!(
        "[outbound]\ndanger_allow_loopback = true\n[plugins.stripe]\nsecret_key = \"{KEY}\"\n\
         webhook_secret = \"{SIGNING_SECRET}\"\napi_base = \"{origin}/\"\n"
    )
}

/// A signature as Stripe makes it, at a moment in seconds since 1970.
pub fn sign(secret: &str, body: &str, moment: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{moment}.{body}").as_bytes());
    let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("t={moment},v1={hex}")
}
