//! `[plugins.oauth-server]`.

use std::time::Duration;

use belgie_api::settings::Section;

use super::access_token::AccessFormat;
use super::address::normalize_resource;
use super::key::KeyAlgorithm;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const FORMATS: &[(&str, AccessFormat)] = &[("opaque", AccessFormat::Opaque), ("jwt", AccessFormat::Jwt)];

const ALGORITHMS: &[(&str, KeyAlgorithm)] =
    &[("es256", KeyAlgorithm::Es256), ("eddsa", KeyAlgorithm::EdDsa), ("rs256", KeyAlgorithm::Rs256)];

/// The settings of the authorization server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an access token lasts.
    pub access_token_ttl: Duration,
    /// What access tokens look like.
    pub access_token_format: AccessFormat,
    /// Paths of our own resources whose access tokens are signed whatever the format of the others is.
    pub access_token_jwt_resources: Vec<String>,
    /// What access tokens are signed with, when they are.
    pub access_token_algorithm: KeyAlgorithm,
    /// Whether clients are told who people are (OpenID Connect).
    pub openid_connect: bool,
    /// How long an id token lasts.
    pub id_token_ttl: Duration,
    /// How long a refresh token lasts unless it is used; each use brings a new one.
    pub refresh_token_ttl: Duration,
    /// How long a spent refresh token gets the answer of its use again, unless what it brought was used; zero: never.
    pub refresh_grace: Duration,
    /// How long a person's consent lasts at most, however often the client refreshes.
    pub grant_max_age: Duration,
    /// How long a token lasts behind which there is no person.
    pub client_credentials_ttl: Duration,
    /// Protected resources beside those of this host, each with a resource server of its own.
    pub resources: Vec<String>,
    /// How long a code waits to be redeemed; OAuth 2.1 section 4.1.2 allows ten minutes.
    pub code_ttl: Duration,
    /// Whether people are asked only once for the same, by clients whose answers do not go to their own machine.
    pub remember_consent: bool,
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
            access_token_format: AccessFormat::Opaque,
            access_token_jwt_resources: Vec::new(),
            access_token_algorithm: KeyAlgorithm::Es256,
            openid_connect: false,
            id_token_ttl: Duration::from_secs(HOUR),
            refresh_token_ttl: Duration::from_secs(30 * DAY),
            refresh_grace: Duration::from_secs(60),
            grant_max_age: Duration::from_secs(365 * DAY),
            client_credentials_ttl: Duration::from_secs(HOUR),
            resources: Vec::new(),
            code_ttl: Duration::from_secs(60),
            remember_consent: true,
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
            access_token_format: section.one_of("access_token_format", FORMATS, usual.access_token_format),
            access_token_jwt_resources: section.parsed_list(
                "access_token_jwt_resources",
                read_path,
                "name paths of this gateway, such as \"/mcp\"",
            ),
            access_token_algorithm: section.one_of("access_token_algorithm", ALGORITHMS, usual.access_token_algorithm),
            openid_connect: section.boolean("openid_connect", usual.openid_connect),
            id_token_ttl: section.seconds("id_token_ttl_seconds", 60..=DAY, usual.id_token_ttl),
            refresh_token_ttl: section.seconds("refresh_token_ttl_seconds", 1..=365 * DAY, usual.refresh_token_ttl),
            refresh_grace: section.seconds("refresh_grace_seconds", 0..=600, usual.refresh_grace),
            grant_max_age: section.seconds("grant_max_age_seconds", 1..=3650 * DAY, usual.grant_max_age),
            client_credentials_ttl: section.seconds(
                "client_credentials_ttl_seconds",
                1..=DAY,
                usual.client_credentials_ttl,
            ),
            resources: section.parsed_list(
                "resources",
                |text| normalize_resource(text).ok_or_else(|| "this is no address of a resource".to_owned()),
                "write an absolute address such as \"https://api.example.com\", without a fragment",
            ),
            code_ttl: section.seconds("code_ttl_seconds", 1..=600, usual.code_ttl),
            remember_consent: section.boolean("remember_consent", usual.remember_consent),
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

    /// Whether access tokens for these resources are signed. `base`: our public address, without a slash at its end.
    pub fn signs_for(&self, resources: &[String], base: &str) -> bool {
        let is_named = |uri: &String| {
            let path = uri.strip_prefix(base);
            self.access_token_jwt_resources.iter().any(|named| path == Some(named.as_str()))
        };
        self.access_token_format == AccessFormat::Jwt || resources.iter().any(is_named)
    }

    /// What tokens are signed with here; empty when none is.
    pub fn algorithms(&self) -> Vec<KeyAlgorithm> {
        if self.openid_connect {
            // RS256 always (OpenID Connect Discovery 1.0 section 3), the others for clients that choose them.
            return KeyAlgorithm::ALL.to_vec();
        }
        let signs = self.access_token_format == AccessFormat::Jwt || !self.access_token_jwt_resources.is_empty();
        signs.then_some(self.access_token_algorithm).into_iter().collect()
    }
}

fn read_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("a path begins with a slash".to_owned()) }
}
