//! Hands the news to those who asked for them: after the commit, in order, at least once.
//!
//! Every observer has its place in the table of events. One process at a time holds it, hands it the events behind that
//! place one by one, and moves the place on after each. A process that dies lets go by itself when its hold is over. The
//! others are not kept waiting by an observer that fails: each has a task of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use belgie_api::crypto::base64url;
use belgie_api::db::{Db, events_after, last_event};
use belgie_api::hooks::Observer;
use belgie_api::{Clock, Entropy, Event, Failure, Result};
use futures::FutureExt;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::store::observers;
use crate::tasks::Tasks;

/// How long a process keeps an observer to itself after the last sign of life.
const HOLD: Duration = Duration::from_secs(60);
/// How long an observer may take over one event; less than [`HOLD`], so that no other process begins meanwhile.
const OBSERVE_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked for news that nobody was told of.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long to wait after the first failure in a row, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What all observers of this process share.
#[derive(Clone)]
pub struct Herald {
    db: Db,
    clock: Arc<dyn Clock>,
    node: Arc<str>,
}

impl Herald {
    /// Puts it together; the process gets a name of its own.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 12];
        entropy.fill(&mut random);
        Self { db, clock, node: base64url(&random).into() }
    }

    /// Enters the observers that are new here: they hear what happens from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enter(&self, all: &[Arc<dyn Observer>]) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for observer in all {
            observers::begin(&mut tx, observer.name()).await?;
        }
        tx.commit(self.clock.now()).await
    }

    /// Begins to hand the news to every observer, each in a task of its own.
    pub fn start(&self, all: Vec<Arc<dyn Observer>>, tasks: &Tasks) {
        for observer in all {
            let woken = Arc::new(Notify::new());
            let bell = Arc::clone(&woken);
            self.db.bus().subscribe(Arc::new(move |_: &Event| bell.notify_one()));
            let (herald, stopping) = (self.clone(), tasks.stopping());
            tasks.spawn("observer", async move { herald.serve(observer.as_ref(), &woken, &stopping).await });
        }
    }

    /// Hands one observer its news until the process ends.
    async fn serve(&self, observer: &dyn Observer, woken: &Notify, stopping: &CancellationToken) {
        let mut failures: u32 = 0;
        loop {
            let failed = self.catch_up(observer, stopping).await.err();
            failures = if failed.is_some() { failures.saturating_add(1) } else { 0 };
            if let Some(failure) = failed {
                tracing::error!(observer = observer.name(), error = ?failure, failures, "an observer failed");
            }
            let pause = async {
                if failures == 0 {
                    // Silence is no failure: it is looked all the same.
                    let _silence = timeout(LOOK_EVERY, woken.notified()).await;
                } else {
                    tokio::time::sleep(pause_after(failures)).await;
                }
            };
            if stopping.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// Hands over everything there is, unless another process does.
    async fn catch_up(&self, observer: &dyn Observer, stopping: &CancellationToken) -> Result<()> {
        if !self.is_behind(observer.name()).await? {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let held = observers::hold(&mut tx, observer.name(), &self.node, now, now.plus(HOLD)).await?;
        tx.commit(now).await?;
        let Some(place) = held else { return Ok(()) };
        let outcome = self.hand_over(observer, place, stopping).await;
        let mut tx = self.db.begin().await?;
        observers::release(&mut tx, observer.name(), &self.node).await?;
        tx.commit(now).await?;
        outcome
    }

    async fn is_behind(&self, name: &str) -> Result<bool> {
        let mut conn = self.db.read().await?;
        let place = observers::find(&mut conn, name).await?;
        Ok(match place {
            Some(place) => place < last_event(&mut conn).await?,
            None => false,
        })
    }

    async fn hand_over(&self, observer: &dyn Observer, mut place: i64, stopping: &CancellationToken) -> Result<()> {
        loop {
            let batch = events_after(&mut self.db.read().await?, place).await?;
            if batch.is_empty() {
                return Ok(());
            }
            for stored in batch {
                if stopping.is_cancelled() {
                    return Ok(());
                }
                let seq = stored.seq;
                tell(observer, &stored.into_event()).await?;
                let now = self.clock.now();
                let mut tx = self.db.begin().await?;
                let step = (place, seq);
                let is_ours = observers::advance(&mut tx, observer.name(), &self.node, step, now.plus(HOLD)).await?;
                tx.commit(now).await?;
                if !is_ours {
                    return Ok(());
                }
                place = seq;
            }
        }
    }
}

/// One event; a panic or an observer that does not come back is a failure like any other.
async fn tell(observer: &dyn Observer, event: &Event) -> Result<()> {
    let told = AssertUnwindSafe(observer.observe(event)).catch_unwind();
    match timeout(OBSERVE_WITHIN, told).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Failure::internal("the observer panicked")),
        Err(_late) => Err(Failure::internal("the observer took too long over one event")),
    }
}

fn pause_after(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::{FIRST_PAUSE, LONGEST_PAUSE, pause_after};

    #[test]
    fn pauses_grow_and_have_an_end() {
        assert_eq!(pause_after(1), FIRST_PAUSE);
        assert_eq!(pause_after(2), FIRST_PAUSE * 2);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
