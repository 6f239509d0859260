//! The only place that asks the machine what time it is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// Tells the time. Every write takes its moment from one of these, so that tests can move it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let span = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::EPOCH.plus(span)
    }
}

/// A clock that runs with the machine's and can be set forward: what a test or a demonstration uses to let an hour pass.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    ahead_micros: AtomicI64,
}

impl ShiftedClock {
    /// Lets `span` pass at once.
    pub fn advance(&self, span: Duration) {
        self.ahead_micros.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let ahead = u64::try_from(self.ahead_micros.load(Ordering::SeqCst)).unwrap_or(0);
        SystemClock.now().plus(Duration::from_micros(ahead))
    }
}
