//! `[mcp]`: the MCP endpoint.

use std::time::Duration;

use axum::http::uri::Authority;
use belgie_api::settings::Section;
use url::Url;

/// How lists show tools that a caller's plan does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedTools {
    /// With a mark in title, description and `_meta`, so that models and people know what a larger plan opens.
    Shown,
    /// Not at all; a call is refused in the same words all the same.
    Hidden,
}

/// How `/mcp` behaves and introduces itself.
#[derive(Clone, Debug)]
pub struct Mcp {
    /// Origins, beside our own, whose scripts may talk to the endpoint: `https://app.example.com`, exactly.
    pub allowed_origins: Vec<String>,
    /// `Host` values to answer to beside that of `base_url`: a host, or host and port.
    pub allowed_hosts: Vec<String>,
    /// How many MCP sessions of the session-based protocol era one user may have open.
    pub max_sessions_per_user: usize,
    /// How long such a session may be idle before it is closed.
    pub session_idle: Duration,
    /// How long clients may keep lists of tools, prompts and resources. Zero: they ask again every time.
    pub list_ttl: Duration,
    /// The server's name in `serverInfo`.
    pub name: String,
    /// The server's title in `serverInfo`, for people.
    pub title: String,
    /// What to tell the model about this server.
    pub instructions: Option<String>,
    /// How lists show tools that a caller's plan does not open.
    pub locked_tools: LockedTools,
    /// Whether plain calls of native tools take the short way. Off, every request takes the long one.
    pub direct_path: bool,
}

impl Mcp {
    pub(super) fn read(section: &mut Section, site_name: &str) -> Self {
        Self {
            allowed_origins: section.parsed_list(
                "allowed_origins",
                origin,
                "write scheme, host and port as a browser sends them, such as \"https://app.example.com\"",
            ),
            allowed_hosts: section.parsed_list(
                "allowed_hosts",
                host,
                "write a host, or host and port, such as \"gateway.internal:8080\"",
            ),
            max_sessions_per_user: section.integer("max_sessions_per_user", 1..=100_000, 64),
            session_idle: section.seconds("session_idle_seconds", 10..=86_400, Duration::from_mins(30)),
            list_ttl: section.seconds("list_ttl_seconds", 0..=86_400, Duration::ZERO),
            name: section.string("name", "belgie"),
            title: section.string("title", site_name),
            instructions: section.opt_string("instructions"),
            locked_tools: section.one_of(
                "locked_tools",
                &[("shown", LockedTools::Shown), ("hidden", LockedTools::Hidden)],
                LockedTools::Shown,
            ),
            direct_path: section.boolean("direct_path", true),
        }
    }
}

/// An origin in the form in which browsers send it (RFC 6454 section 6.2).
fn origin(text: &str) -> Result<String, String> {
    let url = Url::parse(text.trim()).map_err(|_| "not an origin".to_owned())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let origin = url.origin();
    if origin.is_tuple() && bare && url.password().is_none() && matches!(url.scheme(), "http" | "https") {
        Ok(origin.ascii_serialization())
    } else {
        Err("not an http or https origin; wildcards, paths and `null` are not accepted".to_owned())
    }
}

fn host(text: &str) -> Result<String, String> {
    let authority: Authority = text.trim().parse().map_err(|_| "not a host".to_owned())?;
    let text = authority.as_str().to_ascii_lowercase();
    if text.contains(['@', '*']) { Err("not a host, or host and port".to_owned()) } else { Ok(text) }
}
