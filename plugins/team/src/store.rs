//! SQL, one file per table. Every query is one text that runs on both engines.

pub mod members;
pub mod teams;
