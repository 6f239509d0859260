//! The only place that starts tasks, so that every one of them has a name, is heard of when it fails, and is waited for
//! when the process ends.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use belgie_api::failure::Result;
use belgie_api::ports::{Background, Work};
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes of stack for what may call itself many times over.
const DEEP_STACK: usize = 32 * 1024 * 1024;

/// How long a task that was cut off may take to drop what it holds.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Starts tasks and ends them. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    cut_off: CancellationToken,
    watch: Watch,
    /// When the shutdown began to be waited for.
    asked: Arc<OnceLock<Instant>>,
}

/// What keeps watch over everything else: it hears of rights that end, so it goes on for as long as anything runs under
/// one. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    tracker: TaskTracker,
    over: CancellationToken,
}

impl Watch {
    /// Starts a task that goes on until nothing else runs any more; there it is cut off. A panic ends it alone and is
    /// logged with its name.
    pub fn keep(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let over = self.over.clone();
        self.tracker.spawn(async move { over.run_until_cancelled(reporting_panics(name, task)).await });
    }

    /// Ends it now, whatever still runs.
    pub fn give_up(&self) {
        self.over.cancel();
    }

    async fn end(&self) {
        self.give_up();
        self.tracker.close();
        // A task that blocks its thread cannot be cut off; the process ends all the same.
        let _ = tokio::time::timeout(LAST_MOMENT, self.tracker.wait()).await;
    }
}

/// How the tasks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Every task came to its end.
    Complete,
    /// This many were cut off when the time was over.
    CutOff(usize),
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the shutdown begins. A task that could go on for ever watches it.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Cancelled when nothing may run any more.
    #[must_use]
    pub fn cutting(&self) -> CancellationToken {
        self.cut_off.clone()
    }

    /// For what must go on while the rest comes to its end.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Until when what runs may go on. Whoever asks first sets the moment from which `grace` counts, so it is spent once.
    pub fn deadline(&self, grace: Duration) -> Instant {
        *self.asked.get_or_init(Instant::now) + grace
    }

    /// For work that others begin and that is waited for all the same, such as the sessions of the MCP endpoint.
    #[must_use]
    pub fn tracker(&self) -> TaskTracker {
        self.tracker.clone()
    }

    /// Starts a task. When the shutdown begins it may finish, within the grace; a panic ends it alone and is logged
    /// with its name.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let cut_off = self.cut_off.clone();
        self.tracker.spawn(async move {
            if cut_off.run_until_cancelled(reporting_panics(name, task)).await.is_none() {
                tracing::warn!(task.name = name, "the task was cut off by the shutdown");
            }
        });
    }

    /// Starts a task that does `job` at once and again whenever `period` has passed. Runs never overlap: one that takes
    /// longer puts the next ones off. A run that fails or panics is logged with the name and does not keep the next
    /// from taking place.
    pub fn every<F, J>(&self, name: &'static str, period: Duration, mut job: F)
    where
        F: FnMut() -> J + Send + 'static,
        J: Future<Output = Result<()>> + Send,
    {
        let stopping = self.stopping.clone();
        self.spawn(name, async move {
            let mut clock = interval(period);
            while stopping.run_until_cancelled(clock.tick()).await.is_some() {
                reporting_panics(name, reporting_failures(name, async { job().await })).await;
            }
        });
    }

    /// Starts a task that does `job` on `state` at once, whenever `bell` rings, and whenever `period` has passed without
    /// that. Otherwise as [`every`](Self::every).
    pub fn when_called<S, F>(&self, name: &'static str, bell: Arc<Notify>, period: Duration, state: S, job: F)
    where
        S: Send + Sync + 'static,
        F: for<'a> Fn(&'a S) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> + Send + Sync + 'static,
    {
        let stopping = self.stopping.clone();
        self.spawn(name, async move {
            while !stopping.is_cancelled() {
                reporting_panics(name, reporting_failures(name, job(&state))).await;
                let called = tokio::time::timeout(period, bell.notified());
                if stopping.run_until_cancelled(called).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Asks every task to stop, waits for them until [`deadline`](Self::deadline), then cuts the rest off; what keeps
    /// [`watch`](Self::watch) ends last. Tasks that are started afterwards are cut off where they first wait.
    pub async fn shutdown(&self, grace: Duration) -> Shutdown {
        let outcome = self.end_work(grace).await;
        self.watch.end().await;
        outcome
    }

    async fn end_work(&self, grace: Duration) -> Shutdown {
        self.stopping.cancel();
        self.tracker.close();
        let ended = self.cut_off.run_until_cancelled(self.tracker.wait());
        if let Ok(Some(())) = tokio::time::timeout_at(self.deadline(grace), ended).await {
            self.cut_off.cancel();
            return Shutdown::Complete;
        }
        let left = self.tracker.len();
        self.cut_off.cancel();
        // A task that blocks its thread cannot be cut off; the process ends all the same.
        let _ = tokio::time::timeout(LAST_MOMENT, self.tracker.wait()).await;
        Shutdown::CutOff(left)
    }
}

impl Background for Tasks {
    fn spawn(&self, name: &'static str, work: Work) {
        Self::spawn(self, name, work);
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn reporting_failures(name: &'static str, job: impl Future<Output = Result<()>>) {
    if let Err(failure) = job.await {
        tracing::error!(task.name = name, error = ?failure, "the task failed");
    }
}

/// Nothing the task held is used after a panic, so no half-changed state is seen.
async fn reporting_panics(name: &'static str, task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    let outcome = poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)))
            .map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
    });
    if let Err(panic) = outcome.await {
        tracing::error!(task.name = name, panic = words_of(panic.as_ref()), "the task panicked");
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&'static str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// Does a piece of work that may call itself many times over where there is room for it. `None` when there is none, and
/// when it panics.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let room = || std::thread::Builder::new().name("deep".to_owned()).stack_size(DEEP_STACK);
    std::thread::scope(|scope| room().spawn_scoped(scope, work).ok()?.join().ok())
}
