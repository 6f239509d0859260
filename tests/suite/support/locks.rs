//! Requests that wait for a row somebody else holds.

use std::time::Instant;

use belgie::api::db::Pools;
use tokio::task::JoinHandle;

use super::{PATIENCE, TestGateway};

const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Waits until this many statements wait for a lock, or the request came to its end without. SQLite lets writers in one
/// after the other from the first statement on, so there nobody has to be waited for.
pub async fn waits_for_lock<T>(gateway: &TestGateway, count: i64, request: &JoinHandle<T>) {
    let Pools::Postgres(pool) = gateway.pools() else { return };
    let begin = Instant::now();
    loop {
        let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(pool).await.expect("a count");
        if waiting >= count || request.is_finished() {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{waiting} wait for a lock after {PATIENCE:?}, not {count}");
    }
}
