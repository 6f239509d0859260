//! Hears what other processes changed and tells it in this one.
//!
//! Every node follows the table `core_events`: on Postgres a notice arrives with each commit, on SQLite the table is
//! looked at ten times a second. While the line is down the bus says so and caches are bypassed; when it is back, what
//! was missed is read from the table first.

mod observers;

use std::time::Duration;

use belgie_api::db::{Conn, Db, Pools, events_after, last_event};
use belgie_api::event::Bus;
use belgie_api::{Event, Result};
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::time::{Instant, sleep, timeout};

pub use self::observers::Herald;

/// How often the embedded database is asked for news.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// How long one look may take before this process no longer counts on hearing everything in time.
const POLL_WITHIN: Duration = Duration::from_millis(150);
/// After this long a process has heard of a commit, or knows that it may not have and bypasses its caches.
pub const HEARD_WITHIN: Duration = Duration::from_millis(250);
/// How long a silent line to the server is trusted before it is tested, and how long the test may take.
const TEST_AFTER: Duration = Duration::from_millis(500);
/// How long to wait before a lost line is opened again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);
/// Rows live for an hour. After a longer silence than this nobody knows what was missed.
const REMEMBERED_FOR: Duration = Duration::from_mins(30);
/// Rows of concurrent transactions can become visible out of order: this many are read again.
const OVERLAP: i64 = 1_000;

/// Nobody hears the news any more when this is dropped, whatever the reason.
struct Deaf<'a>(&'a Db);

impl Drop for Deaf<'_> {
    fn drop(&mut self) {
        self.0.bus().set_live(false);
    }
}

/// Follows the news until the process ends. Never returns; cancel it.
pub async fn follow(db: Db) {
    let _deaf_in_the_end = Deaf(&db);
    let mut line = Line::default();
    loop {
        let ended = match db.pools() {
            Pools::Sqlite { .. } => line.poll(&db).await,
            Pools::Postgres(pool) => line.listen(&db, pool).await,
        };
        db.bus().set_live(false);
        if let Err(failure) = ended {
            tracing::warn!(error = ?failure, "news of other processes are not heard; caches are bypassed");
        }
        sleep(RECONNECT_AFTER).await;
    }
}

/// An event as a notice of Postgres brings it.
#[derive(Deserialize)]
struct Notice {
    /// Its place in the order of events.
    seq: i64,
    #[serde(flatten)]
    event: Event,
}

/// Tells what a notice says. One that this version does not understand may have made anything untrue.
fn tell(bus: &Bus, payload: &str) {
    match serde_json::from_str(payload) {
        Ok(Notice { seq, event }) => bus.relay(seq, &event),
        Err(_not_understood) => bus.publish(&Event::NewsMissed),
    }
}

/// What is known about the news so far.
#[derive(Default)]
struct Line {
    /// Everything up to this place was told; `None` before the first look.
    seen: Option<i64>,
    /// When that was last certain.
    certain_at: Option<Instant>,
}

impl Line {
    /// Tells what came since the last look, all of it.
    async fn catch_up(&mut self, conn: &mut Conn, db: &Db, overlap: i64) -> Result<()> {
        let is_too_long = self.certain_at.is_some_and(|moment| moment.elapsed() > REMEMBERED_FOR);
        let Some(seen) = self.seen.filter(|_| !is_too_long) else {
            self.seen = Some(last_event(conn).await?);
            if is_too_long {
                db.bus().publish(&Event::NewsMissed);
            }
            self.certain_at = Some(Instant::now());
            return Ok(());
        };
        let mut after = seen.saturating_sub(overlap);
        loop {
            let batch = events_after(conn, after).await?;
            let Some(last) = batch.last() else { break };
            after = last.seq;
            for stored in batch {
                db.bus().relay(stored.seq, &stored.into_event());
            }
        }
        self.seen = Some(after.max(seen));
        self.certain_at = Some(Instant::now());
        Ok(())
    }

    /// Looks at the table again and again, on a connection of its own, so that requests cannot make it late.
    async fn poll(&mut self, db: &Db) -> Result<()> {
        let mut conn = db.read().await?;
        self.catch_up(&mut conn, db, 0).await?;
        db.bus().set_live(true);
        loop {
            sleep(POLL_EVERY).await;
            if timeout(POLL_WITHIN, self.catch_up(&mut conn, db, 0)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Waits for notices; first reads what came while nobody listened.
    async fn listen(&mut self, db: &Db, pool: &PgPool) -> Result<()> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        listener.listen("belgie_events").await?;
        let mut conn = db.read().await?;
        self.catch_up(&mut conn, db, OVERLAP).await?;
        drop(conn);
        db.bus().set_live(true);
        loop {
            match timeout(TEST_AFTER, listener.try_recv()).await {
                Ok(Ok(Some(notice))) => {
                    tell(db.bus(), notice.payload());
                }
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_silence) => {
                    // Saying it again changes nothing and wants an answer.
                    let test = sqlx::query("LISTEN belgie_events").execute(&mut listener);
                    if timeout(TEST_AFTER, test).await.map_or(true, |answer| answer.is_err()) {
                        return Ok(());
                    }
                    self.certain_at = Some(Instant::now());
                }
            }
        }
    }
}
