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

const ICON: &str = r#"<path d="M12 .297c-6.63 0-12 5.373-12 12 0 5.303 3.438 9.8 8.205 11.385.6.113.82-.258.82-.577 0-.285-.01-1.04-.015-2.04-3.338.724-4.042-1.61-4.042-1.61C4.422 18.07 3.633 17.7 3.633 17.7c-1.087-.744.084-.729.084-.729 1.205.084 1.838 1.236 1.838 1.236 1.07 1.835 2.809 1.305 3.495.998.108-.776.417-1.305.76-1.605-2.665-.3-5.466-1.332-5.466-5.93 0-1.31.465-2.38 1.235-3.22-.135-.303-.54-1.523.105-3.176 0 0 1.005-.322 3.3 1.23.96-.267 1.98-.399 3-.405 1.02.006 2.04.138 3 .405 2.28-1.552 3.285-1.23 3.285-1.23.645 1.653.24 2.873.12 3.176.765.84 1.23 1.91 1.23 3.22 0 4.61-2.805 5.625-5.475 5.92.42.36.81 1.096.81 2.22 0 1.606-.015 2.896-.015 3.286 0 .315.21.69.825.57C20.565 22.092 24 17.592 24 12.297c0-6.627-5.373-12-12-12"/>"#;

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
        settings.confirm_prompt = None;
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
