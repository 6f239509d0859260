//! Clients that open pages: the call is answered with a question in the present protocol, with an error of its own in the one
//! before.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{choose, is_open, link_in, of_acme, selling};
use crate::on_both_engines;
use crate::support::{Connected, Reply, rpc};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A call of a client that opens pages, with its answer to what it was asked before.
async fn call(connected: &Connected, answer: Option<Value>) -> Reply {
    let mut params = json!({
        "name": "echo",
        "arguments": { "text": "still here" },
        "_meta": { CAPABILITIES: { "elicitation": { "url": {} } } },
    });
    if let Some(answer) = answer {
        params["inputResponses"] = json!({ "belgie_upgrade": answer });
    }
    connected.modern().send("tools/call", params).await
}

fn asked(reply: &Reply) -> String {
    let result = &reply.body["result"];
    assert_eq!(result["resultType"], "input_required", "{:?}", reply.body);
    let asked = &result["inputRequests"]["belgie_upgrade"];
    assert_eq!((&asked["method"], &asked["params"]["mode"]), (&json!("elicitation/create"), &json!("url")));
    assert!(asked["params"]["message"].as_str().is_some_and(|text| text.contains("needs Pro or Business")), "{asked}");
    asked["params"]["url"].as_str().expect("an address").to_owned()
}

on_both_engines! {
    async fn the_present_protocol_asks_for_the_page_and_the_same_call_goes_through_afterwards(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let link = asked(&call(&ada, None).await);
        for secret in [ada.person.id.to_string(), acme.to_string(), ada.person.email.clone()] {
            assert!(!link.contains(&secret), "nothing of the person is in the address: {link}");
        }
        // To agree is not to have paid.
        asked(&call(&ada, Some(json!({ "action": "accept" }))).await);
        let declined = call(&ada, Some(json!({ "action": "decline" }))).await;
        assert!(declined.text().contains("The page was not opened"), "{:?}", declined.body);
        let odd = call(&ada, Some(json!("accept"))).await;
        assert_eq!(odd.error_code(), -32602, "{:?}", odd.body);
        let pay = choose(&mut ada.browser, &link, "business.month").await;
        stripe.pay(&pay);
        stripe.tell_all(&gateway).await;
        let through = call(&ada, Some(json!({ "action": "accept" }))).await;
        assert_eq!((through.status, through.text()), (StatusCode::OK, "still here"), "{:?}", through.body);
    }
}

on_both_engines! {
    async fn the_protocol_before_says_it_with_an_error_of_its_own(engine: Engine) {
        let (gateway, _stripe) = selling(engine).await;
        let (ada, _) = of_acme(&gateway).await;
        let plain = ada.session().await;
        link_in(&plain.call("echo", json!({ "text": "hello" })).await);
        let mut session = ada.session().await;
        session.id.clear();
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "elicitation": { "url": {} } },
            "clientInfo": { "name": "suite", "version": "1" },
        });
        let opened = session.send("initialize", hello).await;
        session.id = opened.headers["mcp-session-id"].to_str().expect("a plain id").to_owned();
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(session.post(&done).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        // The short way, and rmcp's: a progress token takes the call there.
        let long = json!({ "name": "echo", "arguments": { "text": "hello" }, "_meta": { "progressToken": 7 } });
        let short = session.call("echo", json!({ "text": "hello" })).await;
        let long = Reply::read(session.post(&rpc("tools/call", long)).send().await.expect("an answer")).await;
        for reply in [short, long] {
            assert_eq!(reply.error_code(), -32042, "{:?}", reply.body);
            let asked = &reply.body["error"]["data"]["elicitations"][0];
            assert_eq!(asked["mode"], "url");
            assert!(asked["url"].as_str().is_some_and(|url| url.contains("/billing/upgrade?ask=")), "{asked}");
            assert!(asked["elicitationId"].as_str().is_some_and(|id| id.len() > 20), "{asked}");
        }
        assert!(!is_open(&ada).await);
    }
}
