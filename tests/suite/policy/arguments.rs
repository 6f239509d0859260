//! Expressions over arguments, and what is hidden by the file.

use belgie::rmcp::handler::server::wrapper::Parameters;
use belgie_api::{ToolSet, access, tool};
use reqwest::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Both, refusal};
use crate::on_both_engines;
use crate::support::{Connected, Engine, Setup, rpc};

#[derive(Deserialize, JsonSchema)]
struct Payment {
    amount: f64,
    to: Option<String>,
}

async fn pay(Parameters(payment): Parameters<Payment>) -> String {
    format!("paid {} to {}", payment.amount, payment.to.unwrap_or_default())
}

async fn nothing() -> String {
    "ran".to_owned()
}

/// `pay` may take the short way in sessions, too; `transfer` is the same and may not.
fn setup(direct: bool, lines: &str) -> Setup {
    let set = ToolSet::new(())
        .tool(tool("pay", "Pays").arguments::<Payment>().plain(), access(), pay)
        .tool(tool("transfer", "Pays").arguments::<Payment>(), access(), pay)
        .tool(tool("secret", "Runs").plain(), access(), nothing);
    Setup::default().config(&format!("[mcp]\ndirect_path = {direct}\n{lines}")).build(move |builder| builder.tools(set))
}

const LIMIT: &str = "[[access]]\ntools = ['pay', 'trans*']\nwhen = 'arguments.amount < 100'\n";

on_both_engines! {
    async fn a_call_is_allowed_or_refused_by_its_arguments(engine: Engine) {
        for direct in [true, false] {
            let gateway = setup(direct, LIMIT).start(engine.clone()).await;
            let ada = Connected::new(&gateway, &format!("ada-{direct}@example.org")).await;
            let both = Both::of(&ada).await;
            for name in ["pay", "transfer"] {
                assert_eq!(both.lists(name).await, [true, true], "what needs the arguments counts as true in a list");
                for reply in both.call(name, json!({ "amount": 5, "to": "bob" })).await {
                    assert_eq!((reply.status, reply.text()), (StatusCode::OK, "paid 5 to bob"), "{:?}", reply.body);
                }
                for reply in both.call(name, json!({ "amount": 99.5 })).await {
                    assert_eq!(reply.text(), "paid 99.5 to ", "{:?}", reply.body);
                }
                for amount in [json!(100), json!(100.5), json!(u64::MAX)] {
                    for reply in both.call(name, json!({ "amount": amount })).await {
                        assert_eq!(reply.status, StatusCode::OK);
                        assert_eq!(refusal(&reply), "access.arguments_refused", "{amount}");
                    }
                }
            }
            if matches!(engine, Engine::Postgres(_)) {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expression_that_fails_lets_nobody_through() {
    for direct in [true, false] {
        let gateway = setup(direct, LIMIT).start(Engine::Sqlite).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let both = Both::of(&ada).await;
        for name in ["pay", "transfer"] {
            for arguments in [json!({}), json!({ "amount": null }), json!({ "amount": "5" }), json!({ "Amount": 5 })] {
                for reply in both.call(name, arguments.clone()).await {
                    assert_eq!(reply.error_code(), -32603, "{name} {arguments}: {:?}", reply.body);
                    let said = reply.body.to_string();
                    assert!(said.contains("could not be decided") && !said.contains("amount"), "{said}");
                }
            }
            let none = both.ask("tools/call", json!({ "name": name })).await;
            assert!(none.iter().all(|reply| reply.error_code() == -32603), "{none:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_are_what_the_tool_will_read() {
    // A body in which a name stands twice could be read in two ways.
    for direct in [true, false] {
        let gateway = setup(direct, LIMIT).start(Engine::Sqlite).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        let twice = |body: String| body.replace("\"amount\":5", "\"amount\":500,\"amount\":5");
        let spoil = |request: reqwest::RequestBuilder| {
            let request = request.build().expect("a request");
            let text = request.body().and_then(|body| body.as_bytes()).map(|body| String::from_utf8_lossy(body).into());
            let mut headers = request.headers().clone();
            headers.remove("content-length");
            ada.agent.client.post(request.url().clone()).headers(headers).body(twice(text.expect("a body")))
        };
        let params = json!({ "name": "pay", "arguments": { "amount": 5 } });
        let modern = spoil(ada.modern().request("tools/call", params.clone()));
        for request in [modern, spoil(session.post(&rpc("tools/call", params)))] {
            let reply = crate::support::Reply::read(request.send().await.expect("an answer")).await;
            assert_ne!(reply.text(), "paid 500 to ", "decided on the one and run with the other");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_hides_is_as_unknown_as_what_never_was() {
    let hidden = "[[access]]\ntools = ['sec*']\ndeny = true\n";
    for direct in [true, false] {
        let gateway = setup(direct, hidden).start(Engine::Sqlite).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let both = Both::of(&ada).await;
        assert_eq!(both.lists("secret").await, [false, false]);
        for arguments in [json!({}), json!({ "amount": 5 }), json!(null)] {
            let (there, absent) = (both.call("secret", arguments.clone()).await, both.call("absent", arguments).await);
            for (one, other) in there.iter().zip(&absent) {
                let told = one.body.to_string().replace("secret", "absent");
                assert_eq!((one.status, told), (other.status, other.body.to_string()));
            }
        }
    }
}
