#![doc = include_str!("../README.md")]

use std::ops::Deref;
use std::sync::Arc;

use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};
use belgie_oauth_client::{Claims, ProviderClient, ProviderSettings, Strategy, mount_provider};
use serde_json::Value;
use url::Url;

const ICON: &str = r#"<path d="M20.5 12.2c0-.6-.1-1.1-.2-1.7H12v3.4h4.8a4.1 4.1 0 0 1-1.8 2.7A8 8 0 1 1 17.3 6"/>"#;

/// Sign in with Google: `[plugins.google]`, on when `client_id` is set.
#[derive(Debug)]
pub struct Google {
    settings: ProviderSettings,
}

/// Google, as applications are lent it.
#[derive(Clone)]
pub struct GoogleClient(ProviderClient);

impl Deref for GoogleClient {
    type Target = ProviderClient;

    fn deref(&self) -> &ProviderClient {
        &self.0
    }
}

impl Default for Google {
    fn default() -> Self {
        let mut settings = ProviderSettings::new("google", "Google");
        settings.discovery_url = Url::parse("https://accounts.google.com/.well-known/openid-configuration").ok();
        settings.scopes = ["openid", "email", "profile"].map(str::to_owned).to_vec();
        settings.access_type = Some("offline".to_owned());
        settings.prompt = Some("consent".to_owned());
        settings.authorization_params.insert("include_granted_scopes".to_owned(), "true".to_owned());
        Self { settings }
    }
}

impl Google {
    /// Google with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: ProviderSettings) -> Self {
        Self { settings }
    }
}

impl Plugin for Google {
    fn manifest(&self) -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest { id: "google", version, needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn configure(&mut self, settings: &mut Section) {
        self.settings = std::mem::take(self).settings.read(settings);
        self.settings.hosted_domain = settings.opt_string("hosted_domain");
        if self.settings.hosted_domain.is_some() {
            let why = "without `openid` nothing says which organization somebody belongs to, so hosted_domain would let \
                everybody in";
            self.settings.wants_openid(settings, why);
        }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<()> {
        if let Some(client) = mount_provider(mount, &self.settings, Ways, ICON)? {
            mount.provide(Arc::new(GoogleClient(client)));
        }
        Ok(())
    }
}

struct Ways;

impl Strategy for Ways {
    /// Google writes its issuer with and without `https://`.
    fn issuer_of(&self, _settings: &ProviderSettings, known: &str, claims: &Claims) -> Option<String> {
        let said = claims.get("iss").and_then(Value::as_str)?;
        (said == known || known.strip_prefix("https://") == Some(said)).then(|| known.to_owned())
    }
}
