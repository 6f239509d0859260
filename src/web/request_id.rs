//! Ids of requests: one of a process is never given twice, and those of two processes do not meet by any chance worth the
//! name. They are no secrets, so they need no randomness each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use belgie_api::Entropy;
use belgie_api::crypto::base64url;

/// The golden ratio of 64 bits: steps of this size come by every number before they come back.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Gives ids.
pub struct RequestIds(AtomicU64);

impl RequestIds {
    /// Begins somewhere.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0_u8; 8];
        entropy.fill(&mut seed);
        Self(AtomicU64::new(u64::from_be_bytes(seed)))
    }

    /// The next one: 11 letters, digits, `-` and `_`.
    #[must_use]
    pub fn next(&self) -> Arc<str> {
        base64url(&mix(self.0.fetch_add(STEP, Ordering::Relaxed)).to_be_bytes()).into()
    }
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014). It has an inverse, so that different numbers stay
/// different.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use belgie_api::entropy::SystemEntropy;

    use super::{RequestIds, mix};

    #[test]
    fn no_id_is_given_twice() {
        let ids = RequestIds::new(&SystemEntropy);
        let given: HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(given.len(), 10_000);
        assert!(given.iter().all(|id| id.len() == 11));
    }

    #[test]
    fn numbers_are_mixed_as_published() {
        // The first three outputs of SplitMix64 with the seed 1234567.
        let step = super::STEP;
        let outputs = [1_u64, 2, 3].map(|nth| mix(1_234_567_u64.wrapping_add(step.wrapping_mul(nth))));
        assert_eq!(outputs, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
