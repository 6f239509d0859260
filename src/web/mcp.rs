//! The way to the MCP endpoint: origin, credential, caller. Whoever comes through has a [`Caller`] and no secrets left.

mod bound;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::any;
use belgie_api::ports::{DPOP, DPOP_NONCE, NotProven};
use belgie_api::web::is_ours;
use belgie_api::{Caller, Failure, ScopeSet, resource};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::well_known::metadata_path;
use super::{MCP_PATH, Web, errors};
use crate::auth::bearer::{BearerError, Shown};
use crate::auth::challenge::Challenge;
use crate::auth::credential::{self, BadCredential};
use crate::auth::session_principal;
use crate::identity::Resumed;
use crate::mcp::Lease;

/// What stands before the endpoint.
pub struct Door {
    web: Arc<Web>,
    cors: CorsLayer,
}

impl Door {
    /// The door of this host.
    pub fn new(web: &Arc<Web>) -> Self {
        let origins: Vec<HeaderValue> =
            web.rules.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([
                header::WWW_AUTHENTICATE,
                header::RETRY_AFTER,
                HeaderName::from_static("mcp-session-id"),
                DPOP_NONCE,
            ]);
        Self { web: Arc::clone(web), cors }
    }
}

/// Which endpoint a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The shared one; the credential says for whom the call is made.
    Shared,
    /// The one of an organization, by its slug, whether there is such an organization or not.
    Organization(String),
}

impl Place {
    /// The endpoint at a path, if one is there.
    pub fn of(web: &Web, path: &str) -> Option<Self> {
        if path == MCP_PATH {
            return Some(Self::Shared);
        }
        let slug = resource::slug_in_path(path).filter(|_| web.has_organizations)?;
        Some(Self::Organization(slug.to_owned()))
    }

    /// The pattern of its path.
    pub const fn route(&self) -> &'static str {
        match self {
            Self::Shared => MCP_PATH,
            Self::Organization(_) => resource::OF_ORGANIZATION,
        }
    }

    /// Its identifier as a protected resource (RFC 8707).
    fn uri<'a>(&self, web: &'a Web) -> Cow<'a, str> {
        match self {
            Self::Shared => Cow::Borrowed(&web.mcp_uri),
            Self::Organization(slug) => Cow::Owned(web.urls.absolute(&resource::path_of(slug))),
        }
    }

    /// The organization whose own endpoint it is, by its slug.
    fn home(&self) -> Option<&str> {
        match self {
            Self::Shared => None,
            Self::Organization(slug) => Some(slug),
        }
    }

    /// What clients get here that name no scope.
    fn default_scopes<'a>(&self, web: &'a Web) -> &'a ScopeSet {
        match self {
            Self::Shared => &web.default_scopes.shared,
            Self::Organization(_) => &web.default_scopes.of_organizations,
        }
    }

    /// What its challenges are made with.
    fn challenge(&self, web: &Web) -> Arc<Challenge> {
        match self {
            Self::Shared => Arc::clone(&web.challenge),
            Self::Organization(slug) => {
                Arc::new(web.challenge.at(web.urls.absolute(&metadata_path(&resource::path_of(slug)))))
            }
        }
    }

    /// Whether a caller may be here at all: at an organization's endpoint only for that organization, by the name it has
    /// now.
    fn is_open_to(&self, caller: &Caller) -> bool {
        self.home().is_none_or(|slug| caller.organization().is_some_and(|own| own.slug == slug))
    }
}

pub fn routes(web: &Arc<Web>) -> Router {
    let through = |State(door): State<Arc<Door>>, request: Request| async move {
        match Place::of(&door.web, request.uri().path()) {
            Some(place) => enter(&door, place, request).await,
            None => errors::json(&Failure::not_found("web.not_found", "There is nothing at this address.")),
        }
    };
    let mut routes = Router::new().route(MCP_PATH, any(through));
    if web.has_organizations {
        routes = routes.route(resource::OF_ORGANIZATION, any(through));
    }
    routes.with_state(Arc::new(Door::new(web)))
}

