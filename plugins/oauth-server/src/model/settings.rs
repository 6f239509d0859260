//! `[plugins.oauth-server]`.

use std::time::Duration;

use belgie_api::settings::Section;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The settings of the authorization server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an access token lasts.
    pub access_token_ttl: Duration,
    /// How long a refresh token lasts unless it is used; each use brings a new one.
    pub refresh_token_ttl: Duration,
    /// How long a person's consent lasts at most, however often the client refreshes.
    pub grant_max_age: Duration,
    /// How long a code waits to be redeemed; OAuth 2.1 section 4.1.2 allows ten minutes.
    pub code_ttl: Duration,
    /// Whether clients may register themselves (RFC 7591).
    pub registration_open: bool,
    /// How long a client that registered itself may wait for its first grant before it is forgotten.
    pub unused_client_ttl: Duration,
    /// How long a client's metadata document may take.
    pub metadata_timeout: Duration,
    /// Whether a metadata document may be fetched from the own machine, by http too. For development.
    pub allow_loopback_clients: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_token_ttl: Duration::from_secs(HOUR),
            refresh_token_ttl: Duration::from_secs(30 * DAY),
            grant_max_age: Duration::from_secs(365 * DAY),
            code_ttl: Duration::from_secs(60),
            registration_open: true,
            unused_client_ttl: Duration::from_secs(DAY),
            metadata_timeout: Duration::from_secs(5),
            allow_loopback_clients: false,
        }
    }
}

impl Settings {
    /// Reads the section; problems are noted in it.
    pub fn read(section: &mut Section) -> Self {
        let usual = Self::default();
        let settings = Self {
            access_token_ttl: section.seconds("access_token_ttl_seconds", 1..=DAY, usual.access_token_ttl),
            refresh_token_ttl: section.seconds("refresh_token_ttl_seconds", 1..=365 * DAY, usual.refresh_token_ttl),
            grant_max_age: section.seconds("grant_max_age_seconds", 1..=3650 * DAY, usual.grant_max_age),
            code_ttl: section.seconds("code_ttl_seconds", 1..=600, usual.code_ttl),
            registration_open: section.boolean("registration_open", usual.registration_open),
            unused_client_ttl: section.seconds("unused_client_ttl_seconds", HOUR..=365 * DAY, usual.unused_client_ttl),
            metadata_timeout: section.seconds("metadata_timeout_seconds", 1..=30, usual.metadata_timeout),
            allow_loopback_clients: section.danger("allow_loopback_clients"),
        };
        if settings.access_token_ttl > settings.refresh_token_ttl {
            section.complain(
                "refresh_token_ttl_seconds",
                "refresh tokens would end before the access tokens they renew",
                "make it at least as long as access_token_ttl_seconds",
            );
        }
        settings
    }
}
