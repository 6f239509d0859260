//! `[outbound]`: how the gateway talks to other servers.

use std::time::Duration;

use belgie_api::settings::Section;

/// The limits of requests the gateway makes. Private networks are never reached.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// How long one request may take altogether.
    pub timeout: Duration,
    /// The largest answer that is read, in bytes.
    pub max_bytes: usize,
    /// Whether this machine's own services may be reached. For tests and development.
    pub allow_loopback: bool,
    /// Whether plain http is spoken. For tests and development.
    pub allow_http: bool,
}

impl Outbound {
    pub(super) fn read(section: &mut Section) -> Self {
        let timeout = section.seconds("timeout_seconds", 1..=120, Duration::from_secs(5));
        let max_bytes = section.bytes("max_bytes", 1 << 10..=1 << 30, 1 << 20);
        Self {
            timeout,
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
            allow_loopback: section.danger("allow_loopback"),
            allow_http: section.danger("allow_http"),
        }
    }
}
