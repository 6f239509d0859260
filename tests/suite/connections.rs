//! Connections to the database that are kept at hand: what one request leaves behind is nothing to the next.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use belgie::api::db::{Db, Pools};
use belgie_api::event::Bus;
use belgie_api::{Clock, on};
use sqlx::postgres::PgPoolOptions;

use crate::on_both_engines;
use crate::support::{Engine, TestGateway};

const EVERYBODY: &str = "SELECT COUNT(*) FROM core_users";
const NOBODY: &str = "DELETE FROM core_users";
const END_ALL: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

fn db(gateway: &TestGateway) -> &Db {
    gateway.gateway.host().db()
}

async fn count(db: &Db) -> belgie_api::Result<i64> {
    let mut conn = db.read().await?;
    Ok(on!(&mut conn, c => sqlx::query_scalar::<_, i64>(EVERYBODY).fetch_one(c).await)?)
}

/// How many people somebody sees who comes to the pool itself.
async fn count_from_outside(gateway: &TestGateway) -> i64 {
    match gateway.pools() {
        Pools::Sqlite { writer, .. } => sqlx::query_scalar(EVERYBODY).fetch_one(writer).await.expect("a count"),
        Pools::Postgres(pool) => sqlx::query_scalar(EVERYBODY).fetch_one(pool).await.expect("a count"),
    }
}

on_both_engines! {
    async fn a_transaction_that_nobody_commits_leaves_nothing_behind(gateway: TestGateway) {
        let _ada = gateway.signed_in("ada@example.org").await;
        let before = count(db(&gateway)).await.expect("a count");
        for _ in 0..20 {
            let mut tx = db(&gateway).begin().await.expect("a transaction");
            on!(&mut tx, c => sqlx::query(NOBODY).execute(c).await.map(drop)).expect("a deletion");
        }
        assert_eq!(count(db(&gateway)).await.expect("a count"), before);
        let tx = db(&gateway).begin().await.expect("a transaction");
        tx.commit(gateway.clock.now()).await.expect("a commit");
        assert_eq!(count_from_outside(&gateway).await, before);
    }
}

on_both_engines! {
    async fn what_nobody_waited_for_spoils_no_connection(gateway: TestGateway) {
        let _ada = gateway.signed_in("ada@example.org").await;
        let before = count(db(&gateway)).await.expect("a count");
        for _ in 0..20 {
            // Each is begun, and given up at the first moment at which it waits.
            tokio::select! { biased; _ = db(&gateway).begin() => {}, () = ready(()) => {} }
            tokio::select! { biased; _ = count(db(&gateway)) => {}, () = ready(()) => {} }
            let mut tx = db(&gateway).begin().await.expect("a transaction");
            let deletion = async { on!(&mut tx, c => sqlx::query(NOBODY).execute(c).await.map(drop)) };
            tokio::select! { biased; _ = deletion => {}, () = ready(()) => {} }
        }
        assert_eq!(count(db(&gateway)).await.expect("a count"), before);
        let mut tx = db(&gateway).begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(NOBODY).execute(c).await.map(drop)).expect("a deletion");
        let commit = tx.commit(gateway.clock.now());
        tokio::select! { biased; _ = commit => {}, () = ready(()) => {} }
        // Committed or not, whoever comes next finds a connection outside any transaction.
        let tx = db(&gateway).begin().await.expect("a transaction");
        tx.commit(gateway.clock.now()).await.expect("a commit");
    }
}

on_both_engines! {
    async fn connections_at_hand_keep_nobody_from_the_pool(gateway: TestGateway) {
        // As many as the settings allow (support::gateway), all at once.
        let mut all = Vec::new();
        for _ in 0..5 {
            all.push(db(&gateway).read().await.expect("a connection"));
        }
        drop(all);
        let tx = db(&gateway).begin().await.expect("a transaction");
        tx.commit(gateway.clock.now()).await.expect("a commit");
        assert_eq!(count_from_outside(&gateway).await, count(db(&gateway)).await.expect("a count"));
    }
}

on_both_engines! {
    async fn a_connection_that_broke_is_not_kept_at_hand(gateway: TestGateway) {
        let Pools::Postgres(pool) = gateway.pools() else { return };
        for _ in 0..3 {
            count(db(&gateway)).await.expect("a count");
        }
        sqlx::query_scalar::<_, i64>(END_ALL).fetch_one(pool).await.expect("an end");
        // Each that rested or idled fails once at most.
        let mut failed = 0;
        while count(db(&gateway)).await.is_err() {
            failed += 1;
            assert!(failed <= 6, "the same connection again and again");
        }
    }
}

/// The process at the server that the next connection leads to.
async fn process(db: &Db) -> Result<i32, sqlx::Error> {
    let mut conn = db.read().await.expect("a connection");
    on!(&mut conn, c => sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(c).await)
}

/// A clock can be set forward on one thread alone; it goes on before the database is asked.
#[tokio::test]
async fn one_that_died_while_it_rested_is_handed_to_nobody() {
    let Some(Engine::Postgres(url)) = Engine::postgres().await else { return };
    let pool = PgPoolOptions::new().max_connections(4).connect(&url).await.expect("a pool");
    let db = Db::owning(Pools::Postgres(pool.clone()), Arc::new(Bus::default()));
    let first = process(&db).await.expect("an answer");
    assert_eq!(process(&db).await.expect("an answer"), first, "it was at hand");
    let ended = sqlx::query_scalar::<_, bool>("SELECT pg_terminate_backend($1, 10000)").bind(first);
    assert!(ended.fetch_one(&pool).await.expect("an answer"), "it has ended");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_ne!(process(&db).await.expect("an answer of another"), first);
    db.close().await;
    assert!(db.read().await.is_err(), "what is closed lends nothing");
}
