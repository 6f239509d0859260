//! Tools as clients meet them, and what tools learn of their callers.

use std::collections::BTreeSet;

use axum::http::request::Parts;
use belgie::rmcp::RoleServer;
use belgie::rmcp::service::RequestContext;
use belgie_api::{Caller, ToolSet, access, tool};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Exact, scope, visit};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Reply, Setup, TestGateway, Tokens, rpc};

/// Says everything it can see of the request.
async fn look(caller: Caller, context: RequestContext<RoleServer>) -> String {
    let parts = context.extensions.get::<Parts>().expect("the head of the request");
    format!("{:?} {} {:?} {:?} {}", parts.headers, parts.uri, context.meta, context.id, caller.describe())
}

async fn boom() -> String {
    panic!("on purpose: {}", "a secret of the tool")
}

async fn nothing() -> String {
    "nothing".to_owned()
}

fn own_tools() -> ToolSet {
    ToolSet::new(())
        .tool(tool("look", "Says what it sees"), access(), look)
        .tool(tool("boom", "Panics"), access(), boom)
        .tool(tool("inner", "For an organization"), access().organization().scope("inner:use"), nothing)
}

fn setup(direct: bool) -> Setup {
    let config = format!("[mcp]\ndirect_path = {direct}");
    Setup::default().config(&config).build(|builder| builder.tools(own_tools()).scope(scope("inner:use")))
}

