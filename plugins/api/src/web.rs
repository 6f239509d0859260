//! What a page or an endpoint knows about the request it answers.

mod cross_site;
pub mod form;
pub mod json;
mod path;
mod session;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

pub use self::cross_site::{is_by_our_page, is_foreign, is_ours};
pub use self::path::is_local_path;
pub use self::session::Session;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::ports::{Host, Use};

/// Facts about the request itself; an extractor in every room.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The id in the log line and on error pages.
    pub id: Arc<str>,
    /// The address of the client, behind the proxies the operator trusts.
    pub ip: IpAddr,
}

/// The person in front of a page; an extractor in the browser room.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Facts about the request.
    pub info: RequestInfo,
    /// The signed-in person, with `web` as the client; `None` for a stranger.
    pub caller: Option<Caller>,
    /// The forgery token every form must carry as `csrf_token`. In the room for programs there is one only for requests that a page of
    /// ours made.
    pub csrf_token: Arc<str>,
    /// A mark of this browser, whoever is signed in there: it outlasts sessions, and nobody else can make it. Empty where the browser has
    /// brought no cookie that counts.
    pub browser: Arc<str>,
    /// Whether the signed-in person proved a moment ago to be there; never, when an operator wears the session.
    pub is_fresh: bool,
}

/// A signed-in person; a stranger is sent to the sign-in page and comes back afterwards. What is no page anyway (a form, a
/// script's request, one that wants JSON) gets status 401. `Option<SignedIn>` takes strangers, too.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub caller: Caller,
    /// The whole visit.
    pub visitor: Visitor,
}

/// A signed-in person who proved a moment ago to be there: what dangerous changes ask for. Others are asked to prove it
/// first and come back to the path of the request, so a page and the form on it share one path.
#[derive(Clone, Debug)]
pub struct Present {
    /// The person.
    pub caller: Caller,
    /// The whole visit.
    pub visitor: Visitor,
}

/// A signed-in person in the room for programs; a stranger gets status 401.
#[derive(Clone, Debug)]
pub struct Known {
    /// The person.
    pub caller: Caller,
    /// The whole visit.
    pub visitor: Visitor,
}

fn extension<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Result<T, Failure> {
    parts
        .extensions
        .get::<T>()
        .cloned()
        .ok_or_else(|| Failure::internal(format!("{} is not offered in this room", std::any::type_name::<T>())))
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        extension(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        extension(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let visitor: Visitor = extension(parts).map_err(IntoResponse::into_response)?;
        match visitor.caller.clone() {
            Some(caller) => Ok(Self { caller, visitor }),
            None => Err(to_sign_in(parts)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Present {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let SignedIn { caller, visitor } = <SignedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if visitor.is_fresh {
            return Ok(Self { caller, visitor });
        }
        if caller.is_worn() {
            let refused = Failure::forbidden("session.impersonated", "This is for the person alone.")
                .hint("End the impersonation first.");
            return Err(refused.into_response());
        }
        // Whoever sends a form comes back to its page, and it is filled in anew; who opens a link comes back to that.
        let whole = parts.uri.path_and_query().filter(|_| parts.method == axum::http::Method::GET);
        let query = return_query(whole.map_or(parts.uri.path(), |whole| whole.as_str()));
        Err(Redirect::to(&format!("/auth/confirm?{query}")).into_response())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let visitor: Visitor = extension(parts)?;
        match visitor.caller.clone() {
            Some(caller) => Ok(Self { caller, visitor }),
            None => Err(Failure::unauthorized("not_authenticated", "You are not signed in.")
                .hint("Sign in first; a script of another site cannot use the session of a browser.")),
        }
    }
}

impl<S: Send + Sync, T: std::any::Any + Send + Sync> FromRequestParts<S> for Use<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let host: Host = extension(parts)?;
        host.provided().ok_or_else(|| Failure::internal(format!("no plugin provides `{}`", std::any::type_name::<T>())))
    }
}

fn return_query(wanted: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", wanted).finish()
}

/// Where a stranger goes: to the sign-in page, and back to where a GET wanted to go.
fn to_sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if parts.method != axum::http::Method::GET || !wants_page(&parts.headers) {
        return Failure::with_status(StatusCode::UNAUTHORIZED, "session.missing", "You are not signed in any more.")
            .hint("Sign in, then try again.")
            .into_response();
    }
    let query = return_query(wanted);
    Redirect::to(&format!("/auth/signin?{query}")).into_response()
}

/// Whether a redirect would be followed by somebody who reads pages: not by a script (Fetch Metadata, section 2.2), nor by
/// who asks for JSON.
fn wants_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let accept = text(header::ACCEPT).unwrap_or("*/*");
    let is_navigation = text(header::HeaderName::from_static("sec-fetch-mode")).is_none_or(|mode| mode == "navigate");
    is_navigation && (accept.contains("text/html") || !accept.contains("json"))
}

/// Set on a response by a page whose form ends in a redirect elsewhere: the extra source its `form-action` policy needs
/// (Content Security Policy Level 3 section 6.4.1), such as `https://client.example`.
#[derive(Clone, Debug)]
pub struct FormAction(pub String);
