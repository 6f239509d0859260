//! Bearer tokens: checked once, remembered for a minute, forgotten the moment an event makes them untrue.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use belgie_api::event::Bus;
use belgie_api::host::{PrincipalParts, acting, principal, standing_for};
use belgie_api::ports::{Accounts, Catalog, TokenVerifier};
use belgie_api::{Caller, Clock, Event, Failure, Holder, Result, Scope, ScopeSet, TokenHash, TokenKind, VerifiedToken};
use moka::sync::Cache;

use crate::access::caller::Callers;

/// How many tokens are remembered; one takes about a kilobyte.
const REMEMBERED: u64 = 10_000;
/// How long to wait before it is looked again whether an event has been told to everybody.
const TELLING: Duration = Duration::from_micros(200);
/// How long one is remembered at most, whatever happens to the news.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Why a token does not open this resource.
#[derive(Debug)]
pub enum BearerError {
    /// Unknown, malformed, expired, revoked, or meant for another resource: the public learns no more than this.
    Invalid,
    /// It cannot be found out now.
    Failure(Failure),
}

impl From<Failure> for BearerError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Which port of an audience counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The one it names: the audience must be the resource to the letter (RFC 8707 section 2).
    Exact,
    /// Any, on a loopback host: nobody configured a public address, so it follows from the listener and its port may be
    /// another one after a restart. Tokens are rows of this host's own database, so no other host's can come in.
    AnyOnLoopback,
}

impl Ports {
    fn opens(self, audience: &str, resource: &str) -> bool {
        audience == resource
            || self == Self::AnyOnLoopback
                && path_on_loopback(audience).is_some_and(|path| path_on_loopback(resource) == Some(path))
    }
}

/// The path of an address on this machine over plain http, such as `/mcp` of `http://127.0.0.1:8080/mcp`.
fn path_on_loopback(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri).ok().filter(|url| url.scheme() == "http")?;
    matches!(url.host_str()?, "127.0.0.1" | "localhost" | "[::1]").then(|| url.path().to_owned())
}

/// A token that was good when it was looked at.
struct GoodToken {
    caller: Caller,
    audience: Vec<String>,
    /// Where alone the caller is as they are here: at the resource it was shown at, if it is for several.
    place: Option<String>,
    key: Option<Arc<str>>,
}

/// Whoever shows a token.
#[derive(Debug)]
pub struct Shown {
    /// The caller behind it.
    pub caller: Caller,
    /// The thumbprint of the key it is bound to, if it is: then the request is not the caller's until they have shown that they
    /// hold that key (RFC 9449 section 7.1).
    pub key: Option<Arc<str>>,
}

/// Checks bearer tokens. The cache `bearer_tokens` holds 10,000 entries for at most 60 s; a revocation, a deletion, a
/// change of the account or of what it is in the organization empties the entries it touches, here at once and on other
/// nodes with the news.
pub struct BearerTokens {
    verifiers: HashMap<TokenKind, Arc<dyn TokenVerifier>>,
    signed: Option<Arc<dyn TokenVerifier>>,
    accounts: Arc<dyn Accounts>,
    callers: Callers,
    clock: Arc<dyn Clock>,
    bus: Arc<Bus>,
    ports: Ports,
    catalog: Arc<OnceLock<Catalog>>,
    known: Cache<TokenHash, Arc<GoodToken>>,
}

impl BearerTokens {
    /// Takes the verifiers of all plugins. Two for one kind are a clash: the ids of the kinds are returned as problems.
    ///
    /// # Errors
    /// The kinds that more than one verifier wants.
    pub fn new(
        verifiers: Vec<Arc<dyn TokenVerifier>>,
        accounts: Arc<dyn Accounts>,
        callers: Callers,
        clock: Arc<dyn Clock>,
        bus: Arc<Bus>,
        (ports, catalog): (Ports, Arc<OnceLock<Catalog>>),
    ) -> Result<Self, Vec<String>> {
        let mut by_kind: HashMap<TokenKind, Arc<dyn TokenVerifier>> = HashMap::new();
        let mut clashes = Vec::new();
        let mut signed: Option<Arc<dyn TokenVerifier>> = None;
        for verifier in verifiers {
            if verifier.reads_signed() && signed.replace(Arc::clone(&verifier)).is_some() {
                clashes.push("two plugins check signed tokens".to_owned());
            }
            for kind in verifier.kinds() {
                if by_kind.insert(*kind, Arc::clone(&verifier)).is_some() {
                    clashes.push(format!("two plugins check tokens of the kind `{}`", kind.prefix()));
                }
            }
        }
        if !clashes.is_empty() {
            return Err(clashes);
        }
        let known: Cache<TokenHash, Arc<GoodToken>> =
            Cache::builder().name("bearer_tokens").max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let forgetful = known.clone();
        bus.subscribe(Arc::new(move |event: &Event| forget(&forgetful, event)));
        Ok(Self { verifiers: by_kind, signed, accounts, callers, clock, bus, ports, catalog, known })
    }

