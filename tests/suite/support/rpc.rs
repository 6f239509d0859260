//! MCP messages of both eras, sent by hand so that tests can send wrong ones.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const ACCEPT: &str = "application/json, text/event-stream";

/// An answer of the endpoint.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The JSON body, or the last message of an event stream; null when there is neither.
    pub body: Value,
}

impl Reply {
    /// Reads an answer to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let is_stream = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let text = response.text().await.unwrap_or_default();
        let json = if is_stream {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
            data.filter(|data| !data.is_empty()).next_back().unwrap_or("null").to_owned()
        } else {
            text
        };
        Self { status, headers, body: serde_json::from_str(&json).unwrap_or(Value::Null) }
    }

    /// The challenge of a 401 or 403.
    pub fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().expect("a plain header"))
    }

    /// The code of a JSON-RPC error.
    pub fn error_code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or_default()
    }

    /// The text a tool answered.
    pub fn text(&self) -> &str {
        self.body["result"]["content"][0]["text"].as_str().unwrap_or_default()
    }

    /// Names of listed tools.
    pub fn tool_names(&self) -> Vec<&str> {
        self.body["result"]["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect()
    }
}

/// A JSON-RPC request.
pub fn rpc(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The stateless era, 2026-07-28.
pub struct Modern<'a> {
    pub client: &'a Client,
    pub url: &'a str,
    pub token: Option<&'a str>,
}

impl Modern<'_> {
    /// A request as the specification wants it, to be spoiled or sent. What stands in `_meta` already is kept.
    pub fn request(&self, method: &str, mut params: Value) -> RequestBuilder {
        let name = params["name"].as_str().map(ToOwned::to_owned);
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "suite", "version": "1" },
        });
        for (key, value) in params["_meta"].as_object().into_iter().flatten() {
            meta[key] = value.clone();
        }
        params["_meta"] = meta;
        let mut request =
            self.client.post(self.url).header("accept", ACCEPT).header("mcp-protocol-version", "2026-07-28");
        request = request.header("mcp-method", method);
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        request.json(&rpc(method, params))
    }

    /// Sends a request.
    pub async fn send(&self, method: &str, params: Value) -> Reply {
        Reply::read(self.request(method, params).send().await.expect("the gateway answers")).await
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.send("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

/// The era with `initialize` and sessions, 2025-11-25.
pub struct LegacySession {
    pub client: Client,
    pub url: String,
    pub token: String,
    pub id: String,
}

impl LegacySession {
    /// Opens a session.
    pub async fn open(client: &Client, url: &str, token: &str) -> Self {
        let mut session =
            Self { client: client.clone(), url: url.to_owned(), token: token.to_owned(), id: String::new() };
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "suite", "version": "1" },
        });
        let reply = session.send("initialize", params).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        session.id = reply.headers["mcp-session-id"].to_str().expect("a plain id").to_owned();
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let accepted = session.post(&done).send().await.expect("the gateway answers");
        assert_eq!(accepted.status(), StatusCode::ACCEPTED);
        session
    }

    fn dress(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("accept", ACCEPT).bearer_auth(&self.token);
        if self.id.is_empty() {
            return request;
        }
        request.header("mcp-session-id", &self.id).header("mcp-protocol-version", "2025-11-25")
    }

    /// A POST of this session.
    pub fn post(&self, message: &Value) -> RequestBuilder {
        self.dress(self.client.post(&self.url)).json(message)
    }

    /// The GET that opens the session's own stream.
    pub fn get(&self) -> RequestBuilder {
        self.dress(self.client.get(&self.url))
    }

    /// The DELETE that ends the session.
    pub fn delete(&self) -> RequestBuilder {
        self.dress(self.client.delete(&self.url))
    }

    /// Sends a request.
    pub async fn send(&self, method: &str, params: Value) -> Reply {
        Reply::read(self.post(&rpc(method, params)).send().await.expect("the gateway answers")).await
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.send("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}
