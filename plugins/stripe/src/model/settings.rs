//! `[plugins.stripe]`.

use std::time::Duration;

use belgie_api::settings::Section;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::lapse::Lapse;

/// Where Stripe is.
const API_BASE: &str = "https://api.stripe.com/";
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const DEFAULT_LEASE: Duration = Duration::from_secs(60);
const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(86_400);

/// How the plugin is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The secret key; without one the plugin is off.
    pub secret_key: Option<SecretString>,
    /// What webhooks are signed with: the present secret, and the one before while it is being replaced.
    pub webhook_secrets: Vec<SecretString>,
    /// Another address than Stripe's, for stand-ins.
    pub api_base: Option<Url>,
    /// For how long a plan stays open after a payment has failed.
    pub grace: Duration,
    /// For how long what changes nothing stays open after that.
    pub read_only: Duration,
    /// How long events are kept that were dealt with.
    pub events_kept: Duration,
    /// How long events are kept that were given up.
    pub failed_events_kept: Duration,
    /// Whether everybody who gets an account becomes a customer at once, and not only who buys.
    pub customer_on_sign_up: bool,
    /// For how long units stay set aside for a call when its process says nothing any more; zero for a minute.
    pub meter_lease: Duration,
    /// Whether only people with a proven address may buy.
    pub requires_verified_email: bool,
}

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section) -> Self {
        let secret_key = section.secret("secret_key");
        let webhook_secret = section.secret("webhook_secret");
        let previous = section.secret("previous_webhook_secret");
        let api_base = section.opt_url("api_base");
        let grace = section.duration("grace", Duration::ZERO..=30 * DAY, 7 * DAY);
        let read_only = section.duration("read_only", Duration::ZERO..=365 * DAY, Duration::ZERO);
        let events_kept = section.duration("events_kept", DAY..=3650 * DAY, 90 * DAY);
        let failed_events_kept = section.duration("failed_events_kept", DAY..=3650 * DAY, 365 * DAY);
        let customer_on_sign_up = section.boolean("create_customer_on_sign_up", false);
        let meter_lease = section.duration("meter_lease", SHORTEST_LEASE..=LONGEST_LEASE, DEFAULT_LEASE);
        let requires_verified_email = section.boolean("require_email_verification", false);
        if secret_key.as_ref().is_some_and(|key| !is_secret_key(key.expose_secret())) {
            let remedy = "take the key that begins with `sk_` or `rk_` from Stripe's dashboard";
            section.complain("secret_key", "this is not a secret key", remedy);
        }
        for (name, secret) in [("webhook_secret", &webhook_secret), ("previous_webhook_secret", &previous)] {
            if secret.as_ref().is_some_and(|secret| !secret.expose_secret().starts_with("whsec_")) {
                let remedy =
                    "take the signing secret that begins with `whsec_` from the endpoint in Stripe's dashboard";
                section.complain(name, "this is not a signing secret", remedy);
            }
        }
        if secret_key.is_some() && webhook_secret.is_none() {
            let what = "the signing secret (`whsec_...`) of the endpoint /auth/stripe/webhook";
            let _missing = section.require("webhook_secret", None::<()>, what);
        }
        if secret_key.is_none() && webhook_secret.is_some() {
            let _missing = section.require("secret_key", None::<()>, "your secret key (`sk_...` or `rk_...`)");
        }
        if api_base.as_ref().is_some_and(|base| !is_safe(base)) {
            section.complain(
                "api_base",
                "the secret key would travel in the clear",
                "use an https address, or loopback",
            );
        }
        let webhook_secrets = webhook_secret.into_iter().chain(previous).collect();
        Self {
            secret_key,
            webhook_secrets,
            api_base,
            grace,
            read_only,
            events_kept,
            failed_events_kept,
            customer_on_sign_up,
            meter_lease,
            requires_verified_email,
        }
    }

    /// For how long units stay set aside for a call when its process says nothing any more.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        if self.meter_lease.is_zero() { DEFAULT_LEASE } else { self.meter_lease }
    }

    /// What becomes of a plan whose payment is missing.
    #[must_use]
    pub const fn lapse(&self) -> Lapse {
        Lapse { grace: self.grace, read_only: self.read_only }
    }

    /// Where Stripe is.
    ///
    /// # Errors
    /// Never, since the address is a constant that is one.
    pub fn base(&self) -> Result<Url, url::ParseError> {
        self.api_base.clone().map_or_else(|| Url::parse(API_BASE), Ok)
    }
}

fn is_secret_key(key: &str) -> bool {
    ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix)) && key.chars().all(|c| c.is_ascii_graphic())
}

fn is_safe(base: &Url) -> bool {
    let is_here = match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    base.scheme() == "https" || is_here
}
