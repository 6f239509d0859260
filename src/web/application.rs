//! The gateway around the routes of the application it is part of.
//!
//! A session cookie counts there for whatever changes nothing (GET, HEAD, OPTIONS); `SameSite` keeps other sites from
//! using it for more than links. Anything else, and whatever opens a line that stays (`Upgrade`, as WebSockets do),
//! counts only when the browser itself says that a page of this address made the request (`Sec-Fetch-Site`, `Origin`),
//! so forms of the application need no token. A failure that leaves a handler is dressed as a page for who reads pages,
//! as JSON for everybody else; other answers are left as they are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use belgie_api::web::{RequestInfo, Visitor, is_by_our_page};
use belgie_api::{Failure, PlainToken};
use tower::{Layer, Service};

use super::client::ClientSource;
use super::{Web, edge, errors, visit};
use crate::auth::session_caller;
use crate::identity::Resumed;

/// What answers in the end.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// Puts the gateway's extractors into the routes of an application: `Router::new().route(..).layer(gateway.layer())`.
#[derive(Clone)]
pub struct ApplicationLayer(Arc<Web>);

impl ApplicationLayer {
    /// For the routes beside this web face.
    #[must_use]
    pub fn new(web: Arc<Web>) -> Self {
        Self(web)
    }
}

impl<S> Layer<S> for ApplicationLayer {
    type Service = ApplicationService<S>;

    fn layer(&self, inner: S) -> ApplicationService<S> {
        ApplicationService { web: Arc::clone(&self.0), inner }
    }
}

/// A route of an application with the gateway around it.
#[derive(Clone)]
pub struct ApplicationService<S> {
    web: Arc<Web>,
    inner: S,
}

impl<S> Service<Request> for ApplicationService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        let web = Arc::clone(&self.web);
        // The one that is ready answers; the clone waits for the next.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move { Ok(receive(&web, request, inner).await) })
    }
}

/// A session that counts for this request, with the cookie it came by.
async fn session(web: &Web, method: &Method, headers: &HeaderMap) -> belgie_api::Result<Option<(Resumed, PlainToken)>> {
    // A WebSocket begins with a GET, and pages of sibling hosts can open one with our cookie (RFC 6455 section 10.2).
    let changes_nothing =
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !headers.contains_key(header::UPGRADE);
    let counts = changes_nothing || is_by_our_page(headers, &web.urls);
    let Some(token) = web.cookies.session_token(headers).filter(|_| counts) else { return Ok(None) };
    Ok(web.identity.resume_session(&token).await?.map(|resumed| (resumed, token)))
}

async fn receive<S>(web: &Arc<Web>, mut request: Request, mut inner: S) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let info = request.extensions().get::<RequestInfo>().cloned().unwrap_or_else(|| edge::describe(web, &request));
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let reads_pages = reads_pages(&headers);
    let found = match session(web, &method, &headers).await {
        Ok(found) => found,
        Err(failure) => return errors::json_api(&failure),
    };
    let csrf_cookie = web.cookies.csrf_value(&headers);
    let resumed = found.as_ref().map(|(resumed, _)| resumed);
    let session = resumed.map(|resumed| resumed.session.id);
    let form_token = csrf_cookie.as_deref().map(|cookie| web.csrf.token(cookie, session));
    let browser = csrf_cookie.as_deref().map(|cookie| web.csrf.browser(cookie));
    let visitor = Visitor {
        info: info.clone(),
        caller: resumed.map(session_caller),
        csrf_token: form_token.unwrap_or_default().into(),
        browser: browser.unwrap_or_default().into(),
        is_fresh: resumed.is_some_and(|resumed| web.identity.is_fresh(&resumed.session)),
    };
    let extensions = request.extensions_mut();
    extensions.insert(info);
    extensions.insert(visitor.clone());
    extensions.insert(web.host.clone());
    extensions.insert(ClientSource { web: Arc::clone(web), visitor: visitor.clone(), headers });
    let Ok(response) = inner.call(request).await;
    let mut response = dress(web, &visitor, response, reads_pages);
    if let Some((resumed, token)) = &found {
        visit::renew(web, &mut response, resumed, token);
    }
    response
}

/// Failures come out of handlers as empty shells.
fn dress(web: &Web, visitor: &Visitor, response: Response<Body>, reads_pages: bool) -> Response {
    let Some(failure) = response.extensions().get::<Failure>().cloned() else { return response };
    if reads_pages {
        let mut page = errors::dress_page(web, visitor, response);
        visit::protect(&mut page);
        return page;
    }
    errors::json_api(&failure)
}

fn reads_pages(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value: &HeaderValue| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Lets only people through whose account holds all of these scopes: `.route_layer(scopes("notes:write shop:open")?)`,
/// inside [`ApplicationLayer`]. Strangers are sent to the sign-in page or answered with 401; who lacks a scope gets a 403
/// that names all that are missing.
///
/// # Errors
/// When a scope breaks the grammar of RFC 6749 section 3.3.
pub fn scopes(names: &str) -> Result<RequireScopes, belgie_api::scope::InvalidScope> {
    Ok(RequireScopes(Arc::new(names.parse()?)))
}

/// See [`scopes`].
#[derive(Clone, Debug)]
pub struct RequireScopes(Arc<belgie_api::ScopeSet>);

impl<S> Layer<S> for RequireScopes {
    type Service = ScopesRequired<S>;

    fn layer(&self, inner: S) -> ScopesRequired<S> {
        ScopesRequired { scopes: Arc::clone(&self.0), inner }
    }
}

/// A route that asks for scopes.
#[derive(Clone)]
pub struct ScopesRequired<S> {
    scopes: Arc<belgie_api::ScopeSet>,
    inner: S,
}

impl<S> Service<Request> for ScopesRequired<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        let scopes = Arc::clone(&self.scopes);
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let person = match person(&mut parts).await {
                Ok(person) => person,
                Err(refused) => return Ok(refused),
            };
            match person.require(&scopes) {
                Ok(()) => inner.call(Request::from_parts(parts, body)).await,
                Err(failure) => Ok(failure.into_response()),
            }
        })
    }
}

async fn person(parts: &mut axum::http::request::Parts) -> Result<belgie_api::web::SignedIn, Response> {
    use axum::extract::FromRequestParts;
    <belgie_api::web::SignedIn as FromRequestParts<()>>::from_request_parts(parts, &()).await
}