    /// Waits until no event is being told, which takes as long as its listeners do: until then what is remembered may be
    /// untrue already. The generation then.
    pub async fn settled(&self) -> u64 {
        loop {
            match self.bus.settled_generation() {
                Some(generation) => return generation,
                None => tokio::time::sleep(TELLING).await,
            }
        }
    }

    /// Whether a caller who was established after a generation may be another by now.
    #[must_use]
    pub fn is_touched_since(&self, caller: &Caller, generation: u64) -> bool {
        self.bus.has_touched_since(generation, |event| caller.principal().is_touched_by(event))
    }

    /// The caller behind a token meant for `resource`, an absolute URI.
    ///
    /// # Errors
    /// When the token does not open the resource, or it cannot be found out.
    pub async fn authenticate(&self, text: &str, resource: &str) -> Result<Shown, BearerError> {
        let hash = TokenHash::of(text);
        let is_of_here = |known: &Arc<GoodToken>| known.place.as_ref().is_none_or(|place| place == resource);
        let known = match self.remembered(&hash).filter(is_of_here) {
            Some(known) => known,
            // Boxed: whoever is remembered does not carry the room that a look into the database needs.
            None => Box::pin(self.look_up(text, hash, resource)).await.inspect_err(|_| self.known.invalidate(&hash))?,
        };
        // MCP authorization, "Token audience binding": a token of another resource is no token here.
        if !known.audience.iter().any(|uri| self.ports.opens(uri, resource)) {
            return Err(BearerError::Invalid);
        }
        Ok(Shown { caller: known.caller.clone(), key: known.key.clone() })
    }

    fn remembered(&self, hash: &TokenHash) -> Option<Arc<GoodToken>> {
        if !self.bus.is_live() {
            return None;
        }
        let known = self.known.get(hash)?;
        let now = self.clock.now();
        let is_true = |until: belgie_api::Timestamp| until > now;
        let plan = known.caller.subscription().and_then(|plan| plan.valid_until);
        (is_true(known.caller.principal().expires_at()) && plan.is_none_or(is_true)).then_some(known)
    }

    async fn look_up(&self, text: &str, hash: TokenHash, resource: &str) -> Result<Arc<GoodToken>, BearerError> {
        let generation = self.bus.generation();
        let verified = self.verify(text).await?.ok_or(BearerError::Invalid)?;
        let VerifiedToken { holder, client, actors, grant, token: row, scopes, audience, binding, expires_at, key } =
            verified;
        let (user, service) = match holder {
            Holder::Person(user) => (self.accounts.find(user).await?.ok_or(BearerError::Invalid)?, None),
            Holder::Service(service) => (standing_for(&service), Some(service)),
        };
        // What can be had at one resource of several allows nothing at the others.
        let place = (audience.len() > 1).then(|| resource.to_owned());
        let scopes = if place.is_some() { scopes.intersection(&self.offered_at(resource)?) } else { scopes };
        let principal = principal(PrincipalParts {
            user,
            service,
            client,
            session: None,
            presence: None,
            grant,
            token: Some(row),
            scopes,
            binding,
            expires_at,
        });
        let caller = self.callers.establish(Arc::new(acting(principal, actors))).await?.ok_or(BearerError::Invalid)?;
        let known = Arc::new(GoodToken { caller, audience, place, key: key.map(Arc::from) });
        self.remember(hash, &known, generation);
        Ok(known)
    }

    fn offered_at(&self, resource: &str) -> Result<ScopeSet> {
        let catalog = self.catalog.get().ok_or_else(|| Failure::internal("nobody has explained the scopes yet"))?;
        let offered = catalog.offered_at(&[resource.to_owned()]);
        Ok(offered.iter().filter_map(|scope| scope.name.parse::<Scope>().ok()).collect())
    }

    /// Junk is refused before any look into the database.
    async fn verify(&self, text: &str) -> Result<Option<VerifiedToken>, BearerError> {
        let now = self.clock.now();
        let reads = |(kind, verifier): (&TokenKind, &Arc<dyn TokenVerifier>)| {
            let token = verifier.read(text).filter(|token| token.kind() == *kind)?;
            Some((token, Arc::clone(verifier)))
        };
        if let Some((token, verifier)) = self.verifiers.iter().find_map(reads) {
            return Ok(verifier.verify(&token, now).await?);
        }
        match &self.signed {
            Some(verifier) if text.contains('.') => Ok(verifier.verify_signed(text, now).await?),
            _ => Err(BearerError::Invalid),
        }
    }

    /// Remembers what was loaded, unless news of it came in between: then it may be untrue already. The second look catches
    /// news that came while it was being written down.
    fn remember(&self, hash: TokenHash, known: &Arc<GoodToken>, generation: u64) {
        if !self.bus.is_live() || self.is_touched_since(&known.caller, generation) {
            return;
        }
        self.known.insert(hash, Arc::clone(known));
        if self.is_touched_since(&known.caller, generation) {
            self.known.invalidate(&hash);
        }
    }
}

fn forget(known: &Cache<TokenHash, Arc<GoodToken>>, event: &Event) {
    let touched = known.iter().filter(|(_, entry)| entry.caller.principal().is_touched_by(event));
    for hash in touched.map(|(hash, _)| *hash).collect::<Vec<_>>() {
        known.invalidate(&hash);
    }
}
