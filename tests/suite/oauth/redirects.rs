//! Where an answer may go: to the very address the client registered, and nowhere else.

use reqwest::StatusCode;

use super::{assert_page_alone, assert_sent_back};
use crate::on_both_engines;
use crate::support::{Agent, TestGateway, changed};

const NOT_THEIRS: &str = "does not belong to the agent";

on_both_engines! {
    async fn an_address_that_only_looks_like_the_registered_one_gets_a_page(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, "https://agent.example/oauth/callback").await;
        for asked in [
            "https://agent.example/oauth/callback/",
            "https://agent.example/oauth/callback?",
            "https://agent.example/oauth/callback?x=1",
            "https://agent.example/oauth/callback#x",
            "https://agent.example/oauth/Callback",
            "https://agent.example/oauth/%63allback",
            "https://agent.example/oauth/callback/../callback",
            "https://agent.example/oauth/callback%0d%0aset-cookie:x=1",
            "https://agent.example/oauth",
            "https://agent.example/other",
            "https://agent.example:443/oauth/callback",
            "https://agent.example:8443/oauth/callback",
            "https://agent.example./oauth/callback",
            "https://AGENT.example/oauth/callback",
            "https://evil.example/oauth/callback",
            "https://agent.example.evil.example/oauth/callback",
            "https://evil.agent.example/oauth/callback",
            "https://agent.example@evil.example/oauth/callback",
            "https://ada@agent.example/oauth/callback",
            "https://evil.example\\@agent.example/oauth/callback",
            "https://evil.example/https://agent.example/oauth/callback",
            "http://agent.example/oauth/callback",
            "//agent.example/oauth/callback",
            "/oauth/callback",
            "javascript:alert(1)//https://agent.example/oauth/callback",
            "data:text/html,<script>alert(1)</script>",
        ] {
            let page = agent.ask_with(&mut ada, "redirect_uri", Some(asked)).await;
            if asked.contains("%0d") {
                // Written into the query it is percent-encoded once more, so it arrives as it stands here.
                assert_eq!(page.status, StatusCode::BAD_REQUEST);
            }
            assert_page_alone(&page, NOT_THEIRS);
        }
        let right = agent.ask_with(&mut ada, "redirect_uri", Some("https://agent.example/oauth/callback")).await;
        assert_eq!(right.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn on_the_loopback_interface_any_port_will_do_and_nothing_else_may_differ(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, "http://127.0.0.1/callback").await;
        for port in ["", ":1", ":49152", ":65535"] {
            let mut moved = agent.clone();
            moved.redirect_uri = format!("http://127.0.0.1{port}/callback");
            let answer = moved.consent(&mut ada, "", "allow").await;
            assert!(answer.location().starts_with(&format!("{}?code=", moved.redirect_uri)), "{}", answer.location());
        }
        for asked in [
            "http://localhost:49152/callback",
            "http://[::1]:49152/callback",
            "http://127.0.0.2:49152/callback",
            "http://127.1:49152/callback",
            "http://2130706433:49152/callback",
            "https://127.0.0.1:49152/callback",
            "http://127.0.0.1:49152/callback/",
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:49152/callback?x=1",
            "http://127.0.0.1:49152",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.1:49152@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1\\.evil.example/callback",
        ] {
            assert_page_alone(&agent.ask_with(&mut ada, "redirect_uri", Some(asked)).await, NOT_THEIRS);
        }
    }
}

on_both_engines! {
    async fn by_its_name_the_loopback_interface_is_a_place_of_its_own_with_any_port(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        // RFC 8252 section 8.3 advises against the name; agents use it all the same.
        for registered in ["http://localhost/callback", "http://localhost:3000/callback"] {
            let agent = Agent::register_with(&gateway, registered).await;
            for port in ["", ":1", ":3000", ":49152", ":65535"] {
                let mut moved = agent.clone();
                moved.redirect_uri = format!("http://localhost{port}/callback");
                let tokens = moved.connect(&mut ada, "").await;
                assert_eq!(moved.whoami(&tokens.access).await.status, StatusCode::OK, "{registered}, {port}");
            }
            for asked in [
                "http://127.0.0.1:3000/callback",
                "http://[::1]:3000/callback",
                "https://localhost:3000/callback",
                "http://LOCALHOST:3000/callback",
                "http://localhost.:3000/callback",
                "http://app.localhost:3000/callback",
                "http://localhost.evil.example:3000/callback",
                "http://localhost:3000@evil.example/callback",
                "http://localhost:/callback",
                "http://localhost:0/callback",
                "http://localhost:65536/callback",
                "http://localhost:3000/callback/",
                "http://localhost:3000/other",
                "http://localhost:3000/callback?x=1",
                "http://localhost:3000",
            ] {
                assert_page_alone(&agent.ask_with(&mut ada, "redirect_uri", Some(asked)).await, NOT_THEIRS);
            }
        }
    }
}

