//! Refresh tokens: renewed with every use, worthless in other hands, never a way to more (OAuth 2.1 section 4.3).

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use super::{assert_invalid_grant, assert_refused, assert_shut};
use crate::on_both_engines;
use crate::support::{Agent, Setup, TestGateway, Tokens};

const DAY: Duration = Duration::from_hours(24);

on_both_engines! {
    async fn every_use_brings_a_new_pair_and_a_spent_token_ends_the_family(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let bystander = agent.connect(&mut ada, "").await;
        let first = agent.connect(&mut ada, "").await;
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        let third = Tokens::of(&agent.refresh(&second.refresh).await);
        assert!(first.refresh != second.refresh && second.refresh != third.refresh && first.access != second.access);
        assert_eq!(agent.whoami(&third.access).await.status, StatusCode::OK);

        assert_invalid_grant(&agent.refresh(&first.refresh).await);
        for tokens in [&first, &second, &third] {
            assert_shut(&agent.whoami(&tokens.access).await);
            assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
        }
        // What the person allowed another time is another family.
        assert_eq!(agent.whoami(&bystander.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn without_a_grace_one_of_many_refreshes_at_once_wins_at_most_and_the_family_ends(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nrefresh_grace_seconds = 0")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let replies = join_all((0..12).map(|_| agent.refresh(&tokens.refresh))).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == StatusCode::OK);
        assert!(won.len() <= 1);
        for reply in lost {
            assert_invalid_grant(reply);
        }
        assert_shut(&agent.whoami(&tokens.access).await);
        for reply in won {
            let renewed = Tokens::of(reply);
            assert_shut(&agent.whoami(&renewed.access).await);
            assert_invalid_grant(&agent.refresh(&renewed.refresh).await);
        }
    }
}

on_both_engines! {
    async fn a_stolen_refresh_token_is_worth_nothing_to_another_client_and_ends_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, thief) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let tokens = agent.connect(&mut ada, "").await;
        assert_invalid_grant(&thief.refresh(&tokens.refresh).await);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_invalid_grant(&thief.refresh(&tokens.refresh).await);
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
        Tokens::of(&agent.refresh(&renewed.refresh).await);
    }
}

on_both_engines! {
    async fn a_refresh_may_ask_for_less_and_never_for_more(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let wide = agent.connect(&mut ada, "connections:read demo:step-up").await;
        assert_eq!(agent.modern(&url, &wide.access).call("step_up", json!({})).await.status, StatusCode::OK);
        let reply = agent.refresh_with(&wide.refresh, &[("scope", "connections:read")]).await;
        let narrow = Tokens::of(&reply);
        assert_eq!(reply.body["scope"], "connections:read");
        let refused = agent.modern(&url, &narrow.access).call("step_up", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);

        let small = agent.connect(&mut ada, "connections:read").await;
        for more in ["connections:read demo:step-up", "demo:step-up", "admin", "connections:read admin", "unheard:of"] {
            let reply = agent.refresh_with(&small.refresh, &[("scope", more)]).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_scope");
        }
        // Asking has spent nothing.
        Tokens::of(&agent.refresh(&small.refresh).await);
    }
}

on_both_engines! {
    async fn a_refresh_token_waits_thirty_days_and_every_use_begins_anew(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let mut tokens = agent.connect(&mut ada, "").await;
        for _ in 0..3 {
            gateway.clock.advance(29 * DAY);
            tokens = Tokens::of(&agent.refresh(&tokens.refresh).await);
        }
        gateway.clock.advance(30 * DAY);
        assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
    }
}

on_both_engines! {
    async fn no_refresh_outlives_the_consent(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\ngrant_max_age_seconds = 5000")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        gateway.clock.advance(Duration::from_secs(3000));
        let reply = agent.refresh(&first.refresh).await;
        let tokens = Tokens::of(&reply);
        let left = reply.body["expires_in"].as_u64().expect("seconds");
        assert!((1900..=2000).contains(&left), "{left}");
        gateway.clock.advance(Duration::from_secs(2000));
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
    }
}

on_both_engines! {
    async fn a_client_that_cannot_use_them_gets_no_refresh_token(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let document = json!({
            "redirect_uris": ["http://127.0.0.1:49152/callback"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "none",
        });
        let (agent, _) = Agent::register_document(&gateway, &document).await;
        assert_eq!(agent.connect(&mut ada, "").await.refresh, "");
        assert_ne!(agent.connect(&mut ada, "offline_access").await.refresh, "", "unless it asks to stay connected");
    }
}

on_both_engines! {
    async fn no_other_secret_passes_for_a_refresh_token(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "").await;
        let code = agent.code(&mut ada, "").await;
        let shorter = &tokens.refresh[..tokens.refresh.len() - 1];
        for wrong in [tokens.access.as_str(), &code, shorter, "x"] {
            assert_invalid_grant(&agent.refresh(wrong).await);
        }
        assert_refused(&agent.refresh("").await, StatusCode::BAD_REQUEST, "invalid_request");
        Tokens::of(&agent.refresh(&tokens.refresh).await);
    }
}
