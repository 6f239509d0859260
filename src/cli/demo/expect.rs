//! What a step demands, and what it says when it gets something else.

/// A promise that was not kept. Neither text holds a whole secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What should have come.
    pub expected: String,
    /// What came instead.
    pub came: String,
}

impl Broken {
    /// Both halves of a broken promise.
    pub fn new(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self { expected: expected.into(), came: came.into() }
    }
}

/// Demands that something holds. `came` is asked only when it does not.
///
/// # Errors
/// When it does not hold.
pub fn expect(holds: bool, expected: &str, came: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(expected, came())) }
}

/// Demands one value. Not for secrets: both sides are told.
///
/// # Errors
/// When another value came.
pub fn expect_same(what: &str, came: &str, expected: &str) -> Result<(), Broken> {
    if came == expected { Ok(()) } else { Err(Broken::new(format!("{what}: {expected}"), came)) }
}

/// Demands what an earlier step should have brought.
///
/// # Errors
/// When it did not, which is a mistake in the order of the steps.
pub fn need<'a, T>(slot: Option<&'a T>, what: &str) -> Result<&'a T, Broken> {
    slot.ok_or_else(|| Broken::new(format!("{what}, from an earlier step"), "no step has brought it"))
}

/// As much of a secret as may be shown: enough to tell two apart, far too little to use one.
pub fn shorten(secret: &str) -> String {
    const SHOWN: usize = 12;
    let start: String = secret.chars().take(SHOWN).collect();
    format!("{start}...")
}
