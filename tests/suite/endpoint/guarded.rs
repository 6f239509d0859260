//! Somebody else's server behind a rule: hidden or shown as the rule says, called by whoever may.

use belgie::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::tools::guard;
use belgie_api::{Caller, access};
use reqwest::StatusCode;
use serde_json::json;

use super::{Exact, scope};
use crate::on_both_engines;
use crate::support::{Connected, Setup, TestGateway};

/// A server that knows nothing of the gateway.
struct Shelf;

impl ServerHandler for Shelf {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), "object".into());
        let item = |name: &'static str| Tool::new(name, "A thing on the shelf", schema.clone());
        Ok(ListToolsResult::with_all_items(vec![item("top"), item("locked"), item("hidden")]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = context.extensions.get::<Caller>().expect("a caller");
        let text = format!("{} for {}", request.name, caller.user().email);
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

fn setup() -> Setup {
    let shelf = guard("shelf", access(), Shelf)
        .tool("locked", access().scope("shelf:open"))
        .tool("hidden", access().organization());
    Setup::default().build(|builder| builder.guarded(shelf).scope(scope("shelf:open")))
}

on_both_engines! {
    async fn a_wrapped_tool_is_shown_and_called_by_its_rule(gateway: TestGateway, setup = setup()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        for list in [ada.modern().send("tools/list", json!({})).await, session.send("tools/list", json!({})).await] {
            let names = list.tool_names();
            assert!(names.contains(&"top") && names.contains(&"locked"), "{names:?}");
            assert!(!names.contains(&"hidden"), "{names:?}");
        }
        assert_eq!(ada.modern().call("top", json!({})).await.text(), "top for ada@example.org");
        assert_eq!(session.call("top", json!({})).await.text(), "top for ada@example.org");
        for reply in [ada.modern().call("locked", json!({})).await, session.call("locked", json!({})).await] {
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
            assert!(reply.challenge().contains("shelf:open"), "{}", reply.challenge());
        }
        let call = |name: &str| ada.modern().request("tools/call", json!({ "name": name, "arguments": {} }));
        let hidden = Exact::of(call("hidden")).await;
        assert_eq!(hidden.replace("hidden", "absent"), Exact::of(call("absent")).await);

        let opened = Connected::with_scope(&gateway, "bob@example.org", "shelf:open").await;
        assert_eq!(opened.modern().call("locked", json!({})).await.text(), "locked for bob@example.org");
    }
}

on_both_engines! {
    async fn a_server_under_a_rule_is_shown_to_nobody_else(
        gateway: TestGateway,
        setup = Setup::default().build(|builder| builder.guarded(guard("shelf", access().role("owner"), Shelf)))
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let list = ada.modern().send("tools/list", json!({})).await;
        assert!(list.tool_names().iter().all(|name| !["top", "locked", "hidden"].contains(name)), "{:?}", list.body);
        let call = |name: &str| ada.modern().request("tools/call", json!({ "name": name, "arguments": {} }));
        let hidden = Exact::of(call("top")).await;
        assert_eq!(hidden.replace("top", "pot"), Exact::of(call("pot")).await);
    }
}
