//! `[plugins.oauth-server]`.

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::settings::Section;
use belgie_api::{ClientId, Scope, ScopeSet, resource};

use super::access_token::AccessFormat;
use super::address::normalize_resource;
use super::dpop::DpopRules;
use super::key::KeyAlgorithm;
use super::owned::ClientCreation;
use super::secret::{EXPIRY_FORMS, SecretExpiry};
use super::spelling::Prefixes;
use super::step::AppPages;
use super::trust::TrustedIssuer;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const FORMATS: &[(&str, AccessFormat)] = &[("opaque", AccessFormat::Opaque), ("jwt", AccessFormat::Jwt)];

const ALGORITHMS: &[(&str, KeyAlgorithm)] =
    &[("es256", KeyAlgorithm::Es256), ("eddsa", KeyAlgorithm::EdDsa), ("rs256", KeyAlgorithm::Rs256)];

const CREATIONS: &[(&str, ClientCreation)] =
    &[("nobody", ClientCreation::Nobody), ("operators", ClientCreation::Operators), ("people", ClientCreation::People)];
/// Whether clients may send authorization requests ahead (RFC 9126).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushing {
    /// They cannot.
    Off,
    /// They may.
    Allowed,
    /// They must.
    Required,
}

const PUSHING: &[(&str, Pushing)] =
    &[("off", Pushing::Off), ("allowed", Pushing::Allowed), ("required", Pushing::Required)];

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
    /// How long an access token with a scope lasts at most; the shortest one counts.
    pub scope_ttls: BTreeMap<String, Duration>,
    /// What tokens begin with.
    pub token_prefixes: Prefixes,
    /// Pages of the application that people see instead of ours.
    pub pages: AppPages,
    /// Protected resources beside those of this host, each with a resource server of its own.
    pub resources: Vec<String>,
    /// How long a code waits to be redeemed; OAuth 2.1 section 4.1.2 allows ten minutes.
    pub code_ttl: Duration,
    /// Whether devices may be let in with a code that people type (RFC 8628).
    pub device_authorization: bool,
    /// How long a device waits for a person.
    pub device_code_ttl: Duration,
    /// Whether clients may or must send authorization requests ahead.
    pub pushed_requests: Pushing,
    /// Whether tokens are bound to keys (RFC 9449).
    pub dpop: DpopRules,
    /// Whether clients may be given tokens for tokens (RFC 8693).
    pub token_exchange: bool,
    /// Clients that may exchange tokens that are neither theirs nor for a resource they answer for.
    pub token_exchange_clients: Vec<ClientId>,
    /// Resources, of `resources`, for which exchanged tokens may be though the person was not asked about them.
    pub token_exchange_resources: Vec<String>,
    /// Issuers whose assertions let somebody in (RFC 7523 section 2.1).
    pub issuers: Vec<TrustedIssuer>,
    /// Whether people are asked only once for the same, by clients whose answers do not go to their own machine.
    pub remember_consent: bool,
    /// Whether clients may register themselves (RFC 7591).
    pub registration_open: bool,
    /// Whether clients may register themselves with an invitation (an initial access token), where it is not open to all.
    pub registration_by_invitation: bool,
    /// How long a client that registered itself may wait for its first grant before it is forgotten.
    pub unused_client_ttl: Duration,
    /// Who may make clients for themselves and for organizations.
    pub client_creation: ClientCreation,
    /// When a secret ends that a client is given, unless something else is said.
    pub client_secret_expires: SecretExpiry,
    /// How often one address may fail to show a client's secret in ten minutes.
    pub client_secret_attempts: u32,
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
            scope_ttls: BTreeMap::new(),
            token_prefixes: Prefixes::default(),
            pages: AppPages::default(),
            resources: Vec::new(),
            code_ttl: Duration::from_secs(60),
            device_authorization: false,
            device_code_ttl: Duration::from_secs(600),
            pushed_requests: Pushing::Off,
            dpop: DpopRules::default(),
            token_exchange: false,
            token_exchange_clients: Vec::new(),
            token_exchange_resources: Vec::new(),
            issuers: Vec::new(),
            remember_consent: true,
            registration_open: true,
            registration_by_invitation: false,
            unused_client_ttl: Duration::from_secs(DAY),
            client_creation: ClientCreation::Operators,
            client_secret_expires: SecretExpiry::Never,
            client_secret_attempts: 10,
            metadata_timeout: Duration::from_secs(5),
            allow_loopback_clients: false,
        }
    }
}

