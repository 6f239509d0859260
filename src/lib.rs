//! Belgie: an MCP-first authenticated gateway.
//!
//! The machine behind the words of [`belgie_api`]: it orders plugins, serves the web routes and the MCP endpoint, and
//! lets nobody through who is not known. Start with [`Belgie::builder`]; the program `belgie` uses nothing else.

pub mod access;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod db;
pub mod events;
pub mod gateway;
pub mod identity;
pub mod limits;
pub mod mail;
pub mod mcp;
pub mod outbound;
pub mod pages;
pub mod registry;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod web;

pub use belgie_api as api;
pub use belgie_api::plugin::{ScopeGrant, ScopeInfo};
pub use belgie_api::rmcp;
pub use belgie_api::web::{Present, Session, SignedIn, Visitor};
#[cfg(feature = "google")]
pub use belgie_google as google;
#[cfg(feature = "microsoft")]
pub use belgie_microsoft as microsoft;
#[cfg(feature = "oauth-client")]
pub use belgie_oauth_client as oauth_client;
#[cfg(feature = "oauth-server")]
pub use belgie_oauth_server as oauth_server;
#[cfg(feature = "organization")]
pub use belgie_organization as organization;
#[cfg(feature = "stripe")]
pub use belgie_stripe as stripe;
#[cfg(feature = "team")]
pub use belgie_team as team;
pub use gateway::{Belgie, BootError, Builder, Checked, Gateway};
pub use identity::SessionInfo;
pub use web::{Client, scopes};
