//! SQL, one file per table. Every query is one text that runs on both engines.

pub mod client_tokens;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod grants;
pub mod interactions;
pub mod keys;
pub mod tokens;
