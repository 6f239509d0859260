//! Is a secret obviously guessable?

use std::collections::BTreeSet;

const LEAST_BYTES: usize = 32;
const LEAST_DISTINCT: usize = 8;
const LONGEST_PERIOD: usize = 12;
/// Words of placeholders and examples. Random text contains one less than once in ten million.
const PLACEHOLDERS: [&str; 9] =
    ["changeme", "change-me", "change_me", "secret", "password", "example", "placeholder", "replace", "default"];

/// Why `secret` is too weak to protect anything; `None` if no reason is obvious. The answer does not repeat it.
pub(super) fn weakness(secret: &str) -> Option<&'static str> {
    let bytes = secret.as_bytes();
    let lower = secret.to_ascii_lowercase();
    if bytes.len() < LEAST_BYTES {
        Some("it is shorter than 32 bytes")
    } else if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        Some("it looks like a placeholder")
    } else if bytes.iter().collect::<BTreeSet<_>>().len() < LEAST_DISTINCT || repeats(bytes) {
        Some("it repeats a few characters")
    } else if counts(bytes) {
        Some("it is a sequence")
    } else {
        None
    }
}

/// A short piece over and over.
fn repeats(bytes: &[u8]) -> bool {
    (1..=LONGEST_PERIOD).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(one, next)| one == next))
}

/// `0123456789abcdef...` and the like: most characters follow from the one before.
fn counts(bytes: &[u8]) -> bool {
    let steps = bytes.iter().zip(bytes.iter().skip(1)).filter(|(one, next)| one.abs_diff(**next) <= 1).count();
    steps * 2 > bytes.len()
}
