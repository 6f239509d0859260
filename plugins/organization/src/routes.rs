//! What answers over HTTP.

pub mod api;
pub mod pages;
mod wire;
