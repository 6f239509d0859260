//! Hears what other processes changed and tells it in this one.
//!
//! Every node follows the table `core_events`: on Postgres a notice arrives with each commit, on SQLite the table is
//! looked at five times a second. While the line is down the bus says so and caches are bypassed.

use std::time::Duration;

use belgie_api::db::{Db, Pools, events_after, last_event};
use belgie_api::{Event, Result};
use sqlx::PgPool;
use sqlx::postgres::PgListener;

/// How often the embedded database is asked for news.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// How long a silent line to the server is trusted before it is tested.
const TEST_AFTER: Duration = Duration::from_secs(5);
/// How long the test may take.
const TEST_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait before a lost line is opened again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// Follows the news until the process ends. Never returns; cancel it.
pub async fn follow(db: Db) {
    loop {
        let ended = match db.pools() {
            Pools::Sqlite { .. } => poll(&db).await,
            Pools::Postgres(pool) => listen(&db, pool).await,
        };
        db.bus().set_live(false);
        if let Err(failure) = ended {
            tracing::warn!(error = ?failure, "news of other processes are not heard; caches are bypassed");
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn poll(db: &Db) -> Result<()> {
    let mut seen = last_event(&mut db.read().await?).await?;
    db.bus().set_live(true);
    loop {
        tokio::time::sleep(POLL_EVERY).await;
        for stored in events_after(&mut db.read().await?, seen).await? {
            seen = stored.seq;
            db.bus().publish(&stored.into_event());
        }
    }
}

async fn listen(db: &Db, pool: &PgPool) -> Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.ignore_pool_close_event(true);
    listener.listen("belgie_events").await?;
    db.bus().set_live(true);
    loop {
        match tokio::time::timeout(TEST_AFTER, listener.try_recv()).await {
            Ok(Ok(Some(notice))) => {
                let event = serde_json::from_str(notice.payload()).unwrap_or(Event::NewsMissed);
                db.bus().publish(&event);
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_silence) => {
                let test = sqlx::query("SELECT 1").execute(&mut listener);
                if tokio::time::timeout(TEST_WITHIN, test).await.map_or(true, |answer| answer.is_err()) {
                    return Ok(());
                }
            }
        }
    }
}
