//! MCP as the agent speaks it, in both eras: 2026-07-28, where every request stands for itself, and 2025-11-25, with a
//! session and event streams. Written out by hand, so that the gateway is not tried with the library it is made of.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::agent::{Agent, NAME};
use super::expect::{Broken, expect, expect_same, need};
use super::sse::Events;
use super::wire::{Reply, no_answer};

/// The era without sessions.
pub const MODERN: &str = "2026-07-28";
/// The last version of the era with sessions.
pub const LEGACY: &str = "2025-11-25";

const BOTH_FORMS: &str = "application/json, text/event-stream";
const SESSION_ID: &str = "mcp-session-id";
const VERSION: &str = "MCP-Protocol-Version";
/// One request is under way at a time, so one id is enough.
const ID: u64 = 1;

/// What a request brought.
#[derive(Debug)]
pub struct Answer {
    /// The `result` of JSON-RPC.
    pub result: Value,
    /// Whether it came in an event stream.
    pub is_stream: bool,
    headers: HeaderMap,
}

impl Agent {
    /// Sends a request of the newer era without looking at what comes back.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn knock(&self, method: &str, token: Option<&str>) -> Result<Reply, Broken> {
        self.wire.ask(self.modern_request(method, json!({}), token)).await
    }

    /// Calls a method in the newer era with the token in use.
    ///
    /// # Errors
    /// When the answer is not a result.
    pub async fn call_modern(&self, method: &str, params: Value) -> Result<Answer, Broken> {
        let token = &self.tokens()?.access_token;
        let request = self.modern_request(method, params, Some(token));
        let answer = read_answer(self.wire.send(request).await?).await?;
        let kind = answer.result.get("resultType").and_then(Value::as_str).unwrap_or("none");
        expect_same("resultType", kind, "complete")?;
        Ok(answer)
    }

    /// Opens a session (MCP 2025-11-25, lifecycle) and gives the server's name and version.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open_session(&mut self) -> Result<Answer, Broken> {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": client_info(),
        });
        let answer = read_answer(self.wire.send(self.legacy_request("initialize", &params)?).await?).await?;
        let version = answer.result.get("protocolVersion").and_then(Value::as_str).unwrap_or("none");
        expect_same("protocolVersion", version, LEGACY)?;
        let session = answer.headers.get(SESSION_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.session = Some(session.ok_or_else(|| Broken::new("the header Mcp-Session-Id", "no such header"))?);
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let request = self.in_session(Method::POST)?.header(CONTENT_TYPE, "application/json").body(ready.to_string());
        self.wire.ask(request).await?.expect_status(StatusCode::ACCEPTED)?;
        Ok(answer)
    }

    /// Calls a method inside the session.
    ///
    /// # Errors
    /// When the answer is not a result.
    pub async fn call_legacy(&self, method: &str, params: &Value) -> Result<Answer, Broken> {
        self.session_id()?;
        read_answer(self.wire.send(self.legacy_request(method, params)?).await?).await
    }

    /// Sends a request inside the session without looking at what comes back.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn knock_legacy(&self, method: &str) -> Result<Reply, Broken> {
        self.wire.ask(self.legacy_request(method, &json!({}))?).await
    }

    /// Closes the session; the agent goes on knowing its id.
    ///
    /// # Errors
    /// When it does not close.
    pub async fn close_session(&self) -> Result<(), Broken> {
        self.session_id()?;
        let reply = self.wire.ask(self.in_session(Method::DELETE)?).await?;
        expect(reply.status.is_success(), "a success", || reply.describe())
    }

    /// The id of the session.
    ///
    /// # Errors
    /// When none was opened.
    pub fn session_id(&self) -> Result<&str, Broken> {
        need(self.session.as_ref(), "a session").map(String::as_str)
    }

    fn modern_request(&self, method: &str, mut params: Value, token: Option<&str>) -> RequestBuilder {
        let mut request = self
            .wire
            .request(Method::POST, &self.mcp_url)
            .header(ACCEPT, BOTH_FORMS)
            .header(VERSION, MODERN)
            .header("Mcp-Method", method);
        if let Some(name) = params.get("name").and_then(Value::as_str) {
            request = request.header("Mcp-Name", name);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        });
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), meta);
        }
        request.json(&json!({ "jsonrpc": "2.0", "id": ID, "method": method, "params": params }))
    }

    fn legacy_request(&self, method: &str, params: &Value) -> Result<RequestBuilder, Broken> {
        let message = json!({ "jsonrpc": "2.0", "id": ID, "method": method, "params": params });
        Ok(self.in_session(Method::POST)?.json(&message))
    }

    /// A request with the headers of the session, if there is one.
    fn in_session(&self, method: Method) -> Result<RequestBuilder, Broken> {
        let request = self
            .wire
            .request(method, &self.mcp_url)
            .bearer_auth(&self.tokens()?.access_token)
            .header(ACCEPT, BOTH_FORMS);
        Ok(match &self.session {
            Some(session) => request.header(SESSION_ID, session).header(VERSION, LEGACY),
            None => request,
        })
    }
}

fn client_info() -> Value {
    json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION") })
}

/// Reads the response to our request, from JSON or out of an event stream.
async fn read_answer(response: Response) -> Result<Answer, Broken> {
    let (status, headers) = (response.status(), response.headers().clone());
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_stream = kind.starts_with("text/event-stream");
    if status == StatusCode::OK && is_stream {
        let message = read_stream(response).await?;
        return Ok(Answer { result: result_of(message)?, is_stream, headers });
    }
    let body = response.text().await.map_err(|error| no_answer(&error))?;
    let reply = Reply { status, headers, body };
    reply.expect_status(StatusCode::OK)?;
    let message = reply.json("a JSON-RPC message")?;
    Ok(Answer { result: result_of(message)?, is_stream, headers: reply.headers })
}

async fn read_stream(mut response: Response) -> Result<Value, Broken> {
    let mut events = Events::default();
    while let Some(bytes) = response.chunk().await.map_err(|error| no_answer(&error))? {
        events.push(&bytes);
        while let Some(data) = events.next_data() {
            let message: Value =
                serde_json::from_str(&data).map_err(|error| Broken::new("a JSON-RPC message", error.to_string()))?;
            // Notifications may come first.
            if message.get("id").and_then(Value::as_u64) == Some(ID) {
                return Ok(message);
            }
        }
    }
    Err(Broken::new("the answer in the event stream", "the end of the stream"))
}

fn result_of(mut message: Value) -> Result<Value, Broken> {
    match message.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(Broken::new("a result", message.get("error").unwrap_or(&message).to_string())),
    }
}
