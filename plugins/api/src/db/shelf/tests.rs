//! How long connections rest, and when they go back. The clock stands still while it is set forward, and goes on before the database
//! is asked: a clock that stands still jumps to the next deadline whenever somebody waits.

#![expect(clippy::disallowed_methods, reason = "a test waits for what it begins")]

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Error, Sqlite, SqlitePool};
use tokio::time::{Instant, advance, pause, resume};

use super::{AWAY_FOR, Lent, Shelf, TRUSTED_FOR};

const PATIENCE: Duration = Duration::from_secs(30);

/// A pool for so many.
async fn pool(most: u32) -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(most).acquire_timeout(PATIENCE);
    options.connect("sqlite::memory:").await.unwrap()
}

/// Sets what no other connection has, by which it is known again, and says that it answered.
async fn marked(shelf: &Arc<Shelf<Sqlite>>, number: i64) -> Lent<Sqlite> {
    let mut lent = shelf.take().await.unwrap();
    let mark = sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {number}"));
    sqlx::query(mark).execute(lent.engine()).await.unwrap();
    lent.found_well();
    lent
}

/// The number of the next connection that is taken; a new one has 5000.
async fn next(shelf: &Arc<Shelf<Sqlite>>) -> i64 {
    let mut lent = shelf.take().await.unwrap();
    let number = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(lent.engine()).await.unwrap();
    lent.found_well();
    number
}

fn resting(shelf: &Shelf<Sqlite>) -> usize {
    shelf.lock().len()
}

/// Waits until the pool has so many back.
async fn has_back(pool: &SqlitePool, count: usize) {
    let begin = std::time::Instant::now();
    while pool.num_idle() != count {
        assert!(begin.elapsed() < PATIENCE, "{} came back, not {count}", pool.num_idle());
        tokio::task::yield_now().await;
    }
}

async fn later(by: Duration) {
    pause();
    advance(by).await;
    resume();
}

#[tokio::test]
async fn what_has_answered_rests_and_is_taken_again_and_anything_else_goes_back() {
    let pool = pool(3).await;
    let shelf = Shelf::new(&pool, 2, 1);
    drop(marked(&shelf, 7).await);
    assert_eq!((resting(&shelf), next(&shelf).await, resting(&shelf)), (1, 7, 1));
    // One of which nobody knows whether its last statement was answered.
    let mut lent = shelf.take().await.unwrap();
    lent.engine();
    drop(lent);
    assert_eq!(resting(&shelf), 0);
    has_back(&pool, 1).await;
    // There is room for one.
    let (one, two) = (marked(&shelf, 1).await, marked(&shelf, 2).await);
    drop(one);
    drop(two);
    assert_eq!(resting(&shelf), 1);
    has_back(&pool, 1).await;
}

#[tokio::test]
async fn one_that_rested_and_says_that_it_is_there_is_taken_all_the_same() {
    let pool = pool(2).await;
    let shelf = Shelf::new(&pool, 1, 1);
    drop(marked(&shelf, 7).await);
    later(TRUSTED_FOR).await;
    assert_eq!(next(&shelf).await, 7);
}

#[tokio::test]
async fn one_that_was_in_use_for_long_goes_back_to_its_pool() {
    let pool = pool(2).await;
    let shelf = Shelf::new(&pool, 1, 1);
    let lent = marked(&shelf, 7).await;
    later(AWAY_FOR).await;
    drop(lent);
    assert_eq!(resting(&shelf), 0);
    has_back(&pool, 1).await;
}

#[tokio::test]
async fn those_that_rested_for_long_go_back_when_another_comes() {
    let pool = pool(3).await;
    let shelf = Shelf::new(&pool, 3, 3);
    let (one, two) = (marked(&shelf, 1).await, marked(&shelf, 2).await);
    later(Duration::from_secs(1)).await;
    let three = marked(&shelf, 3).await;
    drop(one);
    drop(two);
    assert_eq!(resting(&shelf), 2);
    later(AWAY_FOR.saturating_sub(Duration::from_secs(1))).await;
    drop(three);
    // The third is a second younger; on a busy machine it may be as old by now.
    assert!(resting(&shelf) <= 1, "{} rest", resting(&shelf));
}

#[tokio::test]
async fn whoever_finds_no_place_in_time_is_told_so_and_a_place_that_comes_free_is_taken() {
    let pool = pool(2).await;
    let shelf = Shelf::new(&pool, 1, 1);
    let lent = marked(&shelf, 7).await;
    pause();
    let begin = Instant::now();
    // There is a second connection in the pool; it is for whoever comes to the pool.
    assert!(matches!(shelf.take().await.map(drop), Err(Error::PoolTimedOut)));
    assert!(begin.elapsed() >= PATIENCE);
    resume();
    let waits = tokio::spawn({
        let shelf = Arc::clone(&shelf);
        async move { next(&shelf).await }
    });
    tokio::task::yield_now().await;
    drop(lent);
    assert_eq!(waits.await.unwrap(), 7);
}

#[tokio::test]
async fn once_it_is_closed_nothing_rests_and_nobody_is_given_anything() {
    let pool = pool(3).await;
    let shelf = Shelf::new(&pool, 2, 2);
    let (one, two) = (marked(&shelf, 1).await, marked(&shelf, 2).await);
    let waits = tokio::spawn({
        let shelf = Arc::clone(&shelf);
        async move { shelf.take().await.map(drop) }
    });
    tokio::task::yield_now().await;
    drop(two);
    assert_eq!(resting(&shelf), 1);
    shelf.close();
    assert_eq!(resting(&shelf), 0);
    assert!(matches!(waits.await.unwrap(), Ok(()) | Err(Error::PoolClosed)));
    assert!(matches!(shelf.take().await.map(drop), Err(Error::PoolClosed)));
    drop(one);
    assert_eq!(resting(&shelf), 0);
    has_back(&pool, 2).await;
}
