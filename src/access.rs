//! May they? From an authenticated party to a caller, and from a caller to a permit.

pub mod caller;
pub mod decide;

#[cfg(test)]
mod tests;

pub use self::decide::{Action, ActionKind, Denial, Permit, decide, is_listed};