/// The last message of an answer in a session.
async fn in_session(ada: &Connected, method: &str, params: Value) -> Reply {
    ada.session().await.send(method, params).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_private_and_always_in_the_same_order() {
    for direct in [true, false] {
        let (_gateway, ada) = visit(setup(direct)).await;
        let mut lists = Vec::new();
        for _ in 0..3 {
            lists.push(Exact::of(ada.modern().request("tools/list", json!({}))).await);
        }
        assert!(lists.windows(2).all(|pair| pair[0] == pair[1]));
        let list = ada.modern().send("tools/list", json!({})).await;
        let expected = [
            "whoami",
            "echo",
            "add",
            "slow",
            "step_up",
            "look",
            "boom",
            "list_my_connections",
            "list_my_clients",
            "update_client",
            "delete_client",
        ];
        assert_eq!(list.tool_names(), expected);
        assert_eq!(list.body["result"]["cacheScope"], "private");
        assert_eq!(in_session(&ada, "tools/list", json!({})).await.tool_names(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_panics_is_an_error_and_no_more() {
    for direct in [true, false] {
        let (_gateway, ada) = visit(setup(direct)).await;
        let session = ada.session().await;
        for reply in [ada.modern().call("boom", json!({})).await, session.call("boom", json!({})).await] {
            assert_eq!(reply.error_code(), -32603, "{:?}", reply.body);
            assert!(!reply.body.to_string().contains("secret"), "{:?}", reply.body);
        }
        ada.is_let_in().await;
        assert_eq!(session.call("echo", json!({ "text": "unharmed" })).await.text(), "unharmed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tool_ever_sees_a_credential() {
    for direct in [true, false] {
        let (gateway, ada) = visit(setup(direct)).await;
        let token = &ada.tokens.access;
        let cookie = ada.browser.cookie("belgie_session").expect("a session").to_owned();
        let cookies = format!("a=b; belgie_session={cookie}");
        let session = ada.session().await;
        let params = json!({ "name": "look", "arguments": {} });
        let anonymous = crate::support::Modern { token: None, ..ada.modern() };
        for request in [
            ada.modern().request("tools/call", params.clone()).header("cookie", &cookies),
            session.post(&rpc("tools/call", params.clone())).header("cookie", &cookies),
            anonymous.request("tools/call", params.clone()).header("cookie", &cookies).header("origin", &gateway.url),
        ] {
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            let seen = reply.text().to_lowercase();
            assert!(seen.contains("\"accept\"") && seen.contains("ada@example.org"), "{:?}", reply.body);
            for secret in [token, &cookie, "authorization", "cookie", "belgie_session"] {
                assert!(!seen.contains(&secret.to_lowercase()), "{secret} in {seen}");
            }
        }
    }
}

on_both_engines! {
    async fn a_tool_knows_its_caller_in_both_eras(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        for connected in [&ada, &bob] {
            let session = connected.session().await;
            let modern = connected.modern().call("whoami", json!({})).await;
            for reply in [modern, session.call("whoami", json!({})).await] {
                let who = &reply.body["result"]["structuredContent"];
                assert_eq!(who["user"]["email"], connected.person.email.as_str(), "{who}");
                assert_eq!(who["user"]["id"], connected.person.id.to_string());
                assert_eq!(who["client"]["id"], connected.agent.client_id);
                assert_eq!(who["scopes"], json!(["connections:read"]));
                assert!(who["grant"].is_string() && who["session"].is_null(), "{who}");
            }
        }
    }
}

on_both_engines! {
    async fn a_caller_in_a_session_is_who_sent_the_message(gateway: TestGateway) {
        // Not who opened the session: between two messages an agent may have asked for more.
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let mut session = ada.session().await;
        let refused = session.call("step_up", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.challenge().contains("scope=\"connections:read demo:step-up\""), "{}", refused.challenge());
        let modern = ada.modern().call("step_up", json!({})).await;
        assert_eq!((modern.status, modern.challenge()), (StatusCode::FORBIDDEN, refused.challenge()));
        let names = ada.modern().send("tools/list", json!({})).await;
        assert!(names.tool_names().contains(&"step_up"), "what needs a scope stays listed");

        ada.tokens = ada.agent.connect(&mut ada.browser, "connections:read demo:step-up").await;
        session.token.clone_from(&ada.tokens.access);
        assert_eq!(session.call("step_up", json!({})).await.text(), "ada@example.org has stepped up");
        assert_eq!(ada.modern().call("step_up", json!({})).await.text(), "ada@example.org has stepped up");

        // And back: a narrower token in the same session.
        ada.tokens = Tokens::of(&ada.agent.post("/token", &[
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", ada.tokens.refresh.clone()),
            ("client_id", ada.agent.client_id.clone()),
            ("scope", "connections:read".to_owned()),
        ]).await);
        session.token.clone_from(&ada.tokens.access);
        assert_eq!(session.call("step_up", json!({})).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_for_an_organization_is_as_unknown_as_one_that_never_was() {
    for direct in [true, false] {
        let (_gateway, ada) = visit(setup(direct)).await;
        let session = ada.session().await;
        for arguments in [json!({}), json!({ "text": 5 }), json!(null)] {
            let params = |name: &str| json!({ "name": name, "arguments": arguments });
            let modern = |name: &str| ada.modern().request("tools/call", params(name));
            let legacy = |name: &str| session.post(&rpc("tools/call", params(name)));
            let hidden = Exact::of(modern("inner")).await;
            assert_eq!(hidden.replace("inner", "other"), Exact::of(modern("other")).await);
            let hidden = Exact::of(legacy("inner")).await;
            assert_eq!(
                without_ids(&hidden.body).replace("inner", "other"),
                without_ids(&Exact::of(legacy("other")).await.body)
            );
            assert!(hidden.body.contains("Unknown tool: inner"), "{}", hidden.body);
        }
    }
}

/// An event stream without the ids of its events, which count on.
fn without_ids(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("id:")).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_arrives_while_the_tool_works() {
    let (_gateway, ada) = visit(Setup::default()).await;
    let session = ada.session().await;
    let params = json!({
        "name": "slow",
        "arguments": { "seconds": 1 },
        "_meta": { "progressToken": "mine" },
    });
    for request in
        [ada.modern().request("tools/call", params.clone()), session.post(&rpc("tools/call", params.clone()))]
    {
        let mut stream = EventStream::open(request).await;
        let mut told = Vec::new();
        let result = loop {
            let message = stream.next().await.expect("a message");
            if message["method"] != "notifications/progress" {
                break message;
            }
            assert_eq!(message["params"]["progressToken"], "mine");
            told.push(message["params"]["progress"].clone());
        };
        assert_eq!(told, [json!(0.25), json!(0.5), json!(0.75)]);
        assert_eq!(result["result"]["content"][0]["text"], "done after 1 s", "{result}");
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_listed_can_be_called_or_says_what_is_missing() {
    let (_gateway, ada) = visit(setup(true)).await;
    let list = ada.modern().send("tools/list", json!({})).await;
    let mut outcomes = BTreeSet::new();
    for name in list.tool_names() {
        let reply = ada.modern().call(name, json!({ "text": "x", "a": 1, "b": 2, "seconds": 0 })).await;
        assert!(!reply.body.to_string().contains("Unknown tool"), "{name}: {:?}", reply.body);
        outcomes.insert((reply.status.as_u16(), reply.error_code()));
    }
    assert_eq!(outcomes, BTreeSet::from([(200, 0), (200, -32603), (403, -32030)]));
}