on_both_engines! {
    async fn the_any_port_rule_is_for_http_on_loopback_only(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        for (registered, asked) in [
            ("https://127.0.0.1:8443/callback", "https://127.0.0.1:8444/callback"),
            ("https://localhost:8443/callback", "https://localhost:8444/callback"),
            ("http://localhost:49152/callback", "http://127.0.0.1:49152/callback"),
            ("http://[::1]:49152/callback", "http://127.0.0.1:49152/callback"),
            ("cursor://anysphere.cursor/callback", "cursor://anysphere.cursor:1/callback"),
            ("com.example.app:/callback", "com.example.app:/callback/"),
        ] {
            let agent = Agent::register_with(&gateway, registered).await;
            assert_page_alone(&agent.ask_with(&mut ada, "redirect_uri", Some(asked)).await, NOT_THEIRS);
            assert_eq!(agent.ask_with(&mut ada, "redirect_uri", Some(registered)).await.status, StatusCode::OK);
        }
    }
}

on_both_engines! {
    async fn an_unknown_client_gets_a_page_whatever_else_it_says(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        for id in ["cli_00000000000000000000000000000000", "personal", "suite", "' OR 1=1 --", "cli_%"] {
            for page in [
                agent.ask_with(&mut ada, "client_id", Some(id)).await,
                agent.ask_with(&mut gateway.browser(), "client_id", Some(id)).await,
            ] {
                assert_page_alone(&page, "This agent is not registered here.");
                assert!(!page.body.contains("' OR 1"));
            }
        }
        let page = agent.ask_with(&mut ada, "client_id", None).await;
        assert_page_alone(&page, "does not say which agent");
    }
}

on_both_engines! {
    async fn a_parameter_that_comes_twice_is_refused(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        let twice = |name: &str, value: &str| {
            let mut parameters = agent.authorization("connections:read");
            parameters.push((name.to_owned(), value.to_owned()));
            agent.authorize_url(&parameters)
        };
        // Before client and address are certain it is a page ...
        for (name, value) in [
            ("client_id", agent.client_id.as_str()),
            ("redirect_uri", "https://evil.example/"),
            ("redirect_uri", &agent.redirect_uri),
            ("state", "another"),
        ] {
            assert_page_alone(&ada.get(&twice(name, value)).await, "a parameter twice");
        }
        // ... and afterwards the client hears of it.
        for (name, value) in [
            ("scope", "admin"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "plain"),
            ("response_type", "token"),
        ] {
            assert_sent_back(&agent, &ada.get(&twice(name, value)).await, "invalid_request");
        }
    }
}

on_both_engines! {
    async fn without_an_address_the_only_registered_one_is_used_and_of_several_none(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let one = Agent::register(&gateway).await;
        let parameters = changed(one.authorization(""), "redirect_uri".to_owned(), None);
        let page = ada.get(&one.authorize_url(&parameters)).await;
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        assert!(answer.location().starts_with("http://127.0.0.1:49152/callback?code="));
        let document = serde_json::json!({
            "redirect_uris": ["https://agent.example/a", "https://agent.example/b"],
            "token_endpoint_auth_method": "none",
        });
        let (several, _) = Agent::register_document(&gateway, &document).await;
        assert_page_alone(&several.ask_with(&mut ada, "redirect_uri", None).await, NOT_THEIRS);
    }
}

on_both_engines! {
    async fn what_the_request_says_cannot_break_out_of_the_answer(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let state = "a b&code=mine&iss=https://evil.example#\"><script>é";
        let page = agent.ask_with(&mut ada, "state", Some(state)).await;
        assert!(!page.body.contains("<script"), "{}", page.body);
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "deny")]).await;
        assert_eq!(answer.sent_parameter("state").as_deref(), Some(state));
        assert_eq!(answer.sent_parameter("code"), None);
        let location = url::Url::parse(&answer.location()).expect("an address");
        assert_eq!(location.query_pairs().filter(|(name, _)| name == "iss").count(), 1);
        for junk in ["x\r\nset-cookie: a=b", "x\0y"] {
            assert_page_alone(&agent.ask_with(&mut ada, "state", Some(junk)).await, "characters that it must not");
        }
    }
}
