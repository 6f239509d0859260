//! The MCP face: one endpoint for both protocol eras (the stateless 2026-07-28, and the older ones with `initialize` and
//! sessions), with a gate in front of every tool.
//!
//! A request comes in with the [`Caller`](belgie_api::Caller) that the layers in front have put beside it, and passes
//!
//! 1. `preflight`: the body is read and looked at once; what rmcp would answer badly, and a missing scope, end here,
//! 2. `binding`: a session of the older era belongs to the person and the client that opened it,
//! 3. `direct`, the short way for a plain call, or rmcp's own transport,
//! 4. `gate`: the decision is made again on the message as rmcp has understood it, and the tool runs.
//!
//! All along, `stream` holds a lease on the caller's right to be here and ends what still runs when it is over.

mod accept;
mod answer;
mod begun;
mod binding;
pub mod builtin;
mod call_log;
mod catalog;
mod counts;
pub mod demo;
mod direct;
mod doubts;
mod endpoint;
mod gate;
mod idle_peer;
mod message;
mod param_headers;
mod preflight;
mod record;
mod review;
mod run;
mod session;
mod settings;
mod stream;

#[cfg(test)]
mod tests;

pub use self::call_log::CallLog;
pub use self::endpoint::{McpEndpoint, McpParts};
pub use self::settings::McpSettings;
pub use self::stream::Lease;
