//! What holds for a tool holds for the tasks it begins.

use belgie::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CreateTaskResult, DetailedTask, GetTaskParams,
    GetTaskResult, JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Task,
    TaskPayload, TaskStatus, Tool, UpdateTaskParams,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::tools::guard;
use belgie_api::{Event, access};
use reqwest::StatusCode;
use serde_json::json;

use super::{EDITOR, scope, tell};
use crate::on_both_engines;
use crate::support::{Connected, Place, Places, Reply, Setup, TestGateway, Tokens};

type Context = RequestContext<RoleServer>;

/// A server whose tools take their time. A task is called like its tool.
struct Slow;

fn task(id: &str) -> Task {
    Task::new(id, TaskStatus::Working, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
}

impl ServerHandler for Slow {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tasks().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: Context) -> Result<ListToolsResult, ErrorData> {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), "object".into());
        let item = |name: &'static str| Tool::new(name, "Takes its time", schema.clone());
        Ok(ListToolsResult::with_all_items(vec![item("open"), item("filed"), item("coded"), item("priced")]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: Context) -> Result<CallToolResponse, ErrorData> {
        Ok(CreateTaskResult::new(task(&request.name)).into())
    }

    async fn get_task(&self, request: GetTaskParams, _: Context) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(DetailedTask::new(task(&request.task_id), TaskPayload::Working)))
    }

    async fn update_task(&self, _: UpdateTaskParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn cancel_task(&self, _: CancelTaskParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }
}

const FILE: &str = "
[[access]]
tools = ['filed']
roles = ['editor']

[[access]]
tools = ['priced']
when = \"arguments.price < 10 || 'editor' in caller.organization.roles\"
";

fn setup(places: &Places) -> Setup {
    let slow = guard("slow", access(), Slow).tool("coded", access().role("editor").scope("slow:use"));
    let places = places.clone();
    Setup::default().config(FILE).build(|builder| places.alone(builder).guarded(slow).scope(scope("slow:use")))
}

fn knowing_tasks() -> serde_json::Value {
    json!({ "io.modelcontextprotocol/clientCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } })
}

async fn begin(agent: &Connected, tool: &str, arguments: serde_json::Value) -> Reply {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": knowing_tasks() });
    agent.modern().send("tools/call", params).await
}

async fn ask(agent: &Connected, method: &str, id: &str) -> Reply {
    let mut params = json!({ "taskId": id, "_meta": knowing_tasks() });
    if method == "tasks/update" {
        params["inputResponses"] = json!({});
    }
    let request = agent.modern().request(method, params).header("mcp-name", id);
    Reply::read(request.send().await.expect("an answer")).await
}

const METHODS: [&str; 3] = ["tasks/get", "tasks/update", "tasks/cancel"];

async fn are_open(agent: &Connected, id: &str) {
    for method in METHODS {
        let reply = ask(agent, method, id).await;
        assert!(reply.body["result"].is_object(), "{method} {id}: {:?}", reply.body);
    }
}

async fn are_unknown(agent: &Connected, id: &str) {
    for method in METHODS {
        let (reply, absent) = (ask(agent, method, id).await, ask(agent, method, "absent").await);
        let said = reply.body.to_string().replace(id, "absent");
        assert_eq!((reply.status, said), (absent.status, absent.body.to_string()), "{method} {id}");
        assert!(reply.body.to_string().contains("Unknown task"), "{:?}", reply.body);
    }
}

on_both_engines! {
    async fn whoever_may_no_longer_call_a_tool_gets_nothing_of_its_tasks(engine: Engine) {
        let places = Places::new();
        let gateway = setup(&places).start(engine).await;
        let ada = super::editor(&gateway, &places).await;
        let acme = places.id("acme");
        let agent = Connected::of(&gateway, &ada, "slow:use", Some(acme)).await;
        for (tool, arguments) in [("open", json!({})), ("filed", json!({})), ("coded", json!({})), ("priced", json!({ "price": 50 }))] {
            let begun = begin(&agent, tool, arguments).await;
            assert_eq!(begun.body["result"]["taskId"], tool, "{:?}", begun.body);
            are_open(&agent, tool).await;
        }
        places.leave(ada.id);
        places.join(ada.id, Place { roles: &["reader"], ..EDITOR });
        tell(&gateway, Event::MembershipChanged { organization: acme, user: ada.id }).await;
        are_open(&agent, "open").await;
        for id in ["filed", "coded", "priced"] {
            let reply = begin(&agent, id, json!({ "price": 50 })).await;
            assert!(reply.body["result"]["taskId"].is_null(), "{:?}", reply.body);
        }
        are_unknown(&agent, "filed").await;
        are_unknown(&agent, "coded").await;
        let refused = ask(&agent, "tasks/get", "priced").await;
        assert!(refused.body.to_string().contains("not allowed with these arguments"), "{:?}", refused.body);
    }
}

on_both_engines! {
    async fn a_task_is_of_whoever_has_begun_it(engine: Engine) {
        let places = Places::new();
        let gateway = setup(&places).start(engine).await;
        let ada = super::editor(&gateway, &places).await;
        let bob = gateway.person("bob@example.org").await;
        places.join(bob.id, EDITOR);
        let acme = places.id("acme");
        let of_ada = Connected::of(&gateway, &ada, "slow:use", Some(acme)).await;
        begin(&of_ada, "filed", json!({})).await;
        are_open(&of_ada, "filed").await;
        are_unknown(&Connected::of(&gateway, &bob, "slow:use", Some(acme)).await, "filed").await;
        are_unknown(&Connected::of(&gateway, &ada, "slow:use", Some(acme)).await, "filed").await;
        // A second task of that name could be anybody's: the server says which it is, and we do not guess.
        let of_bob = Connected::of(&gateway, &bob, "slow:use", Some(acme)).await;
        assert_eq!(begin(&of_bob, "filed", json!({})).await.error_code(), -32603);
        are_open(&of_ada, "filed").await;
    }
}

on_both_engines! {
    async fn a_scope_that_the_tool_needs_its_tasks_need(engine: Engine) {
        let places = Places::new();
        let gateway = setup(&places).start(engine).await;
        let ada = super::editor(&gateway, &places).await;
        let mut agent = Connected::of(&gateway, &ada, "slow:use connections:read", Some(places.id("acme"))).await;
        begin(&agent, "coded", json!({})).await;
        are_open(&agent, "coded").await;
        let narrower = agent.agent.refresh_with(&agent.tokens.refresh, &[("scope", "connections:read")]).await;
        agent.tokens = Tokens::of(&narrower);
        let refused = ask(&agent, "tasks/get", "coded").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
        assert!(refused.challenge().contains("slow:use"), "{}", refused.challenge());
    }
}

on_both_engines! {
    async fn where_all_tools_are_behind_one_rule_no_task_is_lost(
        gateway: TestGateway,
        setup = Setup::default().build(|builder| builder.guarded(guard("slow", access(), Slow)))
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        // Nobody here has seen it begin: another node may have, or this one before it was restarted.
        are_open(&ada, "from before").await;
    }
}
