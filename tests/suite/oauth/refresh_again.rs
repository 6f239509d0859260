//! A refresh token that comes again: the same answer for whoever asks at once or never heard the first one, and the end of the
//! family in every other case (OAuth 2.1 section 4.3.1).

use std::time::Duration;

use belgie::api::db::Pools;
use futures::future::join_all;
use reqwest::StatusCode;

use super::{assert_invalid_grant, assert_shut};
use crate::on_both_engines;
use crate::support::{Agent, Reply, Setup, TestGateway, Tokens};

const KEPT: &str = "SELECT answer FROM oauth_server_refresh_tokens WHERE answer IS NOT NULL";
const SUCCESSORS: &str = "SELECT COUNT(*) FROM oauth_server_refresh_tokens WHERE previous_hash IS NOT NULL";

/// What the database keeps of answers.
async fn kept_answers(gateway: &TestGateway) -> Vec<Vec<u8>> {
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(KEPT).fetch_all(readers).await.expect("rows"),
        Pools::Postgres(pool) => sqlx::query_scalar(KEPT).fetch_all(pool).await.expect("rows"),
    }
}

async fn count_successors(gateway: &TestGateway) -> i64 {
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(SUCCESSORS).fetch_one(readers).await.expect("a count"),
        Pools::Postgres(pool) => sqlx::query_scalar(SUCCESSORS).fetch_one(pool).await.expect("a count"),
    }
}

#[track_caller]
fn assert_same(tokens: &Tokens, reply: &Reply) {
    let again = Tokens::of(reply);
    assert!(tokens.access == again.access && tokens.refresh == again.refresh, "another pair");
}

on_both_engines! {
    async fn whoever_never_heard_the_answer_asks_again_and_gets_it(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        let reply = agent.refresh(&first.refresh).await;
        let renewed = Tokens::of(&reply);
        // Calls with the access token are no use of the refresh token beside it.
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(40));
        let again = agent.refresh(&first.refresh).await;
        assert_same(&renewed, &again);
        let left = |reply: &Reply| reply.body["expires_in"].as_u64().expect("seconds");
        assert!((39..=50).contains(&(left(&reply) - left(&again))), "{} and {}", left(&reply), left(&again));
        assert_eq!(reply.body["scope"], again.body["scope"]);
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
        // The pair is as good as any: it goes on, and so does the one after it.
        let third = Tokens::of(&agent.refresh(&renewed.refresh).await);
        assert_same(&third, &agent.refresh(&renewed.refresh).await);
    }
}

on_both_engines! {
    async fn of_many_refreshes_at_once_at_two_nodes_all_get_one_pair(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let other = gateway.elsewhere(false).await;
        let there = Agent { base: other.url.clone(), ..agent.clone() };
        let tokens = agent.connect(&mut ada, "").await;
        let replies = join_all((0..24).map(|number| {
            let agent = if number % 2 == 0 { &agent } else { &there };
            agent.refresh(&tokens.refresh)
        }))
        .await;
        let renewed = Tokens::of(&replies[0]);
        for reply in &replies {
            assert_same(&renewed, reply);
        }
        assert_eq!(count_successors(&gateway).await, 1);
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
        Tokens::of(&there.refresh(&renewed.refresh).await);
    }
}

on_both_engines! {
    async fn after_the_grace_a_spent_token_ends_the_family(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        let renewed = Tokens::of(&agent.refresh(&first.refresh).await);
        gateway.clock.advance(Duration::from_secs(60));
        assert_invalid_grant(&agent.refresh(&first.refresh).await);
        for tokens in [&first, &renewed] {
            assert_shut(&agent.whoami(&tokens.access).await);
            assert_invalid_grant(&agent.refresh(&tokens.refresh).await);
        }
    }
}

on_both_engines! {
    async fn within_the_grace_a_spent_token_ends_the_family_once_its_successor_was_used(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        let third = Tokens::of(&agent.refresh(&second.refresh).await);
        assert_invalid_grant(&agent.refresh(&first.refresh).await);
        assert_shut(&agent.whoami(&third.access).await);
        // What was answered last is not said again to anybody either.
        assert_invalid_grant(&agent.refresh(&second.refresh).await);
        assert_invalid_grant(&agent.refresh(&third.refresh).await);
    }
}

