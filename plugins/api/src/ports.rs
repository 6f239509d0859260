//! What the host lends to plugins.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::response::Response;
use url::Url;

use crate::clock::Clock;
use crate::context::UserContext;
use crate::db::Db;
use crate::entropy::Entropy;
use crate::failure::{Failure, Result};
use crate::id::UserId;
use crate::plugin::ScopeInfo;
use crate::principal::VerifiedToken;
use crate::time::Timestamp;
use crate::token::{PlainToken, TokenKind};
use crate::web::Visitor;

/// Everything the host lends to plugins. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<HostParts>);

/// The parts of a [`Host`]; only the gateway puts them together.
pub struct HostParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Our public address.
    pub urls: Urls,
    /// Keys derived from the host's secret.
    pub keys: Arc<dyn Keys>,
    /// The outside world.
    pub outbound: Arc<dyn Outbound>,
    /// Templates.
    pub pages: Arc<dyn Pages>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Rate limits.
    pub limits: Arc<dyn Limits>,
    /// What the whole gateway offers, known once every plugin has mounted.
    pub catalog: Arc<OnceLock<Catalog>>,
}

impl Host {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: HostParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The clock, to be handed to whatever makes ids.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.0.entropy.as_ref()
    }

    /// Our public address.
    #[must_use]
    pub fn urls(&self) -> &Urls {
        &self.0.urls
    }

    /// A key of 32 bytes for one purpose, the same on every node that shares the secret.
    #[must_use]
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        self.0.keys.derive(purpose)
    }

    /// The outside world.
    #[must_use]
    pub fn outbound(&self) -> &dyn Outbound {
        self.0.outbound.as_ref()
    }

    /// Templates.
    #[must_use]
    pub fn pages(&self) -> &dyn Pages {
        self.0.pages.as_ref()
    }

    /// People.
    #[must_use]
    pub fn accounts(&self) -> &dyn Accounts {
        self.0.accounts.as_ref()
    }

    /// Rate limits.
    #[must_use]
    pub fn limits(&self) -> &dyn Limits {
        self.0.limits.as_ref()
    }

    /// What the whole gateway offers.
    ///
    /// # Errors
    /// While plugins are still mounting.
    pub fn catalog(&self) -> Result<&Catalog> {
        self.0
            .catalog
            .get()
            .ok_or_else(|| Failure::internal("the catalogue is asked for before every plugin is mounted"))
    }
}

/// Our public address, from the configuration and never from a request.
#[derive(Clone, Debug)]
pub struct Urls {
    base: Url,
    issuer: String,
}

impl Urls {
    /// `base`: scheme, host and port; no path.
    #[must_use]
    pub fn new(base: Url) -> Self {
        let issuer = base.as_str().trim_end_matches('/').to_owned();
        Self { base, issuer }
    }

    /// The issuer identifier (RFC 8414 section 2): the public address without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public address of a path of ours, which begins with a slash.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether people reach us over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }
}

/// What the whole gateway offers.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Every scope a plugin or the core brings, in a fixed order.
    pub scopes: Vec<ScopeInfo>,
    /// Every protected resource (RFC 9728): the absolute URI of each. The first is the default (`/mcp`).
    pub resources: Vec<String>,
}

/// Keys derived from the host's secret.
pub trait Keys: Send + Sync {
    /// A key of 32 bytes for one purpose (HKDF, RFC 5869).
    fn derive(&self, purpose: &str) -> [u8; 32];
}

/// Checks bearer tokens of some kinds.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// The kinds it knows.
    fn kinds(&self) -> &[TokenKind];

    /// What is known about the token; `None` when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// When it cannot be found out; the request is refused.
    async fn verify(&self, token: &PlainToken, now: Timestamp) -> Result<Option<VerifiedToken>>;
}

/// People.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account, unless it is deleted.
    async fn find(&self, user: UserId) -> Result<Option<UserContext>>;

    /// The account that signs in with this address.
    async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>>;
}

/// Rate limits. A bucket is named in the configuration (`[limits]`).
#[async_trait]
pub trait Limits: Send + Sync {
    /// Takes one from the bucket of this key, such as a client address.
    ///
    /// # Errors
    /// [`Failure::too_many`] when it is empty.
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()>;
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitBucket {
    /// Sign-in attempts from one address.
    SignInByAddress,
    /// Sign-in attempts at one account.
    SignInByAccount,
    /// New accounts from one address.
    SignUp,
    /// Registrations of OAuth clients from one address (RFC 7591).
    Register,
    /// Authorization requests from one address.
    Authorize,
    /// Calls of the token and revocation endpoints from one address.
    Token,
}

/// Templates.
pub trait Pages: Send + Sync {
    /// A whole page. The engine adds `page` to the context (title, stylesheet, forgery token, signed-in person).
    ///
    /// # Errors
    /// When the template or its context is not right.
    fn page(&self, visitor: &Visitor, template: &str, title: &str, context: serde_json::Value) -> Result<Response>;

    /// A fragment of a page, as HTML.
    ///
    /// # Errors
    /// When the template or its context is not right.
    fn fragment(&self, template: &str, context: serde_json::Value) -> Result<String>;
}

/// The outside world, behind timeouts, size caps and the guard against private addresses.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Fetches a document with GET. Redirects are not followed; only status 200 counts.
    ///
    /// # Errors
    /// [`FetchError`] says what went wrong.
    async fn get(&self, url: &Url, limits: FetchLimits) -> Result<Fetched, FetchError>;
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
    /// The connection failed.
    #[error("the server could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
