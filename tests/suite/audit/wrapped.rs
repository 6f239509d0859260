//! What is asked of a wrapped server is on record, too.

use belgie_api::access;
use belgie_api::tools::guard;
use serde_json::json;

use super::{decisions, decisions_once, in_words};
use crate::on_both_engines;
use crate::policy::scope;
use crate::policy::wrapped::Willing;
use crate::support::{Connected, Reply, Setup, TestGateway};

const FILE: &str = "[[access]]
tools = ['insult', 'notes://private/*', 'drop_all']
deny = true
[[access]]
tools = ['drop_one', 'notes://paid/*']
scopes = ['willing:all']
[[access]]
tools = ['greet']
when = \"arguments.what == 'this'\"";

fn setup() -> Setup {
    let willing = guard("willing", access(), Willing);
    Setup::default().config(FILE).build(|builder| builder.guarded(willing).scope(scope("willing:all")))
}

on_both_engines! {
    async fn tools_prompts_resources_and_completions_of_others_are_on_record_once(gateway: TestGateway, setup = setup()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        let prompt = |name: &str| json!({ "name": name, "arguments": { "what": "this" } });
        let complete = json!({ "ref": { "type": "ref/prompt", "name": "greet" }, "argument": { "name": "what", "value": "this" } });
        let asked = [
            ("tools/call", json!({ "name": "read", "arguments": {} }), "tool.call read allowed done"),
            ("tools/call", json!({ "name": "drop_all", "arguments": {} }), "tool.call drop_all hidden refused"),
            ("tools/call", json!({ "name": "drop_one", "arguments": {} }), "tool.call drop_one scope_missing refused"),
            ("tools/call", json!({ "name": "absent", "arguments": {} }), "tool.call absent unknown refused"),
            ("prompts/get", prompt("greet"), "prompt.get greet allowed done"),
            ("prompts/get", json!({ "name": "greet", "arguments": { "what": "that" } }), "prompt.get greet arguments_refused refused"),
            ("prompts/get", prompt("insult"), "prompt.get insult hidden refused"),
            ("resources/read", json!({ "uri": "notes://open" }), "resource.read notes://open allowed done"),
            ("resources/read", json!({ "uri": "notes://private/1" }), "resource.read notes://private/1 hidden refused"),
            ("resources/read", json!({ "uri": "notes://paid/1" }), "resource.read notes://paid/1 scope_missing refused"),
            ("completion/complete", complete, "completion.ask greet allowed done"),
        ];
        let expected: Vec<_> = asked.iter().map(|(_, _, words)| *words).collect();
        for (method, params, _) in &asked {
            session.send(method, params.clone()).await;
        }
        assert_eq!(in_words(&decisions_once(&gateway, expected.len()).await), expected);
        for (method, params, _) in &asked {
            let mut request = ada.modern().request(method, params.clone());
            if let Some(uri) = params["uri"].as_str() {
                request = request.header("mcp-name", uri);
            }
            Reply::read(request.send().await.expect("an answer")).await;
        }
        assert_eq!(in_words(&decisions(&gateway).await.split_off(expected.len())), expected);
    }
}
