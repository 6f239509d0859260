//! May they? From an authenticated party to a caller, and from a caller to a permit.

pub mod caller;
pub mod decide;
pub mod expression;
pub mod guard;
mod pattern;
mod policy;
mod question;
mod remedy;
mod simulate;
mod trace;

#[cfg(test)]
mod tests;

pub use self::decide::{Action, ActionKind, Denial, Permit, decide, foresee, is_hidden, is_listed, standing};
pub use self::guard::{Guard, Origin};
pub use self::policy::{Policy, RawEntry};
pub use self::question::{Question, Thing};
pub use self::remedy::would_do;
pub use self::simulate::{Bench, Change, Replay, Simulation};
pub use self::trace::{Column, Step, Trace, trace};
