//! Talking to a provider.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use belgie_api::ports::{FetchLimits, OutboundRequest, OutboundResponse};
use belgie_api::{Failure, Host, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{Metadata, Provider};
use crate::model::refusal;
use crate::model::settings::AuthMethod;
use crate::model::tokens::TokenSet;

/// The largest answer, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// A line to a provider whose addresses are known.
pub struct Line<'a> {
    /// What the host lends.
    pub host: &'a Host,
    /// The provider.
    pub provider: &'a Provider,
    /// Where it is.
    pub metadata: Arc<Metadata>,
}

impl Line<'_> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.host.now()
    }

    /// Sends a request; any status is an answer.
    ///
    /// # Errors
    /// `provider_unreachable`.
    pub async fn send(&self, method: Method, url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<OutboundResponse> {
        let timeout: Duration = self.provider.settings().timeout;
        let limits = FetchLimits { max_bytes: MAX_BYTES, timeout };
        let named_by = self.metadata.who_named(&url);
        let request = OutboundRequest { method, url, headers, body, limits, named_by };
        let sent = self.host.outbound().send(request).await;
        sent.map_err(|error| refusal::unreachable(self.provider.name(), error))
    }

    /// Reads something the person lets us read, as any bytes.
    ///
    /// # Errors
    /// `provider_unreachable` without an answer, `user_info_missing` with another than 200.
    pub async fn get(&self, url: &Url, access_token: &SecretString) -> Result<OutboundResponse> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::AUTHORIZATION, secret_header(&format!("Bearer {}", access_token.expose_secret()))?);
        let response = self.send(Method::GET, url.clone(), headers, Vec::new()).await?;
        if response.status != StatusCode::OK {
            return Err(refusal::user_info_missing(format!("{} answered with status {}", url.path(), response.status)));
        }
        Ok(response)
    }

    /// Reads something the person lets us read, as JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get), or when it is no JSON.
    pub async fn get_json(&self, url: &Url, access_token: &SecretString) -> Result<Value> {
        let response = self.get(url, access_token).await?;
        serde_json::from_slice(&response.body).map_err(refusal::user_info_missing)
    }

    /// Asks the token endpoint (RFC 6749 section 4.1.3 and 6), authenticated as the settings say.
    ///
    /// # Errors
    /// `oauth_code_verification_failed` when the provider refuses, `provider_unreachable` when it does not answer.
    pub async fn ask_for_tokens(&self, mut form: Vec<(String, SecretString)>) -> Result<TokenSet> {
        let settings = self.provider.settings();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let secret = self.provider.strategy().client_secret(self)?;
        match (settings.effective_auth_method(), &secret) {
            (AuthMethod::Basic, Some(secret)) => {
                let (id, secret) = (form_encode(settings.client_id()), form_encode(secret.expose_secret()));
                headers.insert(
                    header::AUTHORIZATION,
                    secret_header(&format!("Basic {}", base64(&format!("{id}:{secret}"))))?,
                );
            }
            (AuthMethod::Basic | AuthMethod::Post | AuthMethod::None, secret) => {
                form.push(("client_id".to_owned(), settings.client_id().into()));
                form.extend(secret.clone().map(|secret| ("client_secret".to_owned(), secret)));
            }
        }
        form.extend(settings.token_params.iter().map(|(name, value)| (name.clone(), value.clone())));
        let url = self.metadata.token_endpoint.clone();
        let response = self.send(Method::POST, url, headers, write_form(&form)).await?;
        self.read_tokens(&response)
    }

    /// Some providers report errors with status 200, so the body decides.
    fn read_tokens(&self, response: &OutboundResponse) -> Result<TokenSet> {
        if response.status.is_server_error() {
            let why = format!("the token endpoint answered with status {}", response.status);
            return Err(refusal::unreachable(self.provider.name(), why));
        }
        let body: Map<String, Value> = serde_json::from_slice(&response.body).map_err(refusal::bad_answer)?;
        if let Some(error) = body.get("error") {
            return Err(refusal::unverified(format!("the token endpoint refuses: {error}")));
        }
        let tokens = TokenSet::read(&body, self.now());
        if response.status != StatusCode::OK || tokens.is_empty() {
            return Err(refusal::bad_answer(format!("status {} and no token", response.status)));
        }
        Ok(tokens)
    }
}

fn write_form(form: &[(String, SecretString)]) -> Vec<u8> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        body.append_pair(name, value.expose_secret());
    }
    body.finish().into_bytes()
}

fn secret_header(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(Failure::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 6749 section 2.3.1: identifier and secret are form-encoded first.
fn form_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn base64(text: &str) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}
