//! What the issuer says of itself (RFC 8414), and how it is asked.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    pub(crate) jwks_uri: Option<Url>,
    pub(crate) introspection_endpoint: Option<Url>,
}

/// The authorization server whose tokens are taken.
pub(crate) struct Issuer {
    name: String,
    http: Client,
    metadata: OnceCell<Metadata>,
}

impl Issuer {
    pub(crate) fn new(name: String) -> Result<Self, reqwest::Error> {
        // An issuer that moved is another issuer, and a secret never follows a redirect.
        let http = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build()?;
        Ok(Self { name, http, metadata: OnceCell::new() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    /// What it says of itself; asked once, and again while it could not be had.
    pub(crate) async fn metadata(&self) -> Result<&Metadata, String> {
        self.metadata.get_or_try_init(|| self.read_metadata()).await
    }

    async fn read_metadata(&self) -> Result<Metadata, String> {
        let place = Url::parse(&self.name).and_then(|url| url.join(&well_known(&url))).map_err(|e| e.to_string())?;
        let found: Metadata = answer(self.http.get(place.clone())).await?;
        if found.issuer != self.name {
            return Err(format!("{place} is about the issuer {}, not {}", found.issuer, self.name));
        }
        let is_elsewhere = |url: &Option<Url>| url.as_ref().is_some_and(|url| url.scheme() != place.scheme());
        if is_elsewhere(&found.jwks_uri) || is_elsewhere(&found.introspection_endpoint) {
            return Err(format!("{place} names an address with another scheme"));
        }
        Ok(found)
    }
}

/// RFC 8414 section 3.1: between the host and the path of the issuer.
fn well_known(issuer: &Url) -> String {
    format!("/.well-known/oauth-authorization-server{}", issuer.path().trim_end_matches('/'))
}

/// The JSON of an answer with status 200.
pub(crate) async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, String> {
    let response = request.send().await.map_err(|error| error.to_string())?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("{} answered {}", response.url(), response.status()));
    }
    let place = response.url().clone();
    let body = body(response).await?;
    serde_json::from_slice(&body).map_err(|error| format!("the answer of {place} cannot be read: {error}"))
}

async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut read = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| error.to_string())? {
        if read.len() + part.len() > MAX_BYTES {
            return Err(format!("the answer of {} is too long", response.url()));
        }
        read.extend_from_slice(&part);
    }
    Ok(read)
}
