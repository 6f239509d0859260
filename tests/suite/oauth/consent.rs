//! The consent page: what a person is shown, and what becomes of the answer.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{assert_page_alone, assert_sent_back};
use crate::on_both_engines;
use crate::support::{Agent, TestGateway};

const STALE: &str = "answered before, took too long or began in another session";

on_both_engines! {
    async fn the_page_names_the_client_the_destination_and_every_scope(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register_with(&gateway, "https://notebook.example/oauth/callback").await;
        let parameters = agent.authorization("connections:read demo:step-up offline_access");
        let page = ada.get(&agent.authorize_url(&parameters)).await;
        for words in [
            "<q><bdi>Suite agent</bdi></q>",
            "Nobody has checked this name",
            "<strong>notebook.example</strong>",
            "https://notebook.example/oauth/callback",
            "<code>connections:read</code>",
            "See which agents are connected to your account",
            "<code>demo:step-up</code>",
            "<code>offline_access</code>",
            "Stay connected while you are away",
            "ada@example.org",
            "This agent is new here.",
            &gateway.mcp_url(),
            &agent.client_id,
        ] {
            let shown = crate::support::unescape(&page.body);
            assert!(shown.contains(words), "no `{words}` in {shown}");
        }
        assert!(!page.body.contains("This address is your own computer"));
    }
}

on_both_engines! {
    async fn an_agent_on_the_own_machine_comes_with_a_warning(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        for redirect in ["http://127.0.0.1:49152/callback", "http://localhost/callback", "cursor://anysphere.cursor/cb"] {
            let agent = Agent::register_with(&gateway, redirect).await;
            let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
            assert!(page.body.contains("This address is your own computer"), "{redirect}");
        }
    }
}

on_both_engines! {
    async fn no_other_site_can_frame_the_page_and_its_form_leads_to_the_client_alone(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        for (redirect, source) in [
            ("http://127.0.0.1:49152/callback", "http://127.0.0.1:49152"),
            ("https://agent.example:8443/callback?a=b", "https://agent.example:8443"),
            ("http://[::1]:49152/callback", "http:"),
            ("cursor://anysphere.cursor/callback", "cursor:"),
        ] {
            let agent = Agent::register_with(&gateway, redirect).await;
            let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
            let policy = page.headers["content-security-policy"].to_str().expect("a policy");
            let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
            let action = format!("form-action 'self' {source}");
            for wanted in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", &action] {
                assert!(directives.contains(&wanted), "no `{wanted}` in {policy}");
            }
            assert_eq!(directives.len(), 6, "{policy}");
            assert!(!policy.contains(','), "{policy}");
            assert_eq!(page.headers["x-frame-options"], "DENY");
            assert_eq!(page.headers["cache-control"], "no-store");
            assert_eq!(page.headers["referrer-policy"], "same-origin");
        }
    }
}

on_both_engines! {
    async fn what_a_client_says_of_itself_is_text_and_never_markup(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let document = json!({
            "client_name": "<script>alert(1)</script>\u{202e}\"><img src=x onerror=alert(2)>",
            "client_uri": "javascript:alert(3)",
            "redirect_uris": ["https://agent.example/cb?x='onmouseover='alert(4)"],
            "token_endpoint_auth_method": "none",
        });
        let (agent, _) = Agent::register_document(&gateway, &document).await;
        let consent = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
        let tokens = agent.connect(&mut ada, "").await;
        let account = ada.get("/account").await;
        for page in [&consent, &account] {
            assert!(page.body.contains("&lt;script&gt;alert(1)"), "{}", page.body);
            for markup in ["<script", "<img", "javascript:", "\u{202e}", "'onmouseover"] {
                assert!(!page.body.contains(markup), "`{markup}` in {}", page.body);
            }
        }
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_no_is_told_to_the_client_with_its_state_and_our_name(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        assert_sent_back(&agent, &agent.consent(&mut ada, "", "deny").await, "access_denied");
    }
}

on_both_engines! {
    async fn an_answer_counts_once_and_a_no_cannot_become_a_yes(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        for first in ["allow", "deny"] {
            let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
            assert_eq!(ada.submit(&form, &[("decision", first)]).await.status, StatusCode::SEE_OTHER);
            for second in ["allow", "deny"] {
                assert_page_alone(&ada.submit(&form, &[("decision", second)]).await, STALE);
            }
        }
    }
}

on_both_engines! {
    async fn of_many_answers_at_once_one_counts(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        let answers = (0..8).map(|_| {
            let (mut same, form) = (ada.clone(), form.clone());
            async move { same.submit(&form, &[("decision", "allow")]).await.status }
        });
        let answers = futures::future::join_all(answers).await;
        assert_eq!(answers.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{answers:?}");
    }
}

on_both_engines! {
    async fn a_form_that_says_neither_yes_nor_no_grants_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        for filled in [&[][..], &[("decision", "maybe")], &[("decision", "Allow")], &[("decision", "deny"), ("decision", "allow")]] {
            assert_page_alone(&ada.submit(&form, filled).await, "neither yes nor no");
        }
        assert_eq!(ada.submit(&form, &[("decision", "allow")]).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_question_waits_ten_minutes_for_its_answer(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        gateway.clock.advance(Duration::from_secs(601));
        assert_page_alone(&ada.submit(&form, &[("decision", "allow")]).await, STALE);
    }
}

on_both_engines! {
    async fn no_client_gets_an_answer_without_a_person(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        let silent = agent.ask_with(&mut ada, "prompt", Some("none")).await;
        assert_sent_back(&agent, &silent, "consent_required");
        let stranger = agent.ask_with(&mut gateway.browser(), "prompt", Some("none")).await;
        // Anybody can register a client, so a stranger is not sent anywhere by itself (RFC 9700 section 4.11.2).
        assert_eq!(stranger.status, StatusCode::BAD_REQUEST);
        assert!(!stranger.headers.contains_key("location"));
        assert!(stranger.body.contains("error=login_required"), "a link, for who wants to go on: {}", stranger.body);
        // A second time the same is asked again: nothing is remembered for a client anybody can pretend to be.
        assert_eq!(agent.ask_with(&mut ada, "prompt", None).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn nobody_is_sent_by_itself_to_an_agent_they_have_not_connected(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        for (name, value) in [("prompt", "none"), ("response_type", "token"), ("code_challenge_method", "plain"), ("scope", "admin")] {
            let page = agent.ask_with(&mut ada, name, Some(value)).await;
            assert_page_alone(&page, "This request cannot go on");
            assert!(page.body.contains("Continue to"), "a link, for who wants to go on: {}", page.body);
        }
    }
}

on_both_engines! {
    async fn other_flows_than_the_code_flow_are_sent_back(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        agent.connect(&mut ada, "").await;
        for (name, value, error) in [
            ("response_type", Some("token"), "unsupported_response_type"),
            ("response_type", Some("code token"), "unsupported_response_type"),
            ("response_type", None, "invalid_request"),
            ("response_mode", Some("fragment"), "invalid_request"),
            ("response_mode", Some("form_post"), "invalid_request"),
        ] {
            assert_sent_back(&agent, &agent.ask_with(&mut ada, name, value).await, error);
        }
    }
}
