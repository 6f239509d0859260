#![doc = include_str!("../README.md")]

use std::ops::Deref;
use std::sync::Arc;

use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};
use belgie_oauth_client::{Claims, ProviderClient, ProviderSettings, Strategy, mount_provider};
use serde_json::Value;
use url::Url;

/// In the colours that its owner asks for.
const ICON: &str = concat!(
    r##"<path fill="#4285f4" d="M22.56 12.25c0-.78-.07-1.53-.2-2.25H12v4.26h5.92a5.06 5.06 0 0 1-2.21 3.31v2.77h3.57c2.08-1.92 3.28-4.74 3.28-8.09Z"/>"##,
    r##"<path fill="#34a853" d="M12 23c2.97 0 5.46-.98 7.28-2.66l-3.57-2.77c-.98.66-2.23 1.06-3.71 1.06-2.86 0-5.29-1.93-6.16-4.53H2.18v2.84C3.99 20.53 7.7 23 12 23Z"/>"##,
    r##"<path fill="#fbbc05" d="M5.84 14.09a6.6 6.6 0 0 1 0-4.18V7.07H2.18a11 11 0 0 0 0 9.86l3.66-2.84Z"/>"##,
    r##"<path fill="#ea4335" d="M12 5.38c1.62 0 3.06.56 4.21 1.64l3.15-3.15A11 11 0 0 0 2.18 7.07l3.66 2.84C6.71 7.31 9.14 5.38 12 5.38Z"/>"##,
);

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
        // It asks nobody to sign in again, and says nowhere when somebody did.
        settings.proves_presence = false;
        settings.confirm_prompt = Some("select_account".to_owned());
        settings.authorization_params.insert("include_granted_scopes".to_owned(), "true".to_owned());
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
