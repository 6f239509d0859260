//! What is hidden is as unknown as what never was, whatever else is wrong with the request.

use belgie::rmcp::handler::server::wrapper::Parameters;
use belgie::rmcp::{ServerHandler, model::ServerConfig};
use belgie_api::tools::guard;
use belgie_api::{ToolSet, access, tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::{Connected, Engine, Setup, rpc};

#[derive(Deserialize, JsonSchema)]
struct Placed {
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

async fn place(Parameters(placed): Parameters<Placed>) -> String {
    format!("placed in {}", placed.region)
}

/// A wrapped server beside our tools, with nothing in it.
struct Empty;

impl ServerHandler for Empty {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }
}

fn setup(has_wrapped: bool) -> Setup {
    let set = ToolSet::new(())
        .tool(tool("secret", "Places").arguments::<Placed>(), access().organization(), place)
        .tool(tool("placed", "Places").arguments::<Placed>(), access(), place);
    Setup::default().build(move |builder| {
        let builder = builder.tools(set);
        if has_wrapped { builder.guarded(guard("empty", access(), Empty)) } else { builder }
    })
}

/// The answer to a call as it went over the line, without the name and without what differs between any two.
async fn told(ada: &Connected, name: &str, arguments: &Value, more: &[(&str, &str)], meta: &Value) -> String {
    let params = json!({ "name": name, "arguments": arguments, "_meta": meta });
    let mut request = ada.modern().request("tools/call", params).build().expect("a request");
    for (key, value) in more {
        let value = value.replace("NAME", name).parse().expect("a value");
        request.headers_mut().insert(reqwest::header::HeaderName::from_bytes(key.as_bytes()).expect("a name"), value);
    }
    let response = ada.agent.client.execute(request).await.expect("an answer");
    let status = response.status();
    let mut headers: Vec<String> = response
        .headers()
        .iter()
        .map(|(key, value)| format!("{key}: {}", value.to_str().unwrap_or_default()))
        .collect();
    headers.retain(|line| !line.starts_with("date:") && !line.starts_with("x-request-id:"));
    headers.sort();
    let body = response.text().await.expect("a text");
    format!("{status}\n{}\n{}", headers.join("\n"), body).replace(name, "NAME")
}

on_both_engines! {
    async fn headers_do_not_tell_a_hidden_tool_from_an_unknown_one(engine: Engine) {
        for has_wrapped in [false, true] {
            let gateway = setup(has_wrapped).start(engine.clone()).await;
            let ada = Connected::new(&gateway, &format!("ada-{has_wrapped}@example.org")).await;
            let known = told(&ada, "placed", &json!({ "region": "eu" }), &[], &json!({})).await;
            assert!(known.contains("Region"), "a tool one may know of wants its header: {known}");
            let progress = json!({ "progressToken": "p" });
            let logs = json!({ "io.modelcontextprotocol/logLevel": "debug" });
            for arguments in [json!({ "region": "eu" }), json!({}), json!({ "region": 5 }), json!(null), json!("eu")] {
                for meta in [&json!({}), &progress, &logs] {
                    for more in [
                        &[][..],
                        &[("mcp-param-region", "eu")],
                        &[("mcp-param-region", "us")],
                        &[("mcp-param-region", "=?base64?!?=")],
                        &[("mcp-name", "other")],
                        &[("mcp-name", "=?base64?!?=")],
                        &[("mcp-method", "tools/list")],
                        &[("accept", "application/json")],
                        &[("content-type", "text/plain")],
                        &[("mcp-protocol-version", "2026-01-01")],
                    ] {
                        // Of the same length, so that not even the length of an answer differs.
                        let hidden = told(&ada, "secret", &arguments, more, meta).await;
                        let unknown = told(&ada, "absent", &arguments, more, meta).await;
                        assert_eq!(hidden, unknown, "{arguments} {more:?} {meta}");
                    }
                }
            }
            if matches!(engine, Engine::Postgres(_)) {
                break;
            }
        }
    }
}

on_both_engines! {
    async fn sessions_do_not_tell_either(engine: Engine) {
        let gateway = setup(true).start(engine).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        for arguments in [json!({ "region": "eu" }), json!({}), json!(null)] {
            let ask = async |name: &str| {
                let call = rpc("tools/call", json!({ "name": name, "arguments": arguments }));
                let request = session.post(&call).header("mcp-param-region", "us");
                let response = request.send().await.expect("an answer");
                let (status, kind) = (response.status(), response.headers()["content-type"].clone());
                // Events are counted within a session.
                let text = response.text().await.expect("a text").replace(name, "NAME");
                let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("id:")).collect();
                (status, kind, lines.join("\n"))
            };
            assert_eq!(ask("secret").await, ask("absent").await, "{arguments}");
        }
    }
}
