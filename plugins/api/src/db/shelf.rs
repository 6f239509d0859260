//! Connections that are kept at hand between two uses.
//!
//! A pool asks a connection whether it is well each time one comes back, which takes a task and a round trip: on SQLite as much
//! as a small statement. What has just answered its last statement need not be asked, so it waits here for its next use
//! instead. Whatever did not (it failed, or nobody waited for its answer) goes back to its pool, which asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Database, Error, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout};

/// How long a connection that answered is believed to be there without asking.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long one that rested may take to say that it is there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How long one stays away from its pool, which sees to it that none grows too old.
const AWAY_FOR: Duration = Duration::from_mins(10);

/// A connection at rest.
struct Resting<DB: Database> {
    conn: PoolConnection<DB>,
    away_since: Instant,
    rests_since: Instant,
}

/// The connections of one pool that are at hand.
pub(super) struct Shelf<DB: Database> {
    pool: Pool<DB>,
    resting: Mutex<Vec<Resting<DB>>>,
    /// How many may rest here; none in the pool of an application, which uses it, too.
    most: usize,
    /// Whoever has a place finds a connection here or in the pool: nobody waits at the pool for one that rests here.
    places: Arc<Semaphore>,
}

impl<DB: Database> Shelf<DB> {
    /// A shelf for a pool: of so many places, so many of them for connections at rest. With none of these, whatever is taken goes
    /// back to the pool.
    pub(super) fn new(pool: &Pool<DB>, places: usize, most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { pool: pool.clone(), resting: Mutex::default(), most, places })
    }

    /// A connection that is well.
    ///
    /// # Errors
    /// When none can be had in the time the pool allows.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lent<DB>, Error> {
        let patience = self.pool.options().get_acquire_timeout();
        timeout(patience, self.find_well()).await.unwrap_or(Err(Error::PoolTimedOut))
    }

    async fn find_well(self: &Arc<Self>) -> Result<Lent<DB>, Error> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return Err(Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                Arc::clone(&self.places).acquire_owned().await.map_err(|_| Error::PoolClosed)?
            }
        };
        let shelf = Arc::clone(self);
        while let Some(mut resting) = self.find_resting() {
            let is_trusted = resting.rests_since.elapsed() < TRUSTED_FOR;
            if !is_trusted && !matches!(timeout(ANSWERS_WITHIN, resting.conn.ping()).await, Ok(Ok(()))) {
                resting.conn.close_on_drop();
                continue;
            }
            let Resting { conn, away_since, .. } = resting;
            return Ok(Lent { held: Some((conn, place)), away_since, is_well: true, shelf });
        }
        let conn = self.pool.acquire().await?;
        Ok(Lent { held: Some((conn, place)), away_since: Instant::now(), is_well: true, shelf })
    }

    /// Gives everything back to the pool, now and from now on, and nobody anything more.
    pub(super) fn close(&self) {
        self.places.close();
        self.lock().clear();
    }

    /// Lets a connection rest here, if there is room.
    fn put(&self, conn: PoolConnection<DB>, away_since: Instant) {
        let now = Instant::now();
        let mut resting = self.lock();
        // The last one that came is the next to go, so some may rest until nobody knows whether anybody is at their other end.
        resting.retain(|one| now.duration_since(one.away_since) < AWAY_FOR);
        if resting.len() < self.most && !self.places.is_closed() {
            resting.push(Resting { conn, away_since, rests_since: now });
        }
    }

    fn find_resting(&self) -> Option<Resting<DB>> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Resting<DB>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<DB: Database> Drop for Shelf<DB> {
    fn drop(&mut self) {
        // Whoever drops the last one may have no runtime any more, without which a pool takes nothing back.
        for resting in self.lock().drain(..) {
            drop(resting.conn.detach());
        }
    }
}

/// A connection that comes back when it is dropped.
pub(super) struct Lent<DB: Database> {
    /// With its place, which is free once it is back.
    held: Option<(PoolConnection<DB>, OwnedSemaphorePermit)>,
    away_since: Instant,
    is_well: bool,
    shelf: Arc<Shelf<DB>>,
}

impl<DB: Database> Lent<DB> {
    /// The connection, of which nobody knows how it is until [`found_well`](Self::found_well) is said.
    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    pub(super) fn engine(&mut self) -> &mut DB::Connection {
        self.is_well = false;
        &mut self.held.as_mut().expect("a connection").0
    }

    /// Its last statement was answered.
    pub(super) fn found_well(&mut self) {
        self.is_well = true;
    }

    /// It is closed instead of coming back.
    pub(super) fn give_up(&mut self) {
        self.is_well = false;
        if let Some((conn, _)) = &mut self.held {
            conn.close_on_drop();
        }
    }

    /// What goes back to the pool, and the place that is to be held until then.
    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    pub(super) fn into_pooled(mut self) -> (PoolConnection<DB>, OwnedSemaphorePermit) {
        self.held.take().expect("a connection")
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        let Some((conn, place)) = self.held.take() else { return };
        if self.is_well && self.away_since.elapsed() < AWAY_FOR {
            self.shelf.put(conn, self.away_since);
        } else {
            drop(conn);
        }
        drop(place);
    }
}

#[cfg(test)]
mod tests;