/// Lets programs in, and browsers as far as their `Origin` allows. A layer would make programs, too, pay for CORS.
pub async fn enter(door: &Door, place: Place, request: Request) -> Response {
    let mut origins = request.headers().get_all(header::ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return answer(&door.web, &place, request).await;
    }
    let is_allowed =
        |origin: &HeaderValue| door.web.rules.allowed_origins.iter().any(|ours| ours.as_bytes() == origin.as_bytes());
    if origins.all(is_allowed) {
        return Box::pin(answer_browser(door, &place, request)).await;
    }
    // MCP 2026-07-28, transports: a present and invalid `Origin` is answered with 403, before anything else.
    errors::json(
        &Failure::forbidden("edge.foreign_origin", "Pages of this origin may not talk to this endpoint.")
            .hint("Operator: add the origin to `mcp.allowed_origins`."),
    )
}

async fn answer_browser(door: &Door, place: &Place, request: Request) -> Response {
    let inner = service_fn(|request| async { Ok::<_, Infallible>(answer(&door.web, place, request).await) });
    let Ok(response) = door.cors.layer(inner).oneshot(request).await;
    response
}

/// How often a caller is established anew when news of them come in between.
const TRIES: usize = 32;

/// Somebody who may talk to the endpoint, and how long.
struct Admitted {
    caller: Caller,
    lease: Lease,
    /// The session cookie, when the session was prolonged by this request.
    cookie: Option<HeaderValue>,
    /// The key the token is bound to, of which there has to be a proof.
    key: Option<Arc<str>>,
}

async fn answer(web: &Web, place: &Place, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Admitted { caller, lease, cookie, key } = match admit(web, place, &parts).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let (challenge, nonce) = match &key {
        None => (place.challenge(web), None),
        // Boxed: whoever shows a bearer token does not carry the room that a proof needs. A proof is spent, so it is looked at once,
        // however often the caller was established.
        Some(key) => match Box::pin(bound::prove(web, place, &parts, key)).await {
            Ok(nonce) => (bound::challenge_of(web, place), nonce),
            Err(refused) => return refused,
        },
    };
    // Whatever runs behind this line never sees a credential.
    for name in [header::AUTHORIZATION, header::COOKIE, DPOP] {
        parts.headers.remove(name);
    }
    let mut response = web.mcp.handle(Request::from_parts(parts, body), caller.clone(), lease, challenge).await;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Some(nonce) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response.extensions_mut().insert(caller);
    response
}

/// Establishes the caller and begins the lease that ends with the credential. News of the caller that come between the two
/// would be heard by nobody, so whoever was established before them is established anew. News of others are nothing to them:
/// however many there are, they keep nobody out.
async fn admit(web: &Web, place: &Place, parts: &Parts) -> Result<Admitted, Response> {
    for _ in 0..TRIES {
        let generation = web.tokens.settled().await;
        let Established { caller, cookie, key } = authenticate(web, place, parts).await?;
        let lease = web.mcp.lease(&caller, place.home());
        if !web.tokens.is_touched_since(&caller, generation) {
            return Ok(Admitted { caller, lease, cookie, key });
        }
    }
    Err(errors::json(&Failure::unavailable("news of the caller come in faster than it can be established")))
}

/// A caller, and by what.
struct Established {
    caller: Caller,
    cookie: Option<HeaderValue>,
    key: Option<Arc<str>>,
}

