//! What wrapped servers do is counted by the same rules.

use belgie::Builder;
use belgie::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CreateTaskResult, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Task, TaskStatus, Tool,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::tools::guard;
use belgie_api::{ToolSet, access, tool};
use serde_json::{Value, json};

use super::alone;
use super::meter::{METERED, spent, sums, usage_in};
use crate::on_both_engines;
use crate::policy::wrapped::Willing;
use crate::support::{Connected, Reply, Setup, Stripe, rpc};

const WRAPPED: &str = r#"
[[access]]
tools = ["read", "greet", "notes://open"]
meter = "exports"
"#;

on_both_engines! {
    async fn tools_prompts_and_resources_of_a_wrapped_server_take_from_one_quota(engine: Engine) {
        let stripe = Stripe::start().await;
        let setup = Setup::default().config(&stripe.table()).config(METERED).config(WRAPPED);
        let gateway = setup.build(|builder| builder.guarded(guard("willing", access(), Willing))).start(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        let ask = async |method: &str, params: Value| {
            let mut request = eve.modern().request(method, params.clone());
            if let Some(uri) = params["uri"].as_str() {
                request = request.header("mcp-name", uri);
            }
            Reply::read(request.send().await.expect("an answer")).await
        };
        assert_eq!(usage_in(&eve.modern().call("read", json!({})).await)["used"], 1);
        let prompt = ask("prompts/get", json!({ "name": "greet" })).await;
        assert!(prompt.body["result"]["messages"].is_array(), "{:?}", prompt.body);
        let resource = ask("resources/read", json!({ "uri": "notes://open" })).await;
        assert!(resource.body["result"]["contents"].is_array(), "{:?}", resource.body);
        // What has no meter goes on when nothing is left.
        assert_eq!(eve.modern().call("drop_one", json!({})).await.text(), "did drop_one");
        spent(&eve.modern().call("read", json!({})).await);
        assert_eq!(ask("prompts/get", json!({ "name": "greet" })).await.error_code(), -32034);
        let said = ask("resources/read", json!({ "uri": "notes://open" })).await;
        assert_eq!((said.error_code(), &said.body["error"]["data"]["limit"]), (-32034, &json!(3)), "{:?}", said.body);
        // Errors of the server cost nothing, and nothing is set aside for them.
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(3), &json!(3), &json!(0)), "{sums}");
    }
}

on_both_engines! {
    async fn to_be_told_of_a_resource_costs_nothing_and_can_be_ended_when_nothing_is_left(engine: Engine) {
        let stripe = Stripe::start().await;
        let setup = Setup::default().config(&stripe.table()).config(METERED).config(WRAPPED);
        let gateway = setup.build(|builder| builder.guarded(guard("willing", access(), Willing))).start(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        let session = eve.session().await;
        let ask = async |method: &str| session.send(method, json!({ "uri": "notes://open" })).await;
        for method in ["resources/subscribe", "resources/unsubscribe", "resources/subscribe"] {
            assert!(ask(method).await.body["result"].is_object(), "{method}");
        }
        for _ in 0..3 {
            let read = ask("resources/read").await;
            assert!(read.body["result"]["contents"].is_array(), "{:?}", read.body);
        }
        assert_eq!(ask("resources/read").await.error_code(), -32034);
        let ended = ask("resources/unsubscribe").await;
        assert!(ended.body["result"].is_object(), "{:?}", ended.body);
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(3), &json!(3), &json!(0)), "{sums}");
    }
}

/// A server that gives every task the same id.
struct Forgetful;

impl ServerHandler for Forgetful {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tasks().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), "object".into());
        Ok(ListToolsResult::with_all_items(vec![Tool::new("read", "Takes its time", schema)]))
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(a_task())
    }
}

fn a_task() -> CallToolResponse {
    let (begun, seen) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    CreateTaskResult::new(Task::new("the_same", TaskStatus::Working, begun, seen)).into()
}

async fn lasts() -> CallToolResponse {
    a_task()
}

on_both_engines! {
    async fn a_task_that_nobody_can_be_given_costs_nothing(engine: Engine) {
        let stripe = Stripe::start().await;
        let setup = Setup::default().config(&stripe.table()).config(METERED).config(WRAPPED);
        let own = ToolSet::new(()).tool(tool("last", "Takes its time").plain(), access().meter("exports"), lasts);
        let build = |builder: Builder| builder.tools(own).guarded(guard("forgetful", access(), Forgetful));
        let gateway = setup.build(build).start(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        let (bob, _) = alone(&gateway, "bob@example.org").await;
        let used = async || sums(&gateway).await["used"].clone();
        let capability = json!({ "io.modelcontextprotocol/clientCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } });
        let begin = async |who: &Connected, name: &str| {
            let params = json!({ "name": name, "arguments": {}, "_meta": capability });
            who.modern().send("tools/call", params).await
        };
        assert_eq!(begin(&eve, "read").await.body["result"]["resultType"], "task");
        assert_eq!(used().await, 1);
        // Nobody could say any more whose task it is.
        let refused = begin(&bob, "read").await;
        assert!(refused.body["error"]["message"].as_str().is_some_and(|said| said.contains("one task id twice")), "{:?}", refused.body);
        assert_eq!(used().await, 1);
        // A client that knows no tasks, on the short way and through rmcp, in both eras.
        let session = eve.session().await;
        let long = json!({ "name": "last", "arguments": {}, "_meta": { "progressToken": 7 } });
        let long = Reply::read(session.post(&rpc("tools/call", long)).send().await.expect("an answer")).await;
        for refused in [eve.modern().call("last", json!({})).await, session.call("last", json!({})).await, long] {
            assert!(refused.body["error"].is_object(), "{:?}", refused.body);
        }
        assert_eq!(used().await, 1);
        assert_eq!(begin(&bob, "last").await.body["result"]["resultType"], "task");
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(2), &json!(2), &json!(0)), "{sums}");
    }
}
