//! What a plugin depends on outside, for `belgie doctor` to look at.

use async_trait::async_trait;

/// What came of looking at one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// What was looked at, in a word or two: "google".
    pub what: String,
    /// Whether it is well.
    pub is_well: bool,
    /// What it is like, and when it is not well, what to do about it. Operators read it, so it may say what went wrong; no
    /// secrets.
    pub said: String,
}

/// Looks at what a plugin depends on outside the gateway. A plugin that depends on anything adds one with
/// [`Mount::examined`](crate::Mount::examined).
#[async_trait]
pub trait Examined: Send + Sync {
    /// Looks now, without changing or sending anything. What does not answer is a finding and no error.
    async fn examine(&self) -> Vec<Checkup>;
}
