//! What the engine knows, without any database or network: settings, shapes on the wire, rules.

pub mod account;
pub mod answer;
pub mod cookie;
pub mod flow;
pub mod profile;
pub mod refusal;
pub mod return_to;
pub mod settings;
pub mod tokens;
