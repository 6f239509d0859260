//! Connections to the database that are kept at hand: what one request leaves behind is nothing to the next.

use std::future::ready;

use belgie::api::db::{Db, Pools};
use belgie_api::{Clock, on};

use crate::on_both_engines;
use crate::support::TestGateway;

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
