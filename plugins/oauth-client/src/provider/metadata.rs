//! Where a provider is (OpenID Connect Discovery 1.0, RFC 8414).

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use belgie_api::ports::{FetchError, FetchLimits, NamedBy, OutboundRequest};
use belgie_api::{Failure, Host, Result};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use super::Provider;
use super::cached::Fresh;
use crate::model::refusal;
use crate::model::settings::is_safe;

/// The largest document, in bytes.
const MAX_BYTES: usize = 128 * 1024;

/// How long a document is kept when its server does not say.
const USUAL_AGE: Duration = Duration::from_secs(3600);
const MIN_AGE: Duration = Duration::from_secs(300);
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Where a provider is, and what it promises.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Who it says it is; `None` when it has no issuer.
    pub issuer: Option<String>,
    /// Where people are sent.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Where the profile is read.
    pub userinfo_endpoint: Option<Url>,
    /// Where its keys are.
    pub jwks_uri: Option<Url>,
    /// Whether every answer names its issuer (RFC 9207 section 3).
    pub announces_issuer: bool,
}

#[derive(Default, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Whether this host is one of those the provider is at, as the operator or its own description says.
    fn names(&self, host: &str) -> bool {
        let known = [Some(&self.authorization_endpoint), Some(&self.token_endpoint)];
        let known = known.into_iter().chain([self.userinfo_endpoint.as_ref(), self.jwks_uri.as_ref()]);
        known.flatten().any(|url| url.host_str() == Some(host))
    }

    /// Who named an address that is to be visited while talking to the provider: whatever leads elsewhere, such as the
    /// address of a picture, is what somebody wrote into a profile.
    #[must_use]
    pub fn who_named(&self, url: &Url) -> NamedBy {
        if url.host_str().is_some_and(|host| self.names(host)) { NamedBy::Operator } else { NamedBy::Stranger }
    }
}

impl Provider {
    /// Where the provider is.
    ///
    /// # Errors
    /// `provider_unreachable` (503) or `oauth_callback_failed` (502) when its description cannot be had or is not its own.
    pub async fn metadata(&self, host: &Host) -> Result<Arc<Metadata>> {
        self.metadata.get(host.now(), || self.fetch_metadata(host)).await
    }

    async fn fetch_metadata(&self, host: &Host) -> Result<Fresh<Metadata>> {
        let settings = self.settings();
        let Some(url) = &settings.discovery_url else {
            let lifetime = MAX_AGE;
            return Ok(Fresh { document: self.merge(settings.issuer.clone(), Document::default())?, lifetime });
        };
        let (body, lifetime) = self.fetch_document(host, url).await?;
        let document: Document = serde_json::from_slice(&body).map_err(refusal::bad_answer)?;
        if !self.strategy().accepts_issuer(settings, &document.issuer) {
            let why = format!("the description at {url} calls itself {}", document.issuer);
            return Err(refusal::bad_answer(why));
        }
        let issuer = Some(document.issuer.clone());
        Ok(Fresh { document: self.merge(issuer, document)?, lifetime })
    }

    /// What the settings say wins.
    fn merge(&self, issuer: Option<String>, document: Document) -> Result<Metadata> {
        let settings = self.settings();
        let pick = |ours: &Option<Url>, theirs: Option<String>| match (ours, theirs) {
            (Some(url), _) => Ok(Some(url.clone())),
            (None, Some(text)) => {
                let url = Url::parse(&text).ok().filter(is_safe);
                url.map(Some).ok_or_else(|| refusal::bad_answer(format!("the address {text} is not safe")))
            }
            (None, None) => Ok(None),
        };
        let needed = |url: Option<Url>, what: &str| {
            url.ok_or_else(|| refusal::bad_answer(format!("the description names no {what}")))
        };
        Ok(Metadata {
            issuer,
            authorization_endpoint: needed(
                pick(&settings.authorization_endpoint, document.authorization_endpoint)?,
                "authorization_endpoint",
            )?,
            token_endpoint: needed(pick(&settings.token_endpoint, document.token_endpoint)?, "token_endpoint")?,
            userinfo_endpoint: pick(&settings.userinfo_endpoint, document.userinfo_endpoint)?,
            jwks_uri: pick(&settings.jwks_uri, document.jwks_uri)?,
            announces_issuer: document.authorization_response_iss_parameter_supported,
        })
    }

    /// A document the provider publishes, and how long it may be kept.
    pub(super) async fn fetch_document(&self, host: &Host, url: &Url) -> Result<(Vec<u8>, Duration)> {
        let settings = self.settings();
        let limits = FetchLimits { max_bytes: MAX_BYTES, timeout: settings.timeout };
        let unreachable = |error: FetchError| refusal::unreachable(&settings.name, error);
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.discovery_headers {
            let name = HeaderName::try_from(name.as_str()).map_err(Failure::internal)?;
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(Failure::internal)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        // What a description names leads into the operator's network only where the operator lists the host, too.
        let named_by = NamedBy::Operator;
        let (method, url) = (Method::GET, url.clone());
        let request = OutboundRequest { method, url, headers, body: Vec::new(), limits, named_by };
        let response = host.outbound().send(request).await.map_err(unreachable)?;
        if response.status != StatusCode::OK {
            return Err(unreachable(FetchError::Status(response.status.as_u16())));
        }
        Ok((response.body, response.fresh_for.unwrap_or(USUAL_AGE).clamp(MIN_AGE, MAX_AGE)))
    }
}

#[cfg(test)]
mod tests {
    use belgie_api::ports::NamedBy;
    use url::Url;

    use super::Metadata;

    #[test]
    fn what_leads_elsewhere_was_named_by_a_stranger() {
        let url = |text: &str| Url::parse(text).unwrap();
        let metadata = Metadata {
            issuer: None,
            authorization_endpoint: url("https://idp.corp.example/authorize"),
            token_endpoint: url("https://tokens.corp.example/token"),
            userinfo_endpoint: None,
            jwks_uri: Some(url("https://keys.corp.example/jwks")),
            announces_issuer: false,
        };
        for named in
            ["https://idp.corp.example/me", "https://tokens.corp.example/token", "https://keys.corp.example/jwks"]
        {
            assert_eq!(metadata.who_named(&url(named)), NamedBy::Operator, "{named}");
        }
        for named in ["https://pictures.corp.example/ada.png", "https://corp.example/", "data:text/plain,hello"] {
            assert_eq!(metadata.who_named(&url(named)), NamedBy::Stranger, "{named}");
        }
    }
}
