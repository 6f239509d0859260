//! Several wrapped servers, and a name that more than one of them has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use belgie::Belgie;
use belgie::config::RawConfig;
use belgie::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::access;
use belgie_api::tools::guard;
use serde_json::json;

use super::{Both, scope};
use crate::on_both_engines;
use crate::support::{Connected, Engine, Setup};

/// A server with the tool `twin`, once it is born.
#[derive(Clone)]
struct Twin {
    name: &'static str,
    tells: bool,
    is_born: Arc<AtomicBool>,
}

fn twin() -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    Tool::new("twin", "One of two", schema)
}

impl ServerHandler for Twin {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (self.tells && name == "twin" && self.is_born.load(Ordering::SeqCst)).then(twin)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = if self.is_born.load(Ordering::SeqCst) { vec![twin()] } else { Vec::new() };
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text(self.name)]).into())
    }
}

fn twins(tell: [bool; 2], is_born: bool) -> [Twin; 2] {
    let is_born = Arc::new(AtomicBool::new(is_born));
    [("first", tell[0]), ("second", tell[1])].map(|(name, tells)| Twin { name, tells, is_born: Arc::clone(&is_born) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_two_servers_have_stops_the_boot() {
    for tell in [[true, true], [true, false], [false, true], [false, false]] {
        let [first, second] = twins(tell, true);
        let dir = tempfile::tempdir().expect("a folder");
        let builder = Belgie::builder(RawConfig::from_text(&format!("data_dir = {:?}", dir.path())));
        let builder = builder.guarded(guard("one", access(), first)).guarded(guard("other", access(), second));
        let said = builder.build().await.err().map(|error| error.to_string()).unwrap_or_default();
        let words = "the tool `twin` comes from two servers, `one` and `other`";
        assert!(said.contains(words), "{tell:?}: {said}");
    }
}

on_both_engines! {
    async fn a_name_that_two_servers_get_later_is_of_the_first_for_everybody(engine: Engine) {
        for (round, tell) in [[true, true], [true, false], [false, true], [false, false]].into_iter().enumerate() {
            for (first_rule, second_rule, is_visible) in [
                (access(), access().organization(), true),
                (access().organization(), access(), false),
            ] {
                let [first, second] = twins(tell, false);
                let is_born = Arc::clone(&first.is_born);
                let (one, other) = (guard("one", first_rule, first), guard("other", second_rule, second));
                let gateway =
                    Setup::default().build(|builder| builder.guarded(one).guarded(other)).start(engine.clone()).await;
                is_born.store(true, Ordering::SeqCst);
                let ada = Connected::new(&gateway, &format!("ada-{round}-{is_visible}@example.org")).await;
                let both = Both::of(&ada).await;
                assert_eq!(both.lists("twin").await, [is_visible; 2], "{tell:?}");
                for reply in both.call("twin", json!({})).await {
                    if is_visible {
                        assert_eq!(reply.text(), "first", "{tell:?}: {:?}", reply.body);
                    } else {
                        let said = reply.body.to_string();
                        assert!(said.contains("Unknown tool: twin"), "nobody runs for another's rule: {said}");
                    }
                }
                if matches!(engine, Engine::Postgres(_)) {
                    return;
                }
            }
        }
    }
}

on_both_engines! {
    async fn the_scope_that_is_asked_for_is_that_of_the_server_that_runs(engine: Engine) {
        let [first, second] = twins([false, true], false);
        let is_born = Arc::clone(&first.is_born);
        let (one, other) =
            (guard("one", access().scope("one:use"), first), guard("other", access().scope("other:use"), second));
        let build = |builder: belgie::Builder| {
            builder.guarded(one).guarded(other).scope(scope("one:use")).scope(scope("other:use"))
        };
        let gateway = Setup::default().build(build).start(engine).await;
        is_born.store(true, Ordering::SeqCst);
        let ada = Connected::with_scope(&gateway, "ada@example.org", "other:use").await;
        for reply in Both::of(&ada).await.call("twin", json!({})).await {
            assert_eq!(reply.body["error"]["data"]["scope"], "one:use", "{:?}", reply.body);
        }
        let bob = Connected::with_scope(&gateway, "bob@example.org", "one:use").await;
        for reply in Both::of(&bob).await.call("twin", json!({})).await {
            assert_eq!(reply.text(), "first");
        }
    }
}
