//! Where providers differ.

use belgie_api::{Result, async_trait};
use secrecy::SecretString;
use serde_json::Value;

use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::settings::ProviderSettings;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Line};

/// Where a provider differs from the standard, or an application wants it to. Every step has its usual way; override what
/// differs. What is checked (state, issuer, signature, nonce, audience) is checked all the same.
#[async_trait]
pub trait Strategy: Send + Sync {
    /// Whether a description that calls itself this is the one that was asked for (OpenID Connect Discovery 1.0 section
    /// 4.3, RFC 8414 section 3.3).
    fn accepts_issuer(&self, settings: &ProviderSettings, issuer: &str) -> bool {
        match (&settings.issuer, &settings.discovery_url) {
            (Some(wanted), _) => wanted == issuer,
            (None, Some(url)) => implied_issuer(url.as_str()).is_some_and(|implied| {
                // An issuer may end with a slash, which the address of its description leaves out.
                implied.trim_end_matches('/') == issuer.trim_end_matches('/')
            }),
            (None, None) => false,
        }
    }

    /// The issuer the account of an `id_token` is bound to; `None` when the token is of another. `known`: what the
    /// description says. Also asked about `iss` of an answer (RFC 9207), with that claim alone.
    fn issuer_of(&self, _settings: &ProviderSettings, known: &str, claims: &Claims) -> Option<String> {
        (claims.get("iss")?.as_str()? == known).then(|| known.to_owned())
    }

    /// Changes what people are sent along with.
    fn prepare(&self, _settings: &ProviderSettings, _params: &mut Vec<(String, String)>) {}

    /// What we authenticate with where codes are redeemed.
    ///
    /// # Errors
    /// When it cannot be made.
    fn client_secret(&self, line: &Line<'_>) -> Result<Option<SecretString>> {
        Ok(line.provider.settings().client_secret.clone())
    }

    /// Redeems a code.
    ///
    /// # Errors
    /// When the provider refuses or does not answer.
    async fn get_token(&self, line: &Line<'_>, form: Vec<(String, SecretString)>) -> Result<TokenSet> {
        line.ask_for_tokens(form).await
    }

    /// Gets new tokens for those that end.
    ///
    /// # Errors
    /// When the provider refuses or does not answer.
    async fn refresh_tokens(
        &self,
        line: &Line<'_>,
        refresh_token: SecretString,
        _scope: Option<&str>,
    ) -> Result<TokenSet> {
        let form = vec![("grant_type".to_owned(), "refresh_token".into()), ("refresh_token".to_owned(), refresh_token)];
        line.ask_for_tokens(form).await
    }

    /// Reads the profile with an access token; `None` when the provider has no place for it.
    ///
    /// # Errors
    /// When the provider refuses or does not answer.
    async fn get_userinfo(&self, line: &Line<'_>, tokens: &TokenSet) -> Result<Option<Value>> {
        match (&line.metadata.userinfo_endpoint, &tokens.access_token) {
            (Some(url), Some(token)) => line.get_json(url, token).await.map(Some),
            _ => Ok(None),
        }
    }

    /// From what the provider said to a profile.
    ///
    /// # Errors
    /// When it does not say who it is.
    fn map_profile(&self, _settings: &ProviderSettings, claims: &Value) -> Result<Profile> {
        Profile::of_claims(claims).ok_or_else(|| refusal::user_info_missing("no subject"))
    }

    /// Adds to a profile what can be had nowhere but elsewhere, such as a picture. What fails is left out.
    async fn complete(&self, _line: &Line<'_>, _tokens: &TokenSet, _profile: &mut Profile) {}
}

/// The ways of the standard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl Strategy for Standard {}

/// The issuer that the address of a description implies.
fn implied_issuer(url: &str) -> Option<String> {
    if let Some(issuer) = url.strip_suffix("/.well-known/openid-configuration") {
        return Some(issuer.to_owned());
    }
    let (origin, path) = url.split_once("/.well-known/oauth-authorization-server")?;
    Some(format!("{origin}{path}"))
}

#[cfg(test)]
mod tests {
    use super::{Standard, Strategy};
    use crate::model::settings::ProviderSettings;

    #[test]
    fn a_description_calls_itself_what_its_address_implies() {
        for (address, issuer, is_right) in [
            ("https://idp.example/.well-known/openid-configuration", "https://idp.example", true),
            ("https://idp.example/.well-known/openid-configuration", "https://idp.example/", true),
            ("https://idp.example/a/.well-known/openid-configuration", "https://idp.example/a", true),
            ("https://idp.example/a/.well-known/openid-configuration", "https://idp.example/b", false),
            ("https://idp.example/.well-known/oauth-authorization-server/a", "https://idp.example/a", true),
            ("https://idp.example/.well-known/openid-configuration", "https://evil.example", false),
            ("https://idp.example/elsewhere", "https://idp.example", false),
        ] {
            let mut settings = ProviderSettings::new("a", "A");
            settings.discovery_url = Some(address.parse().unwrap());
            assert_eq!(Standard.accepts_issuer(&settings, issuer), is_right, "{address} {issuer}");
        }
    }
}
