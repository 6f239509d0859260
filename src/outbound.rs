//! The one HTTP client. Everything that leaves this host towards an address somebody else chose goes through here.
//!
//! A URL that comes from a stranger (a client ID metadata document, a key set) must not let the stranger use this host
//! as a way into the network it stands in (CWE-918). So the guard looks at the URL, and again at every address its
//! name leads to; the connection is made to exactly the addresses that were looked at, never to a second answer of the
//! name service. Redirects are not followed, nothing is sent that could identify us towards a neighbour (no cookie, no
//! proxy, no credentials), and bytes and time are bounded.
//!
//! What the operator named may lead to the hosts of `outbound.internal_hosts` inside the operator's network. That is a
//! client of its own, whose guard knows these hosts; the one for strangers never hears of them.

mod address;
mod freshness;
mod guard;
mod names;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use belgie_api::failure::{Failure, Result};
use belgie_api::ports::{FetchError, FetchLimits, Fetched, NamedBy, Outbound, OutboundRequest, OutboundResponse};
use http::StatusCode;
use reqwest::{Client, Response, redirect};
use url::Url;

use self::guard::{Guard, Refusal};
use self::names::GuardedNames;
pub use self::names::{Names, SystemNames};

/// Less than what whoever asks has for all of it, so that it is known that nothing was sent where nobody takes the connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
const USER_AGENT: &str = concat!("belgie/", env!("CARGO_PKG_VERSION"));

/// How the outside world is reached.
#[derive(Clone, Debug, Default)]
pub struct OutboundSettings {
    /// Lets `localhost` and the loopback addresses be visited, over http too. For development and tests only: it opens
    /// whatever else listens on this machine to anybody who can name a URL.
    pub danger_allow_loopback: bool,
    /// Hosts that what the operator named may be visited at on private addresses: `host` or `host:port`, in lower case.
    pub internal_hosts: Vec<String>,
}

/// A client and the guard that stands before it and before its resolver.
#[derive(Clone, Debug)]
struct Way {
    client: Client,
    guard: Guard,
}

impl Way {
    fn new(names: Arc<dyn Names>, guard: Guard) -> Result<Self> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .https_only(!guard.allows_loopback())
            // A connection that is kept would outlive the check of its address.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_WITHIN)
            .dns_resolver(GuardedNames::new(names, guard.clone()))
            .build()
            .map_err(Failure::internal)?;
        Ok(Self { client, guard })
    }
}

/// [`Outbound`] over HTTP.
#[derive(Clone, Debug)]
pub struct HttpOutbound {
    /// To the public internet.
    outside: Way,
    /// To the hosts the operator listed, for what the operator named.
    inside: Way,
}

impl HttpOutbound {
    /// A client that asks the machine's name service.
    ///
    /// # Errors
    /// When the machine has no usable certificate store.
    pub fn new(settings: OutboundSettings) -> Result<Self> {
        Self::with_names(settings, Arc::new(SystemNames))
    }

    /// A client that asks the given name service. Its answers are as little trusted as the machine's.
    ///
    /// # Errors
    /// When the machine has no usable certificate store.
    pub fn with_names(settings: OutboundSettings, names: Arc<dyn Names>) -> Result<Self> {
        let OutboundSettings { danger_allow_loopback, internal_hosts } = settings;
        Ok(Self {
            outside: Way::new(Arc::clone(&names), Guard::new(danger_allow_loopback, Vec::new()))?,
            inside: Way::new(names, Guard::new(danger_allow_loopback, internal_hosts))?,
        })
    }

    /// The way an address is visited, given who named it.
    fn way(&self, url: &Url, named_by: NamedBy) -> &Way {
        match named_by {
            NamedBy::Operator if self.inside.guard.is_internal(url) => &self.inside,
            NamedBy::Operator | NamedBy::Stranger => &self.outside,
        }
    }

    async fn fetch(&self, url: &Url, max_bytes: usize) -> Result<Fetched, FetchError> {
        let response = self.outside.client.get(url.clone()).send().await.map_err(explain)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let fresh_for = freshness::of(response.headers());
        let body = read(response, max_bytes).await?;
        Ok(Fetched { body, fresh_for })
    }
}

async fn exchange(client: &Client, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
    let OutboundRequest { method, url, headers, body, limits, named_by: _ } = request;
    let mut response = client.request(method, url).headers(headers).body(body).send().await.map_err(explain)?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let fresh_for = freshness::of(&headers);
    let body = read(response, limits.max_bytes).await?;
    Ok(OutboundResponse { status, headers, body, fresh_for })
}

#[async_trait]
impl Outbound for HttpOutbound {
    async fn get(&self, url: &Url, limits: FetchLimits) -> Result<Fetched, FetchError> {
        self.outside.guard.check_url(url).map_err(forbidden)?;
        tokio::time::timeout(limits.timeout, self.fetch(url, limits.max_bytes))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        let way = self.way(&request.url, request.named_by);
        way.guard.check_url(&request.url).map_err(forbidden)?;
        let limit = request.limits.timeout;
        tokio::time::timeout(limit, exchange(&way.client, request)).await.unwrap_or(Err(FetchError::Timeout))
    }
}

/// Reads the body. What the server announces is believed only when it is too much: the bytes are counted as they come.
async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > max_bytes) {
        return Err(FetchError::TooLarge(max_bytes));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(explain)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn forbidden(refusal: Refusal) -> FetchError {
    FetchError::Forbidden(refusal.to_string())
}

/// The resolver can refuse only by failing, so its refusal is found among the causes of a failed connection.
fn explain(error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(refusal) = found.downcast_ref::<Refusal>() {
            return forbidden(*refusal);
        }
        cause = found.source();
    }
    // One that was not made in time, too.
    if error.is_connect() {
        return FetchError::Unconnected(Box::new(error.without_url()));
    }
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    FetchError::Unreachable(Box::new(error.without_url()))
}
