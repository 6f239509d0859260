//! A resource server: whose tokens it takes, and for what.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use url::{Host, Url};

use crate::introspection::Asker;
use crate::issuer::Issuer;
use crate::keys::Keys;
use crate::proof::{BoundRequest, Proof};
use crate::refusal::{Reason, Refused};
use crate::token::{Claims, Token};
use crate::used::{InMemory, ShownProof, Use, UsedProofs};

/// What is wrong with what a resource server was built from.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// Not an https address (RFC 8414 section 2, RFC 9728 section 1.2); http is for the own machine.
    #[error(
        "`{0}` has to be an address with https, or http on 127.0.0.1, [::1] or localhost, without query and fragment"
    )]
    Address(String),
    /// A scope is printable ASCII without space, quote and backslash (RFC 6749 section 3.3).
    #[error("`{0}` is not a scope")]
    Scope(String),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What a [`ResourceServer`] is built from.
#[must_use]
pub struct Builder {
    issuer: String,
    resource: String,
    scopes: Vec<String>,
    asker: Option<Asker>,
    clock: Clock,
    address: Option<String>,
    used: Arc<dyn UsedProofs>,
}

impl Builder {
    /// Every token needs this scope. May be said several times.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    /// The issuer is asked about every token (RFC 7662), as this client: `belgie client create --resource-server URI` makes
    /// one. Slower than checking a signature by a request, and a token that is revoked opens nothing from then on.
    pub fn introspect(mut self, client_id: &str, client_secret: impl Into<SecretString>) -> Self {
        self.asker = Some(Asker { client: client_id.to_owned(), secret: client_secret.into() });
        self
    }

