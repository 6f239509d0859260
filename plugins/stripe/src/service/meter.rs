//! Counting calls exactly once. Units are set aside in one short transaction before a call runs, and used or given back in
//! another after it, with what Stripe is to be told; none is open in between.

mod alert;
mod held;
mod leases;
mod report;
mod reserve;
mod show;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use belgie_api::{MeteredId, Timestamp};

pub use self::alert::ALERTS_EVERY;
pub use self::report::{REPORT_EVERY, Reported};
pub use self::show::{AccountUsage, MeterUsage, ShareUsage, Which};

/// Calls that run in this process, with when it last said that it answers for them.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<MeteredId, Timestamp>>);

impl Running {
    fn all(&self) -> MutexGuard<'_, BTreeMap<MeteredId, Timestamp>> {
        // Whoever panicked has put one in or taken one out, or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
