//! The agent: an MCP client that finds out by itself how to be let in. This half speaks OAuth, `calls` speaks MCP.

use std::sync::Arc;

use belgie_api::Entropy;
use belgie_api::crypto::{base64url, sha256};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::documents::{Server, Tokens};
use super::expect::{Broken, expect, need};
use super::wire::{Reply, Wire};

/// What the agent calls itself.
pub const NAME: &str = "Belgie demo agent";
/// Where the agent would listen for the answer of the browser.
pub const CALLBACK: &str = "http://127.0.0.1:33418/callback";

/// An MCP client and what it has learned so far.
pub struct Agent {
    pub(super) wire: Wire,
    entropy: Arc<dyn Entropy>,
    /// The MCP endpoint: all it knows at the beginning.
    pub mcp_url: Url,
    /// The authorization server, once it is known.
    pub server: Option<Server>,
    /// The name the authorization server gave it.
    pub client_id: Option<String>,
    /// The authorization request that waits for its answer.
    pub request: Option<AuthorizationRequest>,
    /// The tokens it uses.
    pub tokens: Option<Tokens>,
    /// The legacy MCP session it is in.
    pub session: Option<String>,
}

/// An authorization request (OAuth 2.1 section 4.1.1).
#[derive(Debug)]
pub struct AuthorizationRequest {
    /// The address for the browser.
    pub url: Url,
    /// Comes back with the answer, unchanged.
    pub state: String,
    /// The secret behind `code_challenge` (RFC 7636 section 4.1).
    pub verifier: String,
    /// What is asked for.
    pub scope: String,
}

impl Agent {
    /// An agent that knows nothing but the address of the endpoint.
    pub fn new(wire: Wire, entropy: Arc<dyn Entropy>, mcp_url: Url) -> Self {
        Self { wire, entropy, mcp_url, server: None, client_id: None, request: None, tokens: None, session: None }
    }

    /// Fetches a metadata document.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn fetch(&self, url: &Url) -> Result<Reply, Broken> {
        let reply = self.wire.ask(self.wire.request(Method::GET, url)).await?;
        reply.expect_status(StatusCode::OK)?;
        Ok(reply)
    }

    /// Introduces itself (RFC 7591 section 3.1) and keeps the name it gets.
    ///
    /// # Errors
    /// When it is not welcome.
    pub async fn register(&mut self) -> Result<(), Broken> {
        #[derive(Deserialize)]
        struct Registered {
            client_id: String,
            redirect_uris: Vec<String>,
        }
        let introduction = json!({
            "client_name": NAME,
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        });
        let request = self.wire.request(Method::POST, &self.server()?.registration_endpoint).json(&introduction);
        let reply = self.wire.ask(request).await?;
        reply.expect_status(StatusCode::CREATED)?;
        let registered: Registered = reply.json("a registered client")?;
        expect(registered.redirect_uris == [CALLBACK], "the registered redirect address", || {
            registered.redirect_uris.join(" ")
        })?;
        self.client_id = Some(registered.client_id);
        Ok(())
    }

    /// Makes a new authorization request for these scopes: PKCE with S256, a state, and the resource (RFC 8707).
    ///
    /// # Errors
    /// When the agent is not registered yet.
    pub fn begin_authorization(&mut self, scope: String) -> Result<&AuthorizationRequest, Broken> {
        let (state, verifier) = (self.random::<16>(), self.random::<32>());
        let mut url = self.server()?.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id()?)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("code_challenge", &base64url(&sha256(verifier.as_bytes())))
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", self.mcp_url.as_str());
        Ok(self.request.insert(AuthorizationRequest { url, state, verifier, scope }))
    }

    /// Trades a code for tokens (OAuth 2.1 section 4.1.3) and keeps them.
    ///
    /// # Errors
    /// When the code is not taken, or the answer is not as it must be.
    pub async fn redeem(&mut self, code: &str) -> Result<&Tokens, Broken> {
        let verifier = need(self.request.as_ref(), "an authorization request")?.verifier.clone();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", &verifier),
        ];
        let tokens = Tokens::read(&self.ask_for_tokens(&form).await?)?;
        self.request = None;
        Ok(self.tokens.insert(tokens))
    }

    /// Trades a refresh token for a new pair (OAuth 2.1 section 4.3) and keeps it.
    ///
    /// # Errors
    /// When it is not taken, or the answer is not as it must be.
    pub async fn refresh(&mut self) -> Result<&Tokens, Broken> {
        let old = self.tokens()?.clone();
        let tokens = Tokens::read(&self.present_refresh_token(&old.refresh_token).await?)?;
        let is_new = tokens.refresh_token != old.refresh_token && tokens.access_token != old.access_token;
        expect(is_new, "a pair of new tokens", || "an old one".to_owned())?;
        Ok(self.tokens.insert(tokens))
    }

    /// Presents any refresh token; what comes of it is for the caller to judge.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn present_refresh_token(&self, token: &str) -> Result<Reply, Broken> {
        self.ask_for_tokens(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Hands a token back (RFC 7009 section 2.1).
    ///
    /// # Errors
    /// When it is not taken back.
    pub async fn revoke(&self, token: &str) -> Result<(), Broken> {
        let form = [("token", token), ("client_id", self.client_id()?)];
        let request = self.wire.request(Method::POST, &self.server()?.revocation_endpoint).form(&form);
        self.wire.ask(request).await?.expect_status(StatusCode::OK)
    }

    /// The authorization server.
    ///
    /// # Errors
    /// When it is not known yet.
    pub fn server(&self) -> Result<&Server, Broken> {
        need(self.server.as_ref(), "an authorization server")
    }

    /// The tokens in use.
    ///
    /// # Errors
    /// When there are none yet.
    pub fn tokens(&self) -> Result<&Tokens, Broken> {
        need(self.tokens.as_ref(), "tokens")
    }

    /// The name the authorization server knows the agent by.
    ///
    /// # Errors
    /// When it has none yet.
    pub fn client_id(&self) -> Result<&str, Broken> {
        need(self.client_id.as_ref(), "a client id").map(String::as_str)
    }

    async fn ask_for_tokens(&self, form: &[(&str, &str)]) -> Result<Reply, Broken> {
        let mut form = form.to_vec();
        form.extend([("client_id", self.client_id()?), ("resource", self.mcp_url.as_str())]);
        let request = self.wire.request(Method::POST, &self.server()?.token_endpoint).form(&form);
        self.wire.ask(request).await
    }

    fn random<const BYTES: usize>(&self) -> String {
        let mut bytes = [0; BYTES];
        self.entropy.fill(&mut bytes);
        base64url(&bytes)
    }
}