    /// Another clock than the machine's.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The public address that this server's paths are below, for proofs of tokens that are bound to a key; without it scheme, host and
    /// port of the resource. Where a proxy takes
    /// something off the path, or a router that this one is nested in, it belongs here.
    pub fn public_address(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    /// Where used proofs are remembered, instead of in the memory of this process.
    pub fn used_proofs(mut self, used: impl UsedProofs + 'static) -> Self {
        self.used = Arc::new(used);
        self
    }

    /// Builds it. The issuer is asked for its metadata with the first token, so that either may start first.
    ///
    /// # Errors
    /// When an address or a scope is none.
    pub fn build(self) -> Result<ResourceServer, Misconfigured> {
        check_address(&self.issuer)?;
        let resource = check_address(&self.resource)?;
        let is_scope =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if let Some(wrong) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(Misconfigured::Scope(wrong.clone()));
        }
        let address = match &self.address {
            Some(address) => check_address(address)?.to_string(),
            None => resource.origin().ascii_serialization(),
        };
        let place = format!("/.well-known/oauth-protected-resource{}", resource.path().trim_end_matches('/'));
        let metadata = resource.join(&place).map_err(|_| Misconfigured::Address(self.resource.clone()))?.to_string();
        Ok(ResourceServer(Arc::new(Inner {
            issuer: Issuer::new(self.issuer)?,
            resource: self.resource,
            scopes: self.scopes,
            asker: self.asker,
            clock: self.clock,
            keys: Keys::default(),
            address: address.trim_end_matches('/').to_owned(),
            used: self.used,
            place,
            metadata,
        })))
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of whoever brings none")]
fn of_machine() -> SystemTime {
    SystemTime::now()
}

fn check_address(text: &str) -> Result<Url, Misconfigured> {
    let wrong = || Misconfigured::Address(text.to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_own_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && is_own_machine);
    let is_plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if is_allowed && is_plain && url.host().is_some() { Ok(url) } else { Err(wrong()) }
}

/// A server that takes tokens of one issuer for one resource. Cheap to clone: the clones share what they keep.
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

struct Inner {
    issuer: Issuer,
    resource: String,
    scopes: Vec<String>,
    asker: Option<Asker>,
    clock: Clock,
    keys: Keys,
    address: String,
    used: Arc<dyn UsedProofs>,
    place: String,
    metadata: String,
}

impl ResourceServer {
    /// One that takes tokens of this issuer whose audience is this resource; both to the letter as the issuer writes them.
    pub fn of(issuer: &str, resource: &str) -> Builder {
        Builder {
            issuer: issuer.to_owned(),
            resource: resource.to_owned(),
            scopes: Vec::new(),
            asker: None,
            clock: Arc::new(of_machine),
            address: None,
            used: Arc::new(InMemory::default()),
        }
    }

    /// Checks a token that came as a bearer token. One that is bound to a key is none (RFC 9449 section 7.2).
    ///
    /// # Errors
    /// When it is none that is in force here, lacks a scope, or cannot be made certain of.
    pub async fn check(&self, text: &str) -> Result<Token, Refused> {
        let token = self.find(text).await.map_err(|reason| self.refused(reason))?;
        if token.key.is_some() { Err(self.refused(Reason::InvalidToken)) } else { Ok(token) }
    }

    /// Checks a token that came with the scheme `DPoP`, and the proof of its key, which is used by that.
    ///
    /// # Errors
    /// As [`check`](Self::check), and when the token is bound to no key or another one, or the proof is missing, not good for this
    /// request or was used before, or there were too many of its key.
    pub async fn check_bound(&self, text: &str, request: BoundRequest<'_>) -> Result<Token, Refused> {
        let found = self.find_bound(text, request).await;
        found.map_err(|reason| Refused { is_bound: true, ..self.refused(reason) })
    }

    async fn find_bound(&self, text: &str, request: BoundRequest<'_>) -> Result<Token, Reason> {
        let token = self.find(text).await?;
        let bound_to = token.key.as_deref().ok_or(Reason::InvalidToken)?;
        let (uri, now) = (format!("{}{}", self.0.address, request.path), self.now());
        let proof = Proof::of(request, &uri, text, now).ok_or(Reason::InvalidProof)?;
        if proof.key != bound_to {
            return Err(Reason::InvalidToken);
        }
        let shown = ShownProof { id: proof.hash, key: &proof.key, until: proof.until };
        match self.0.used.take(shown, now).await.map_err(Reason::Unavailable)? {
            Use::First => Ok(token),
            Use::Again => Err(Reason::InvalidProof),
            Use::TooMany => Err(Reason::TooManyProofs),
        }
    }

    async fn find(&self, text: &str) -> Result<Token, Reason> {
        let found = match &self.0.asker {
            Some(asker) => self.ask(asker, text).await,
            None => self.check_signature(text).await,
        };
        let token = found?;
        match self.0.scopes.iter().find(|scope| !token.has_scope(scope)) {
            Some(missing) => Err(Reason::InsufficientScope(missing.clone())),
            None => Ok(token),
        }
    }

    fn now(&self) -> u64 {
        (self.0.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_secs()
    }

    pub(crate) fn in_force(&self, claims: Claims) -> Result<Token, Reason> {
        claims.in_force(self.0.issuer.name(), &self.0.resource, self.now()).ok_or(Reason::InvalidToken)
    }

    pub(crate) fn refused(&self, reason: Reason) -> Refused {
        Refused { reason, metadata: self.0.metadata.clone(), scopes: self.0.scopes.join(" "), is_bound: false }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn resource(&self) -> &str {
        &self.0.resource
    }

    pub(crate) fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    pub(crate) fn place(&self) -> &str {
        &self.0.place
    }
}

#[cfg(test)]
mod tests {
    use super::{Misconfigured, ResourceServer};

    #[test]
    fn tokens_and_secrets_never_travel_in_the_clear() {
        for address in
            ["http://auth.example", "ftp://auth.example", "auth.example", "https://a.example?x", "https://u@a.example"]
        {
            let built = ResourceServer::of(address, "https://api.example").build();
            assert!(matches!(built, Err(Misconfigured::Address(_))), "{address}");
            let built = ResourceServer::of("https://auth.example", address).build();
            assert!(matches!(built, Err(Misconfigured::Address(_))), "{address}");
        }
        assert!(ResourceServer::of("http://127.0.0.1:8080", "http://localhost:9000/v1").build().is_ok());
        let built = ResourceServer::of("https://auth.example", "https://api.example").scope("a b").build();
        assert!(matches!(built, Err(Misconfigured::Scope(_))));
    }
}