impl Settings {
    /// Reads the section; problems are noted in it.
    pub fn read(section: &mut Section) -> Self {
        let usual = Self::default();
        let allow_loopback_clients = section.danger("allow_loopback_clients");
        let issuers = section.tables("issuers", |entry| TrustedIssuer::read(entry, allow_loopback_clients));
        let settings = Self {
            access_token_ttl: section.seconds("access_token_ttl_seconds", 1..=DAY, usual.access_token_ttl),
            access_token_format: section.one_of("access_token_format", FORMATS, usual.access_token_format),
            access_token_jwt_resources: section.parsed_list(
                "access_token_jwt_resources",
                read_place,
                "name paths of this gateway, such as \"/mcp\" or \"/o/{slug}/mcp\", or some of `resources`",
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
            scope_ttls: read_scope_ttls(section),
            token_prefixes: Prefixes::read(section),
            pages: AppPages::read(section),
            resources: section.parsed_list(
                "resources",
                |text| normalize_resource(text).ok_or_else(|| "this is no address of a resource".to_owned()),
                "write an absolute address such as \"https://api.example.com\", without a fragment",
            ),
            code_ttl: section.seconds("code_ttl_seconds", 1..=600, usual.code_ttl),
            device_authorization: section.boolean("device_authorization", usual.device_authorization),
            device_code_ttl: section.seconds("device_code_ttl_seconds", 60..=1800, usual.device_code_ttl),
            pushed_requests: section.one_of("pushed_requests", PUSHING, usual.pushed_requests),
            dpop: DpopRules::read(section),
            token_exchange: section.boolean("token_exchange", usual.token_exchange),
            token_exchange_clients: section.parsed_list(
                "token_exchange_clients",
                |text| Ok(ClientId::from_wire(text)),
                "name ids of clients, as `belgie client list` shows them",
            ),
            token_exchange_resources: section.parsed_list(
                "token_exchange_resources",
                |text| normalize_resource(text).ok_or_else(|| "this is no address of a resource".to_owned()),
                "name some of `resources`",
            ),
            issuers: issuers.into_iter().flatten().collect(),
            remember_consent: section.boolean("remember_consent", usual.remember_consent),
            registration_open: section.boolean("registration_open", usual.registration_open),
            registration_by_invitation: section.boolean("registration_by_invitation", usual.registration_by_invitation),
            unused_client_ttl: section.seconds("unused_client_ttl_seconds", HOUR..=365 * DAY, usual.unused_client_ttl),
            client_creation: section.one_of("client_creation", CREATIONS, usual.client_creation),
            client_secret_expires: section.parsed_or_number(
                "client_secret_expires",
                usual.client_secret_expires,
                EXPIRY_FORMS,
                SecretExpiry::read,
            ),
            client_secret_attempts: section.integer("client_secret_attempts", 1..=10_000, usual.client_secret_attempts),
            metadata_timeout: section.seconds("metadata_timeout_seconds", 1..=30, usual.metadata_timeout),
            allow_loopback_clients,
        };
        let is_here = |place: &String| place.starts_with('/') || settings.resources.contains(place);
        if !settings.access_token_jwt_resources.iter().all(is_here) {
            section.complain(
                "access_token_jwt_resources",
                "one of them is none of `resources`",
                "add it to `resources` or take it out here",
            );
        }
        if settings.token_exchange_resources.iter().any(|place| !settings.resources.contains(place)) {
            section.complain(
                "token_exchange_resources",
                "one of them does not exist here",
                "name it in `resources`, too",
            );
        }
        let mut names: Vec<&str> = settings.issuers.iter().map(|known| known.issuer.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            section.complain("issuers", "an issuer stands here twice", "write one entry for each issuer");
        }
        if settings.access_token_ttl > settings.refresh_token_ttl {
            section.complain(
                "refresh_token_ttl_seconds",
                "refresh tokens would end before the access tokens they renew",
                "make it at least as long as access_token_ttl_seconds",
            );
        }
        let shortest = settings.scope_ttls.values().copied().min();
        if settings.refresh_grace
            >= shortest.map_or(settings.access_token_ttl, |ttl| ttl.min(settings.access_token_ttl))
        {
            section.complain(
                "refresh_grace_seconds",
                "a refresh would be answered again with an access token that has ended",
                "make it less than access_token_ttl_seconds and each of scope_ttl_seconds, or 0 for never",
            );
        }
        settings
    }

    /// How long an access token with these scopes lasts that otherwise lasts as long as `usual`.
    pub fn ttl_of(&self, scopes: &ScopeSet, usual: Duration) -> Duration {
        let own = scopes.iter().filter_map(|scope| self.scope_ttls.get(scope.as_str()));
        own.copied().fold(usual, Duration::min)
    }

    /// Whether there is a way for clients to register themselves.
    pub fn has_registration(&self) -> bool {
        self.registration_open || self.registration_by_invitation
    }

    /// Whether access tokens for these resources are signed. `base`: our public address, without a slash at its end.
    pub fn signs_for(&self, resources: &[String], base: &str) -> bool {
        let is_named = |uri: &String| {
            let path = uri.strip_prefix(base);
            self.access_token_jwt_resources.iter().any(|named| match named.as_str() {
                resource::OF_ORGANIZATION => path.and_then(resource::slug_in_path).is_some(),
                own if own.starts_with('/') => path == Some(own),
                elsewhere => uri == elsewhere,
            })
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

fn read_scope_ttls(section: &mut Section) -> BTreeMap<String, Duration> {
    let found = section.counts("scope_ttl_seconds");
    let is_good = |name: &str, seconds: u64| name.parse::<Scope>().is_ok() && (1..=DAY).contains(&seconds);
    if found.iter().any(|(name, seconds)| !is_good(name, *seconds)) {
        section.complain(
            "scope_ttl_seconds",
            "one of them is no scope, or no time",
            "write scopes and seconds from 1 to 86400, such as { \"org:manage\" = 600 }",
        );
    }
    found.into_iter().map(|(name, seconds)| (name, Duration::from_secs(seconds))).collect()
}

fn read_place(text: &str) -> Result<String, String> {
    let place = if text.starts_with('/') { Some(text.to_owned()) } else { normalize_resource(text) };
    place.ok_or_else(|| "this is no path and no address of a resource".to_owned())
}
