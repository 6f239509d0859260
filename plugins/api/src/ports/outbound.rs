//! The outside world.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// The outside world, behind timeouts, size caps and the guard against private addresses.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Fetches a document with GET from an address that anybody may have named ([`NamedBy::Stranger`]). Redirects are not
    /// followed; only status 200 counts.
    ///
    /// # Errors
    /// [`FetchError`] says what went wrong.
    async fn get(&self, url: &Url, limits: FetchLimits) -> Result<Fetched, FetchError>;

    /// Sends any request and takes any status. Redirects are not followed.
    ///
    /// # Errors
    /// [`FetchError`] says what went wrong.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError>;
}

/// Who named an address that is to be visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamedBy {
    /// Anybody: a client's metadata document, a registration, something another server said. Hosts inside the operator's
    /// network are never reached this way.
    #[default]
    Stranger,
    /// The operator, in the configuration or in code: it may lead to the hosts of `outbound.internal_hosts`, too.
    Operator,
}

/// A request to somebody else's server.
#[derive(Clone)]
pub struct OutboundRequest {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers; they may carry secrets, so they are never shown.
    pub headers: HeaderMap,
    /// Its body; it may carry secrets, so it is never shown.
    pub body: Vec<u8>,
    /// How much may come back, and when.
    pub limits: FetchLimits,
    /// Who named `url`.
    pub named_by: NamedBy,
}

impl std::fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("named_by", &self.named_by)
            .finish_non_exhaustive()
    }
}

/// What somebody else's server answered.
#[derive(Clone)]
pub struct OutboundResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// How long it may be kept, from `Cache-Control` (RFC 9111 section 4.2.1); `None` when the server does not say.
    pub fresh_for: Option<Duration>,
}

impl std::fmt::Debug for OutboundResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How much of the outside world is let in.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// The longest body, in bytes.
    pub max_bytes: usize,
    /// The longest time for everything together.
    pub timeout: Duration,
}

/// A fetched document.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The body.
    pub body: Vec<u8>,
    /// How long it may be kept, from `Cache-Control` (RFC 9111 section 4.2.1); `None` when the server does not say.
    pub fresh_for: Option<Duration>,
}

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is private, reserved, not https, or otherwise not to be visited.
    #[error("the address must not be visited: {0}")]
    Forbidden(String),
    /// Anything but status 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// More bytes than allowed.
    #[error("the document is larger than {0} bytes")]
    TooLarge(usize),
    /// No answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// No connection was made: nothing was sent, so nobody has heard anything.
    #[error("no connection to the server could be made")]
    Unconnected(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection failed, and nobody knows what was heard of the request.
    #[error("the server could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
