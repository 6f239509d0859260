//! HTTP as both actors speak it: nothing is followed, kept or repeated without being told to.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use url::Url;

use super::expect::Broken;

const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an error's body is worth showing, in characters.
const SHOWN_BODY: usize = 200;

/// An HTTP client. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Wire(Client);

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Wire {
    /// A client of its own.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, Broken> {
        // The play never leaves this machine, so it must not depend on a proxy or a certificate store of it.
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .tls_certs_only([])
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Broken::new("an HTTP client", causes_of(&error)))?;
        Ok(Self(client))
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.0.request(method, url.clone())
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When none comes.
    pub async fn ask(&self, request: RequestBuilder) -> Result<Reply, Broken> {
        let response = self.send(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.map_err(|error| no_answer(&error))?;
        Ok(Reply { status, headers, body })
    }

    /// Sends a request and leaves the body of the answer to be read piece by piece.
    ///
    /// # Errors
    /// When none comes.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Broken> {
        request.send().await.map_err(|error| no_answer(&error))
    }
}

impl Reply {
    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Demands a status.
    ///
    /// # Errors
    /// When another one came.
    pub fn expect_status(&self, status: StatusCode) -> Result<(), Broken> {
        if self.status == status { Ok(()) } else { Err(Broken::new(format!("status {status}"), self.describe())) }
    }

    /// Reads the body as JSON of this form.
    ///
    /// # Errors
    /// When it has another one; `what` says what was wanted.
    pub fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, Broken> {
        serde_json::from_str(&self.body).map_err(|error| Broken::new(what, format!("{error}, in {}", self.describe())))
    }

    /// Status and, of an error, the beginning of the body. The body of a success may hold secrets.
    pub fn describe(&self) -> String {
        if self.status.is_success() {
            return format!("status {}", self.status);
        }
        let body: String = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = body.chars().take(SHOWN_BODY).collect();
        format!("status {}: {shown}", self.status).trim_end_matches([':', ' ']).to_owned()
    }
}

/// What came in place of an answer.
pub fn no_answer(error: &reqwest::Error) -> Broken {
    Broken::new("an answer from the gateway", causes_of(error))
}

/// The chain of causes, without reqwest's own words: they hold the address, and that may hold a code.
fn causes_of(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { "none, and nobody says why".to_owned() } else { causes.join(": ") }
}
