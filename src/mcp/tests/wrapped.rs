//! Somebody else's server behind the gate.

use axum::http::StatusCode;
use belgie_api::tools::guard;
use belgie_api::{Caller, access};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, JsonObject, ListPromptsResult, ListToolsResult, PaginatedRequestParams, Prompt,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::support::{Bench, ada, caller, modern, settings};
use crate::mcp::McpSettings;

/// A server with a few tools on two pages, and a prompt.
pub(super) struct Shelf {
    tells: bool,
}

impl Shelf {
    /// One that tells single tools, as rmcp's macros do.
    pub(super) fn telling() -> Self {
        Self { tells: true }
    }

    /// One that only lists them.
    fn listing() -> Self {
        Self { tells: false }
    }
}

fn item(name: &'static str) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    if name == "broken" {
        schema.insert("x-mcp-header".to_owned(), "X".into());
    }
    Tool::new(name, "A thing on the shelf", schema)
}

impl ServerHandler for Shelf {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_prompts().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (self.tells && name == "shelved").then(|| item("shelved"))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.and_then(|request| request.cursor).is_some() {
            let page = ListToolsResult::with_all_items(vec![item("locked"), item("bound"), item("fallen")]);
            return Ok(page.with_ttl_ms(2_000));
        }
        let mut page = ListToolsResult::with_all_items(vec![item("shelved"), item("broken"), item("hidden")]);
        page.next_cursor = Some("more".to_owned());
        Ok(page.with_ttl_ms(1_000))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        assert_ne!(request.name, "fallen", "the shelf falls over");
        let who = context.extensions.get::<Caller>().map_or("nobody", |caller| caller.user().email.as_str());
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{} for {who}", request.name))]).into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new("read", Some("Reads"), None)]))
    }

    async fn get_prompt(
        &self,
        _request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(GetPromptResult::new(Vec::new()).into())
    }
}

fn benches() -> [Bench; 2] {
    [Shelf::telling(), Shelf::listing()].map(|shelf| {
        let shelf = guard("shelf", access(), shelf)
            .tool("hidden", access().organization())
            .tool("locked", access().scope("key"));
        Bench::with(McpSettings { direct_path: true, ..settings() }, vec![shelf])
    })
}

fn names(list: &Value, of: &str) -> Vec<String> {
    let items = list["result"][of].as_array().expect("a list");
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn tools_of_all_servers_are_one_list() {
    for bench in benches() {
        let list = bench.ask(&ada(), modern("tools/list", None, json!({}))).await.json();
        let names = names(&list, "tools");
        assert_eq!(names[names.len() - 4..], ["bound", "fallen", "locked", "shelved"], "by name, none that is hidden");
        assert_eq!(names[0], "echo");
        assert_eq!(list["result"]["ttlMs"], 1_000, "the shortest time counts");
        assert_eq!(list["result"]["cacheScope"], "private");
    }
}

#[tokio::test]
async fn a_wrapped_tool_knows_its_caller() {
    for bench in benches() {
        assert_eq!(bench.call(&ada(), "shelved", json!({})).await.text(), "shelved for user1@example.com");
        assert_eq!(bench.call(&ada(), "bound", json!({})).await.text(), "bound for user1@example.com");
        assert_eq!(bench.call(&ada(), "echo", json!({ "text": "ours" })).await.text(), "ours");
    }
}

#[tokio::test]
async fn a_wrapped_tool_is_under_its_rule() {
    for bench in benches() {
        let answer = bench.call(&ada(), "locked", json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.challenge().contains(r#"scope="key""#), "{}", answer.challenge());
        let opened = bench.call(&caller(1, "cli_one", "key"), "locked", json!({})).await;
        assert_eq!(opened.text(), "locked for user1@example.com");
        for name in ["hidden", "nosuch"] {
            let answer = bench.call(&ada(), name, json!({})).await;
            assert_eq!(answer.json()["error"], json!({ "code": -32602, "message": format!("Unknown tool: {name}") }));
        }
    }
}

#[tokio::test]
async fn a_wrapped_server_that_panics_is_an_error() {
    for bench in benches() {
        assert_eq!(bench.call(&ada(), "fallen", json!({})).await.code(), -32603);
    }
}

#[tokio::test]
async fn other_parts_are_under_the_rule_of_the_whole() {
    let open = Bench::with(settings(), vec![guard("shelf", access().scope("read"), Shelf::telling())]);
    let get = || modern("prompts/get", Some("read"), json!({ "name": "read" }));
    let refused = open.ask(&ada(), get()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let list = open.ask(&ada(), modern("prompts/list", None, json!({}))).await.json();
    assert_eq!(names(&list, "prompts"), ["read"], "what needs a scope stays visible");
    assert_eq!(open.ask(&caller(1, "cli_one", "read"), get()).await.json()["result"]["messages"], json!([]));

    let closed = Bench::with(settings(), vec![guard("shelf", access().organization(), Shelf::telling())]);
    let list = closed.ask(&ada(), modern("prompts/list", None, json!({}))).await.json();
    assert_eq!(names(&list, "prompts"), Vec::<String>::new());
    assert_eq!(closed.ask(&ada(), get()).await.code(), -32602);
    assert_eq!(closed.ask(&ada(), modern("resources/list", None, json!({}))).await.status, StatusCode::NOT_FOUND);
}
