//! What stops the boot.

use std::sync::Arc;

use belgie_api::clock::SystemClock;
use belgie_api::tools::ToolEntry;
use belgie_api::{ToolSet, access, tool};
use rmcp::model::JsonObject;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::support::settings;
use super::wrapped::Shelf;
use crate::access::caller::Callers;
use crate::audit::Recorder;
use crate::mcp::param_headers;
use crate::mcp::{McpEndpoint, McpParts, McpSettings};
use crate::tasks::Watch;

async fn nothing() -> String {
    String::new()
}

fn entry(name: &'static str) -> ToolEntry {
    let set = ToolSet::new(()).tool(tool(name, "Does nothing"), access(), nothing);
    set.into_any().0.remove(0)
}

fn problems(tools: Vec<ToolEntry>, guarded: Vec<belgie_api::tools::Guarded>, settings: McpSettings) -> Vec<String> {
    let parts = McpParts {
        tools,
        guarded,
        policy: crate::access::Policy::default(),
        recorder: Recorder::off(),
        callers: Callers::default(),
        bus: Arc::default(),
        clock: Arc::new(SystemClock),
        tasks: TaskTracker::new(),
        watch: Watch::default(),
        stopping: CancellationToken::new(),
        cutting: CancellationToken::new(),
        settings,
        rates: crate::limits::PlanRates::default(),
    };
    McpEndpoint::new(parts).err().unwrap_or_default()
}

#[tokio::test]
async fn everything_wrong_is_said_at_once() {
    let mut lawless = entry("lawless");
    lawless.rule = None;
    let mut vague = entry("vague");
    vague.rule = Some(access().scope("two words"));
    let tools = vec![entry("same"), entry("same"), entry("no spaces"), entry(""), lawless, vague, entry("shelved")];
    let guarded = vec![
        belgie_api::tools::guard("one", access().scope("\"").clone(), Shelf::telling()),
        belgie_api::tools::guard("two", access(), Shelf::telling()),
    ];
    let settings = settings();
    let found = problems(tools, guarded, settings);
    for part in [
        "two tools named `same`",
        "tool `no spaces`: a name is",
        "tool ``: a name is",
        "`lawless` has no access rule",
        "tool `vague`: `two words` is not a scope",
        "server `one`: `\"` is not a scope",
        "`shelved` is ours and one of the server `one`",
        "prompts come from two servers, `one` and `two`",
    ] {
        assert!(found.iter().any(|problem| problem.contains(part)), "{part} in {found:#?}");
    }
}

#[tokio::test]
async fn a_proper_set_is_taken() {
    assert_eq!(problems(vec![entry("fine")], Vec::new(), settings()), Vec::<String>::new());
}

fn schema(value: Value) -> JsonObject {
    match value {
        Value::Object(map) => map,
        _ => JsonObject::new(),
    }
}

#[test]
fn arguments_in_headers_keep_their_rules() {
    let with = |property: Value| schema(json!({ "type": "object", "properties": { "a": property } }));
    let fine = with(json!({ "type": "string", "x-mcp-header": "Region" }));
    assert!(param_headers::has_any(&fine));
    assert_eq!(param_headers::check(&fine), Ok(()));
    let nested = json!({ "type": "object", "properties": { "b": { "type": "integer", "x-mcp-header": "B" } } });
    assert_eq!(param_headers::check(&with(nested)), Ok(()));
    let harmless = with(json!({ "type": "string", "default": { "x-mcp-header": "data" } }));
    assert_eq!(param_headers::check(&harmless), Ok(()));

    for broken in [
        with(json!({ "type": "number", "x-mcp-header": "A" })),
        with(json!({ "type": "string", "x-mcp-header": "" })),
        with(json!({ "type": "string", "x-mcp-header": "no spaces" })),
        with(json!({ "type": "string", "x-mcp-header": 5 })),
        with(json!({ "type": "array", "items": { "type": "string", "x-mcp-header": "A" } })),
        schema(json!({ "type": "object", "x-mcp-header": "A" })),
        schema(json!({ "type": "object", "properties": {
            "a": { "type": "string", "x-mcp-header": "Same" },
            "b": { "type": "string", "x-mcp-header": "same" },
        } })),
    ] {
        assert!(param_headers::check(&broken).is_err(), "{broken:?}");
    }
    assert!(!param_headers::has_any(&with(json!({ "type": "string" }))));
}
