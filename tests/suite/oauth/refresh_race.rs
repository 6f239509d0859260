//! One refresh token in many hands of one client, at two processes on one database, of which one is killed in the middle.

use std::time::Duration;

use belgie::api::db::Pools;
use belgie_api::TokenHash;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::Value;

use super::{assert_invalid_grant, assert_shut};
use crate::on_both_engines;
use crate::support::{Agent, Program, Setup, TestGateway, Tokens, waits_for_lock};

/// How many ask each of the two.
const CALLERS: usize = 64;
/// When the one is killed, counted from when everybody began to ask.
const MOMENTS: [Duration; 6] = [
    Duration::from_millis(30),
    Duration::from_millis(5),
    Duration::from_millis(60),
    Duration::ZERO,
    Duration::from_millis(15),
    Duration::from_millis(120),
];
const SUCCESSORS: &str = "SELECT COUNT(*) FROM oauth_server_refresh_tokens WHERE previous_hash = $1";
const ACCESS_TOKENS: &str = "SELECT COUNT(*) FROM oauth_server_access_tokens";

/// How many tokens came of this one.
async fn count_successors(gateway: &TestGateway, token: &str) -> i64 {
    let hash = TokenHash::of(token);
    let hash = hash.as_bytes();
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(SUCCESSORS).bind(hash).fetch_one(readers).await,
        Pools::Postgres(pool) => sqlx::query_scalar(SUCCESSORS).bind(hash).fetch_one(pool).await,
    }
    .expect("a count")
}

async fn count_access_tokens(gateway: &TestGateway) -> i64 {
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(ACCESS_TOKENS).fetch_one(readers).await,
        Pools::Postgres(pool) => sqlx::query_scalar(ACCESS_TOKENS).fetch_one(pool).await,
    }
    .expect("a count")
}

/// One try at one process; `None` when it was cut off before the whole answer was there.
async fn ask(agent: &Agent, base: &str, token: &str) -> Option<Tokens> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &agent.client_id)];
    let response = agent.client.post(format!("{base}/token")).form(&fields).send().await.ok()?;
    let status = response.status();
    let body: Value = response.json().await.ok()?;
    assert_eq!(status, StatusCode::OK, "{body}");
    let text = |name: &str| body[name].as_str().expect("a token").to_owned();
    Some(Tokens { access: text("access_token"), refresh: text("refresh_token") })
}

/// A try at one process, and another at the one that survives, if it was cut off.
async fn insist(agent: &Agent, base: &str, survivor: &str, token: &str) -> (Tokens, bool) {
    match ask(agent, base, token).await {
        Some(tokens) => (tokens, false),
        None => (ask(agent, survivor, token).await.expect("the survivor answers"), true),
    }
}

/// Everybody was answered the same pair, and it is the only one.
async fn agree(gateway: &TestGateway, token: &str, answers: &[Tokens]) -> Tokens {
    let pair = answers[0].clone();
    assert!(answers.iter().all(|other| other.access == pair.access && other.refresh == pair.refresh));
    assert_eq!(count_successors(gateway, token).await, 1);
    pair
}

on_both_engines! {
    async fn sixty_four_refreshes_at_two_processes_of_which_one_is_killed_have_one_successor(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let survivor = Program::start(&gateway).await;
        let mut tokens = agent.connect(&mut ada, "").await;
        let (mut cut_off, mut spent) = (0, String::new());
        for moment in MOMENTS {
            let victim = Program::start(&gateway).await;
            let (there, here) = (victim.url.clone(), survivor.url.as_str());
            let made_before = count_access_tokens(&gateway).await;
            let callers = join_all((0..2 * CALLERS).map(|number| {
                let base = if number % 2 == 0 { &there } else { here };
                insist(&agent, base, here, &tokens.refresh)
            }));
            let end = async {
                tokio::time::sleep(moment).await;
                victim.kill().await;
            };
            let (answers, ()) = tokio::join!(callers, end);
            cut_off += answers.iter().filter(|(_, was_cut_off)| *was_cut_off).count();
            let answers: Vec<Tokens> = answers.into_iter().map(|(tokens, _)| tokens).collect();
            let pair = agree(&gateway, &tokens.refresh, &answers).await;
            assert_eq!(count_access_tokens(&gateway).await, made_before + 1);
            let called = agent.modern(&survivor.mcp_url, &pair.access).call("whoami", serde_json::json!({})).await;
            assert_eq!(called.status, StatusCode::OK, "{}", called.body);
            spent = std::mem::replace(&mut tokens, pair).refresh;
        }
        assert!(cut_off > 0, "nobody was cut off");
        // A thief comes after all of them: what was spent before the last pair was used is in two hands.
        let last = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_invalid_grant(&agent.refresh(&spent).await);
        assert_shut(&agent.whoami(&last.access).await);
        assert_invalid_grant(&agent.refresh(&last.refresh).await);
        survivor.kill().await;
    }
}

/// On SQLite whoever writes holds everything, so there is nothing to be killed between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_with_the_claim_in_hand_leaves_it_to_the_others() {
    let Some(engine) = crate::support::Engine::postgres().await else { return };
    let gateway = Setup::default().start(engine).await;
    let Pools::Postgres(pool) = gateway.pools() else { return };
    let mut ada = gateway.signed_in("ada@example.org").await;
    let agent = Agent::register(&gateway).await;
    let tokens = agent.connect(&mut ada, "").await;
    let (victim, survivor) = (Program::start(&gateway).await, Program::start(&gateway).await);
    // Whoever has claimed the token waits for its grant.
    let mut held = pool.begin().await.expect("a transaction");
    sqlx::query("SELECT id FROM oauth_server_grants FOR UPDATE").fetch_all(&mut *held).await.expect("the grant");
    let first = {
        let (agent, base, token) = (agent.clone(), victim.url.clone(), tokens.refresh.clone());
        tokio::spawn(async move { ask(&agent, &base, &token).await.is_none() })
    };
    waits_for_lock(&gateway, 1, &first).await;
    let others: Vec<_> = (0..4)
        .map(|_| {
            let (agent, base, token) = (agent.clone(), survivor.url.clone(), tokens.refresh.clone());
            tokio::spawn(async move { ask(&agent, &base, &token).await.expect("an answer") })
        })
        .collect();
    waits_for_lock(&gateway, 3, &others[0]).await;
    victim.kill().await;
    assert!(first.await.expect("it does not panic"), "it was cut off");
    assert_eq!(count_successors(&gateway, &tokens.refresh).await, 0, "nothing was committed");
    held.rollback().await.expect("let go");
    let answers: Vec<Tokens> =
        join_all(others).await.into_iter().map(|answer| answer.expect("it does not panic")).collect();
    let pair = agree(&gateway, &tokens.refresh, &answers).await;
    assert_eq!(agent.whoami(&pair.access).await.status, StatusCode::OK);
    assert_eq!(ask(&agent, &survivor.url, &tokens.refresh).await.expect("an answer").access, pair.access);
    survivor.kill().await;
}
