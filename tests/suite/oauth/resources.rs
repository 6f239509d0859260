//! Tokens are for one resource (RFC 8707; MCP authorization, token audience binding).

use reqwest::StatusCode;

use super::{assert_refused, assert_sent_back, assert_shut};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Setup, TestGateway, Tokens};

on_both_engines! {
    async fn nobody_is_asked_about_a_resource_that_is_not_here(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        let mcp = gateway.mcp_url();
        for unknown in [
            "https://evil.example/mcp",
            gateway.url.as_str(),
            &gateway.at("/mcp/other"),
            &gateway.at("/MCP"),
            &gateway.at("/mcp?x=1"),
            &gateway.at("/mcp#x"),
            &mcp.replace("http://", "https://"),
            &mcp.replace("127.0.0.1", "localhost"),
            &mcp.replace("127.0.0.1", "ada@127.0.0.1"),
            "/mcp",
            "urn:mcp",
            "*",
        ] {
            assert_sent_back(&agent, &agent.ask_with(&mut ada, "resource", Some(unknown)).await, "invalid_target");
        }
        let mut both = agent.authorization("");
        both.push(("resource".to_owned(), "https://evil.example/mcp".to_owned()));
        assert_sent_back(&agent, &ada.get(&agent.authorize_url(&both)).await, "invalid_target");
    }
}

on_both_engines! {
    async fn a_code_is_not_redeemed_for_another_resource(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let code = agent.code(&mut ada, "").await;
        for unknown in ["https://evil.example/mcp", gateway.url.as_str(), "x"] {
            let reply = agent.redeem_with(&code, "resource", Some(unknown)).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_target");
        }
        let tokens = Tokens::of(&agent.redeem(&code).await);
        let reply = agent.refresh_with(&tokens.refresh, &[("resource", "https://evil.example/mcp")]).await;
        assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_target");
        let renewed = Tokens::of(&agent.refresh_with(&tokens.refresh, &[("resource", &gateway.mcp_url())]).await);
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn without_a_resource_the_token_is_for_this_endpoint(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        for spelling in [None, Some(gateway.at("/mcp/")), Some(gateway.mcp_url().replace("http:", "HTTP:"))] {
            let page = agent.ask_with(&mut ada, "resource", spelling.as_deref()).await;
            let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
            let code = answer.sent_parameter("code").expect("a code");
            let tokens = Tokens::of(&agent.redeem_with(&code, "resource", spelling.as_deref()).await);
            assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        }
    }
}

on_both_engines! {
    // Both gateways know both tokens, since they share the database: only the audience tells them apart.
    async fn a_token_for_another_audience_is_refused_though_it_is_good(
        gateway: TestGateway,
        setup = Setup::default().with_public_address()
    ) {
        let elsewhere = gateway.elsewhere(true).await;
        gateway.person("ada@example.org").await;
        let (mut here, mut there) = (gateway.browser(), elsewhere.browser());
        here.sign_in("ada@example.org", PASSWORD).await;
        there.sign_in("ada@example.org", PASSWORD).await;
        let agent_here = Agent::register(&gateway).await;
        let agent_there = Agent::known_as(&elsewhere, &agent_here.client_id, &agent_here.redirect_uri);
        let of_here = agent_here.connect(&mut here, "").await.access;
        let of_there = agent_there.connect(&mut there, "").await.access;
        for _ in 0..2 {
            // The second time the answer comes from the cache.
            assert_eq!(agent_here.whoami(&of_here).await.status, StatusCode::OK);
            assert_eq!(agent_there.whoami(&of_there).await.status, StatusCode::OK);
            assert_shut(&agent_here.whoami(&of_there).await);
            assert_shut(&agent_there.whoami(&of_here).await);
        }
    }
}

on_both_engines! {
    // Without a configured address a restart may end up on another port, and agents stay connected all the same.
    async fn only_a_gateway_without_a_configured_address_overlooks_the_port_of_an_audience(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let token = agent.connect(&mut ada, "").await.access;
        for (has_public_address, status) in [(false, StatusCode::OK), (true, StatusCode::UNAUTHORIZED)] {
            let elsewhere = gateway.elsewhere(has_public_address).await;
            let moved = Agent::known_as(&elsewhere, &agent.client_id, &agent.redirect_uri);
            assert_eq!(moved.whoami(&token).await.status, status);
        }
    }
}
