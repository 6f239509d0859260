//! GitHub: OAuth 2.0 without OpenID Connect.

use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result, async_trait};
use serde_json::Value;
use url::Url;

use crate::handle::mount_provider;
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::settings::ProviderSettings;
use crate::model::tokens::TokenSet;
use crate::provider::Line;
use crate::strategy::Strategy;

const ICON: &str = r#"<path d="M9 19c-4 1.3-4-2-6-2.5m12 5v-3.4c0-1 .1-1.4-.5-2 2.8-.3 5.5-1.4 5.5-6a4.6 4.6 0 0 0-1.3-3.2 4.2 4.2 0 0 0-.1-3.2s-1.1-.3-3.5 1.3a12 12 0 0 0-6.2 0C6.5 2.4 5.4 2.7 5.4 2.7a4.2 4.2 0 0 0-.1 3.2A4.6 4.6 0 0 0 4 9.1c0 4.6 2.7 5.7 5.5 6-.6.6-.6 1.2-.5 2V22"/>"#;

/// Sign in with GitHub: `[plugins.github]`.
#[derive(Debug)]
pub struct GitHub {
    settings: ProviderSettings,
}

impl Default for GitHub {
    fn default() -> Self {
        let mut settings = ProviderSettings::new("github", "GitHub");
        settings.authorization_endpoint = Url::parse("https://github.com/login/oauth/authorize").ok();
        settings.token_endpoint = Url::parse("https://github.com/login/oauth/access_token").ok();
        settings.userinfo_endpoint = Url::parse("https://api.github.com/user").ok();
        settings.scopes = vec!["read:user".to_owned(), "user:email".to_owned()];
        Self { settings }
    }
}

impl Plugin for GitHub {
    fn manifest(&self) -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest { id: "github", version, needs: vec!["oauth-client"], scopes: Vec::new() }
    }

    fn configure(&mut self, settings: &mut Section) {
        self.settings = Self::default().settings.read(settings);
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<()> {
        mount_provider(mount, &self.settings, Ways, ICON).map(drop)
    }
}

struct Ways;

#[async_trait]
impl Strategy for Ways {
    /// The profile shows an address that nobody has checked; the list of addresses says which are proven.
    async fn get_userinfo(&self, line: &Line<'_>, tokens: &TokenSet) -> Result<Option<Value>> {
        let (Some(url), Some(token)) = (&line.metadata.userinfo_endpoint, &tokens.access_token) else {
            return Ok(None);
        };
        let mut user = line.get_json(url, token).await?;
        let mut addresses = url.clone();
        addresses.set_path(&format!("{}/emails", url.path().trim_end_matches('/')));
        let addresses = match line.get_json(&addresses, token).await {
            Ok(addresses) => addresses,
            Err(failure) => {
                tracing::warn!(error = ?failure, "GitHub does not tell the addresses of somebody");
                Value::Null
            }
        };
        if let Some(user) = user.as_object_mut() {
            user.insert("emails".to_owned(), addresses);
        }
        Ok(Some(user))
    }

    fn map_profile(&self, _settings: &ProviderSettings, claims: &Value) -> Result<Profile> {
        let id = claims.get("id").and_then(Value::as_u64);
        let id = id.ok_or_else(|| refusal::user_info_missing("GitHub names no id"))?;
        let text =
            |key: &str| claims.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let (email, email_verified) = primary_email(claims);
        Ok(Profile {
            // Names can change hands; numbers do not.
            provider_account_id: id.to_string(),
            email,
            email_verified,
            name: text("name").or_else(|| text("login")),
            image: text("avatar_url").filter(|url| url.starts_with("https://")),
            raw: claims.clone(),
        })
    }
}

fn primary_email(claims: &Value) -> (Option<String>, bool) {
    let addresses = claims.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_bool) == Some(true);
    let primary =
        addresses.iter().find(|entry| is(entry, "primary")).or_else(|| addresses.iter().find(|e| is(e, "verified")));
    match primary {
        Some(entry) => (entry.get("email").and_then(Value::as_str).map(str::to_owned), is(entry, "verified")),
        None => (claims.get("email").and_then(Value::as_str).map(str::to_owned), false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Strategy, Ways};
    use crate::model::settings::ProviderSettings;

    #[test]
    fn only_an_address_github_has_checked_is_proven() {
        let settings = ProviderSettings::new("github", "GitHub");
        let of = |claims| Ways.map_profile(&settings, &claims).unwrap();
        let shown = of(json!({ "id": 7, "login": "ada", "email": "shown@x.example", "emails": null }));
        assert_eq!((shown.email.as_deref(), shown.email_verified), (Some("shown@x.example"), false));
        assert_eq!((shown.provider_account_id.as_str(), shown.name.as_deref()), ("7", Some("ada")));
        let listed = of(json!({ "id": 7, "email": "shown@x.example", "emails": [
            { "email": "other@x.example", "primary": false, "verified": true },
            { "email": "main@x.example", "primary": true, "verified": true },
        ] }));
        assert_eq!((listed.email.as_deref(), listed.email_verified), (Some("main@x.example"), true));
        let open =
            of(json!({ "id": 7, "emails": [{ "email": "main@x.example", "primary": true, "verified": false }] }));
        assert!(!open.email_verified);
        assert!(Ways.map_profile(&settings, &json!({ "login": "ada" })).is_err());
    }
}
