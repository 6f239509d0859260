//! What the suite says to its stand-in and what that says, written down where $SUITE_STRIPE_RECORD says, for those who check it against what
//! Stripe publishes (tests/conformance/stripe.mjs).

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

/// Adds a line. Lines of many tests stand in one file, each written at once.
pub fn note(line: &Value) {
    let Some(path) = std::env::var_os("SUITE_STRIPE_RECORD") else { return };
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("a file to write to");
    file.write_all(format!("{line}\n").as_bytes()).expect("written");
}
