//! `[outbound]`: how the gateway talks to other servers.

use belgie_api::settings::Section;

/// The limits of requests the gateway makes. Private networks are never reached.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Whether this machine's own services may be reached, also over plain http. For tests and development.
    pub allow_loopback: bool,
}

impl Outbound {
    pub(super) fn read(section: &mut Section) -> Self {
        Self { allow_loopback: section.danger("allow_loopback") }
    }
}
