//! The only place that asks for randomness.

/// A source of random bytes fit for secrets.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The cryptographic random generator of the machine (aws-lc-rs, seeded by the operating system).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret can be made: stopping is the only safe answer"
    )]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for randomness")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    }
}
