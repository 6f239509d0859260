//! The JSON documents an agent reads on its way.

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::expect::{Broken, expect, expect_same};
use super::wire::Reply;

/// Protected resource metadata (RFC 9728 section 2).
#[derive(Debug, Deserialize)]
pub struct Resource {
    /// The address of the resource.
    pub resource: String,
    /// Who may issue tokens for it.
    pub authorization_servers: Vec<String>,
    /// The scopes that basic use needs.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
}

/// Authorization server metadata (RFC 8414 section 2). An agent needs all of it that has no default.
#[derive(Debug, Deserialize)]
pub struct Server {
    /// Who it is.
    pub issuer: String,
    /// Where the browser goes.
    pub authorization_endpoint: Url,
    /// Where tokens are had.
    pub token_endpoint: Url,
    /// Where agents introduce themselves.
    pub registration_endpoint: Url,
    /// Where tokens are handed back.
    pub revocation_endpoint: Url,
    /// Which proofs of RFC 7636 it takes.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// What can be asked for.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Whether its answers say who they come from (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Tokens (RFC 6749 section 5.1).
#[derive(Clone, Deserialize)]
pub struct Tokens {
    /// Opens the MCP endpoint.
    pub access_token: String,
    /// How to use it.
    pub token_type: String,
    /// How long it lasts, in seconds.
    pub expires_in: u64,
    /// Brings the next pair, once.
    pub refresh_token: String,
    /// What it allows.
    #[serde(default)]
    pub scope: String,
    /// For which organization, by its id; a member of ours.
    pub organization: Option<String>,
}

impl Tokens {
    /// Reads a token response and the headers it must have (RFC 6749 section 5.1).
    ///
    /// # Errors
    /// When it is another answer.
    pub fn read(reply: &Reply) -> Result<Self, Broken> {
        reply.expect_status(StatusCode::OK)?;
        let keeping = reply.header("cache-control");
        expect(keeping.contains("no-store"), "Cache-Control: no-store", || format!("Cache-Control: {keeping}"))?;
        let tokens: Self = reply.json("an access token and a refresh token")?;
        expect_same("token_type", tokens.token_type.as_str(), "Bearer")?;
        Ok(tokens)
    }
}
