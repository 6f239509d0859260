//! SQL, one file per table. Every query is one text that runs on both engines.

pub mod clients;
pub mod codes;
pub mod grants;
pub mod interactions;
pub mod tokens;