on_both_engines! {
    async fn without_a_grace_the_second_use_ends_the_family(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nrefresh_grace_seconds = 0")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        let renewed = Tokens::of(&agent.refresh(&first.refresh).await);
        assert!(kept_answers(&gateway).await.is_empty());
        assert_invalid_grant(&agent.refresh(&first.refresh).await);
        assert_shut(&agent.whoami(&renewed.access).await);
    }
}

on_both_engines! {
    async fn another_client_with_the_spent_token_gets_nothing_and_ends_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, thief) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let first = agent.connect(&mut ada, "").await;
        let renewed = Tokens::of(&agent.refresh(&first.refresh).await);
        assert_invalid_grant(&thief.refresh(&first.refresh).await);
        assert_same(&renewed, &agent.refresh(&first.refresh).await);
    }
}

on_both_engines! {
    async fn another_request_gets_no_more_than_it_asked_for_and_ends_nothing(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let wide = agent.connect(&mut ada, "connections:read demo:step-up").await;
        let renewed = Tokens::of(&agent.refresh(&wide.refresh).await);
        assert_invalid_grant(&agent.refresh_with(&wide.refresh, &[("scope", "connections:read")]).await);
        assert_same(&renewed, &agent.refresh(&wide.refresh).await);
        let same = [("scope", "demo:step-up connections:read"), ("resource", &gateway.mcp_url())];
        assert_same(&renewed, &agent.refresh_with(&wide.refresh, &same).await);
        let more = agent.refresh_with(&wide.refresh, &[("scope", "connections:read admin")]).await;
        assert_eq!((more.status, &more.body["error"]), (StatusCode::BAD_REQUEST, &"invalid_scope".into()));

        // Whoever asks for more than was answered is told how little it is.
        let next = [("scope", "connections:read")];
        let narrow = Tokens::of(&agent.refresh_with(&renewed.refresh, &next).await);
        let reply = agent.refresh(&renewed.refresh).await;
        assert_same(&narrow, &reply);
        assert_eq!(reply.body["scope"], "connections:read");
        // The narrow pair renews the whole grant.
        let reply = agent.refresh(&narrow.refresh).await;
        assert_eq!(reply.body["scope"], "connections:read demo:step-up");
    }
}

on_both_engines! {
    async fn nothing_comes_of_a_family_that_has_ended(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        Tokens::of(&agent.refresh(&first.refresh).await);
        let form = ada.get("/account").await.form("/account/connections/revoke");
        ada.submit(&form, &[]).await;
        assert_invalid_grant(&agent.refresh(&first.refresh).await);
    }
}

on_both_engines! {
    async fn an_answer_is_kept_sealed_and_no_longer_than_it_may_be_given(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let first = agent.connect(&mut ada, "").await;
        assert!(kept_answers(&gateway).await.is_empty());
        let second = Tokens::of(&agent.refresh(&first.refresh).await);
        let kept = kept_answers(&gateway).await;
        assert_eq!(kept.len(), 1);
        for secret in [&first.refresh, &second.access, &second.refresh] {
            // Without its prefix and its checksum a secret would still be one.
            let random = &secret.as_bytes()[7..47];
            assert!(!kept[0].windows(random.len()).any(|window| window == random), "{secret}");
        }
        let third = Tokens::of(&agent.refresh(&second.refresh).await);
        assert_eq!(kept_answers(&gateway).await.len(), 1, "the one of the first is gone, that of the second is there");
        agent.refresh(&third.refresh).await;
        gateway.clock.advance(Duration::from_secs(60));
        // Whoever begins to serve forgets what is over, and does so again and again.
        let other = gateway.elsewhere(false).await;
        let begin = std::time::Instant::now();
        while !kept_answers(&other).await.is_empty() {
            assert!(begin.elapsed() < crate::support::PATIENCE, "an answer is kept longer than it may be given");
        }
    }
}
