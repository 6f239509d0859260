//! The machine behind the Belgie gateway.

pub mod access;
pub mod auth;
pub mod mcp;
