//! What the operator can set about the MCP endpoint.

use std::time::Duration;

use crate::config::LockedTools;

/// Settings of one MCP endpoint, checked already.
#[derive(Clone, Debug)]
pub struct McpSettings {
    /// Names under which the endpoint may be asked, with or without a port (MCP 2026-07-28, transports, DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Origins from which browsers may ask, each with scheme, host and port. With none, no browser may.
    pub allowed_origins: Vec<String>,
    /// The longest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How many sessions of the older protocol era one person may have; one more closes the oldest.
    pub max_sessions_per_user: usize,
    /// How long such a session lives without a request.
    pub session_idle: Duration,
    /// How long a client may keep a list of tools.
    pub list_ttl: Duration,
    /// Name of the server, for programs.
    pub name: String,
    /// Name of the server, for people.
    pub title: Option<String>,
    /// Version of the server.
    pub version: String,
    /// What a model should know before it uses the tools.
    pub instructions: Option<String>,
    /// How lists show tools that a caller's plan does not open.
    pub locked_tools: LockedTools,
    /// Whether plain calls of our own tools take the short way around rmcp's transport.
    pub direct_path: bool,
}
