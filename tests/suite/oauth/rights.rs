//! What a token may be used for: more by asking the person again, and never more than the person has.

use reqwest::StatusCode;
use serde_json::{Value, json};

use belgie_api::{ToolSet, access, tool};

use super::assert_sent_back;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, LegacySession, Setup, TestGateway};

on_both_engines! {
    async fn a_tool_beyond_the_token_says_what_to_ask_for_and_works_after_a_new_consent(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let tokens = agent.connect(&mut ada, "connections:read").await;
        let session = LegacySession::open(&agent.client, &url, &tokens.access).await;
        for refused in [
            agent.modern(&url, &tokens.access).call("step_up", json!({})).await,
            session.call("step_up", json!({})).await,
        ] {
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
            let challenge = refused.challenge();
            assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{challenge}");
            // What the token has already is named, too: older clients ask for these scopes alone.
            assert!(challenge.contains("scope=\"connections:read demo:step-up\""), "{challenge}");
            assert!(challenge.contains("resource_metadata=\"http"), "{challenge}");
        }
        // The token is as good as before, and so it stays after the person has said no.
        agent.consent(&mut ada, "connections:read demo:step-up", "deny").await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        let refused = agent.modern(&url, &tokens.access).call("step_up", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);

        let wider = agent.connect(&mut ada, "connections:read demo:step-up").await;
        let done = agent.modern(&url, &wider.access).call("step_up", json!({})).await;
        assert_eq!(done.text(), "ada@example.org has stepped up", "{}", done.body);
    }
}

on_both_engines! {
    async fn a_token_without_scopes_of_its_own_opens_only_what_needs_none(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let tokens = agent.connect(&mut ada, "demo:step-up").await;
        let modern = agent.modern(&url, &tokens.access);
        assert_eq!(modern.call("step_up", json!({})).await.status, StatusCode::OK);
        assert_eq!(modern.call("list_my_connections", json!({})).await.status, StatusCode::FORBIDDEN);
        let listed = modern.send("tools/list", json!({})).await;
        assert!(listed.tool_names().contains(&"list_my_connections"), "it can be asked for: {}", listed.body);
    }
}

on_both_engines! {
    async fn nobody_gives_an_agent_the_rights_of_an_operator_without_having_them(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        let alone = ada.get(&agent.authorize_url(&agent.authorization("admin"))).await;
        assert_sent_back(&agent, &alone, "invalid_scope");

        let page = ada.get(&agent.authorize_url(&agent.authorization("connections:read admin"))).await;
        assert!(!page.body.contains("<code>admin</code>"), "{}", page.body);
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        let reply = agent.redeem(&answer.sent_parameter("code").expect("a code")).await;
        assert_eq!(reply.body["scope"], "connections:read");

        gateway.person_with("root@example.org", "admin").await;
        let mut root = gateway.browser();
        root.sign_in("root@example.org", PASSWORD).await;
        let page = root.get(&agent.authorize_url(&agent.authorization("admin"))).await;
        assert!(page.body.contains("<code>admin</code>") && page.body.contains("Sensitive"), "{}", page.body);
        let tokens = agent.connect(&mut root, "admin").await;
        let caller = agent.whoami(&tokens.access).await;
        assert_eq!(caller.body["result"]["structuredContent"]["scopes"], json!(["admin"]));
    }
}

on_both_engines! {
    async fn a_scope_that_does_not_exist_is_left_out_and_alone_it_is_refused(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        for nothing in ["unheard:of", "*", "CONNECTIONS:READ", "connections:read,demo:step-up", "\"admin\""] {
            let page = ada.get(&agent.authorize_url(&agent.authorization(nothing))).await;
            assert_sent_back(&agent, &page, "invalid_scope");
        }
        let code = agent.code(&mut ada, "unheard:of connections:read").await;
        assert_eq!(agent.redeem(&code).await.body["scope"], "connections:read");
    }
}

async fn vault() -> String {
    "the treasure".to_owned()
}

fn with_a_vault() -> Setup {
    let vault = || ToolSet::new(()).tool(tool("vault", "Opens the vault"), access().role("owner"), vault);
    Setup::default().build(move |builder| builder.tools(vault()))
}

on_both_engines! {
    async fn a_tool_that_is_not_theirs_sounds_like_one_that_does_not_exist(gateway: TestGateway, setup = with_a_vault()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let tokens = agent.connect(&mut ada, "connections:read demo:step-up").await;
        let modern = agent.modern(&url, &tokens.access);
        let session = LegacySession::open(&agent.client, &url, &tokens.access).await;

        let list = modern.send("tools/list", json!({})).await;
        assert!(list.tool_names().contains(&"whoami") && !list.tool_names().contains(&"vault"), "{}", list.body);
        let sound = |name: &str, body: &Value| body.to_string().replace(name, "NAME");
        for name in ["treasury", "Vault", "VAULT", "vault/", "vault%20", "../vault", "core.vault", "tools/call"] {
            let (real, unreal) = (modern.call("vault", json!({})).await, modern.call(name, json!({})).await);
            assert_eq!(unreal.error_code(), -32602, "{}", unreal.body);
            assert_eq!((real.status, sound("vault", &real.body)), (unreal.status, sound(name, &unreal.body)));
            let (real, unreal) = (session.call("vault", json!({})).await, session.call(name, json!({})).await);
            assert_eq!(unreal.error_code(), -32602, "{}", unreal.body);
            assert_eq!((real.status, sound("vault", &real.body)), (unreal.status, sound(name, &unreal.body)));
        }
    }
}

on_both_engines! {
    async fn methods_nobody_knows_and_headers_that_lie_run_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let tokens = agent.connect(&mut ada, "connections:read").await;
        let modern = agent.modern(&url, &tokens.access);
        for method in ["tools/run", "admin/users", "TOOLS/CALL", "tools/call "] {
            let reply = modern.send(method, json!({ "name": "whoami", "arguments": {} })).await;
            assert!(reply.body["result"].is_null() && reply.error_code() != 0, "{method}: {}", reply.body);
        }
        // The headers name a harmless tool, the body another.
        let params = json!({ "name": "step_up", "arguments": {} });
        let request = modern.request("tools/call", params).build().expect("a request");
        let mut lying = request.try_clone().expect("a copy");
        lying.headers_mut().insert("mcp-name", "whoami".parse().expect("a header"));
        let reply = crate::support::Reply::read(agent.client.execute(lying).await.expect("an answer")).await;
        assert!(reply.body["result"].is_null(), "{}", reply.body);
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
    }
}