async fn authenticate(web: &Web, place: &Place, parts: &Parts) -> Result<Established, Response> {
    match credential::token(parts) {
        Err(BadCredential::InQuery) => {
            Err(errors::json(&Failure::bad_request("invalid_request", "A token in the address is not accepted.").hint(
                "Send it in the Authorization header (RFC 6750 section 2.1), and revoke it: addresses end up in logs.",
            )))
        }
        Err(BadCredential::Malformed) => Err(challenge(web, place, true)),
        Ok(Some(token)) => match web.tokens.authenticate(token.text, &place.uri(web)).await {
            Ok(Shown { caller, key })
                if place.is_open_to(&caller) && bound::is_shown_as_it_is(web, token.is_bound, key.as_deref()) =>
            {
                Ok(Established { caller, cookie: None, key })
            }
            Ok(_) | Err(BearerError::Invalid) if token.is_bound && web.proofs.is_some() => {
                Err(bound::refuse(web, place, &NotProven::Key))
            }
            Ok(_) | Err(BearerError::Invalid) => Err(challenge(web, place, true)),
            Err(BearerError::Failure(failure)) => Err(errors::json(&failure)),
        },
        // Boxed: an agent's request does not carry the room that a look into the database needs.
        Ok(None) => Box::pin(by_cookie(web, place, parts)).await,
    }
}

/// A session cookie counts only when the browser itself says that a page of ours made the request.
async fn by_cookie(web: &Web, place: &Place, parts: &Parts) -> Result<Established, Response> {
    let token = web.cookies.session_token(&parts.headers).filter(|_| is_ours(&parts.headers, &web.urls));
    let Some(token) = token else { return Err(challenge(web, place, false)) };
    match web.identity.resume_session(&token).await {
        Ok(Some(resumed)) if resumed.session.impersonator_id.is_some() => Err(errors::json(
            &Failure::forbidden("session.impersonated", "Tools are not called while somebody wears another's session.")
                .hint("End the impersonation first."),
        )),
        Ok(Some(resumed)) => {
            let cookie = resumed.is_renewed.then(|| web.cookies.set_session(&token, resumed.lifetime)).flatten();
            match caller_at(web, place, &resumed).await {
                Ok(Some(caller)) => Ok(Established { caller, cookie, key: None }),
                Ok(None) => Err(challenge(web, place, false)),
                Err(failure) => Err(errors::json(&failure)),
            }
        }
        Ok(None) => Err(challenge(web, place, false)),
        Err(failure) => Err(errors::json(&failure)),
    }
}

/// The person of a browser session at an endpoint: for the organization whose endpoint it is, if they are in it.
async fn caller_at(web: &Web, place: &Place, resumed: &Resumed) -> belgie_api::Result<Option<Caller>> {
    match place {
        Place::Shared => web.callers.establish(session_principal(resumed, None)).await,
        Place::Organization(slug) => {
            let Some(organization) = web.callers.find_organization(slug).await? else { return Ok(None) };
            web.callers.establish(session_principal(resumed, Some(organization))).await
        }
    }
}

/// 401 with the challenge of RFC 9728 section 5.1; no error code when no token was sent (RFC 6750 section 3.1). Where tokens have to be
/// bound to a key it is that of RFC 9449, where they may be it stands beside.
fn challenge(web: &Web, place: &Place, had_token: bool) -> Response {
    let is_bound_alone = web.proofs.as_ref().is_some_and(|proofs| proofs.0.is_required());
    let challenge = if is_bound_alone { bound::challenge_of(web, place) } else { place.challenge(web) };
    let challenge = if had_token {
        challenge.invalid_token(place.default_scopes(web))
    } else {
        challenge.missing_token(place.default_scopes(web))
    };
    let failure = if had_token {
        Failure::unauthorized("invalid_token", "The token is unknown, expired, revoked or meant for another resource.")
            .hint("Ask for a new one.")
    } else {
        Failure::unauthorized("unauthorized", "This endpoint needs an access token.")
            .hint("Connect with an MCP client that can sign in, or send a token in the Authorization header.")
    };
    let mut response = errors::json(&failure);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    if !is_bound_alone {
        bound::add_beside(web, &mut response);
    }
    response
}
