//! What becomes of a plan whose payment is missing: for a while all of it stays open, then what changes nothing, then none.

use std::time::Duration;

/// How long each of them lasts, from the first payment that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapse {
    /// All of it is open.
    pub grace: Duration,
    /// After that: what changes nothing is.
    pub read_only: Duration,
}

/// How much of a plan is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opening {
    /// What changes nothing.
    Reading,
    /// All of it.
    Everything,
}
