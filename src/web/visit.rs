//! The browser room: who is visiting, forms that only our own pages can send, and safe headers on every page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use belgie_api::web::{FormAction, RequestInfo, Visitor, is_by_our_page, is_foreign};
use belgie_api::{Caller, Failure, PlainToken, Result, SessionId};

use super::{Web, body, errors, sign_in};
use crate::auth::session_caller;
use crate::identity::Resumed;
use crate::identity::csrf::Csrf;
use crate::identity::setup::ADMIN;

/// The only form without a token: a sign-out can be asked for by anything that holds the cookie, as in the seed.
const WITHOUT_TOKEN: &str = "/auth/signout";

/// Set on a response of a page that is about frames; every other page neither frames nor is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// It frames pages of ours.
    OfOurs,
    /// It is somebody else's document, which pages of ours may frame and which may do nothing.
    Sandboxed,
}

/// Whether an address is there at all for this visitor. Asked before the form is looked at, so that who may not know of
/// a page gets the same answer as at an address nobody takes.
type Gate = fn(&Visitor) -> Result<()>;

/// Establishes the visitor, checks what a form brings, and dresses the answer.
pub async fn visit(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let form = request_form(&mut request);
    receive(&web, request, form, next, |_| Ok(())).await
}

/// The same for pages that are there for operators only.
pub async fn visit_operators(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let form = request_form(&mut request);
    receive(&web, request, form, next, operators_only).await
}

/// The same for what is there only while an operator wears somebody's session.
pub async fn visit_worn(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let form = request_form(&mut request);
    receive(&web, request, form, next, |visitor| if is_worn(visitor) { Ok(()) } else { Err(errors::nowhere()) }).await
}

/// An operator who wears somebody else's session is that person here.
pub fn operators_only(visitor: &Visitor) -> Result<()> {
    let is_operator = visitor.caller.as_ref().is_some_and(|caller| caller.user().scopes.has_named(ADMIN));
    if is_operator && !is_worn(visitor) { Ok(()) } else { Err(errors::nowhere()) }
}

fn is_worn(visitor: &Visitor) -> bool {
    visitor.caller.as_ref().is_some_and(Caller::is_worn)
}

/// The same at an address nobody takes. No form changes anything there, so none is checked: what was sent in vain is
/// told so, and not that its token is out of date.
pub async fn visit_nowhere(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    // Programs look here for what may be there (RFC 8615), and have no use for a page.
    if request.uri().path().starts_with("/.well-known/") {
        return errors::json(&errors::nowhere());
    }
    receive(&web, request, None, next, |_| Ok(())).await
}

/// Where another site sends a browser back to. A form it makes the browser post carries no token of ours, so whoever
/// posts is a stranger here: the session cookie is not looked at.
pub async fn visit_back(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        request.headers_mut().remove(header::COOKIE);
        let (parts, body) = request.into_parts();
        let body = match body::read(body, web.rules.body_timeout).await {
            Ok(bytes) => Body::from(bytes),
            Err(failure) => return failure.into_response(),
        };
        request = Request::from_parts(parts, body);
        let mut response = receive(&web, request, None, next, |_| Ok(())).await;
        // The browser has its cookies still; a stranger's would take their place.
        response.headers_mut().remove(header::SET_COOKIE);
        return response;
    }
    receive(&web, request, None, next, |_| Ok(())).await
}

/// The room for programs of people. A cookie counts only when the browser itself says that a page of ours made the
/// request, so no form token is needed; nothing here is a page, and nothing may be kept. An operator who wears somebody's
/// session is a stranger here: what programs of people are handed, such as tokens of a provider, is for the person alone.
pub async fn visit_api(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let Some(info) = request.extensions().get::<RequestInfo>().cloned() else {
        return Failure::internal("the edge is missing around the room for programs").into_response();
    };
    let headers = request.headers();
    let is_ours = is_by_our_page(headers, &web.urls);
    let token = web.cookies.session_token(headers).filter(|_| is_ours);
    let csrf_cookie = web.cookies.csrf_value(headers).filter(|_| is_ours);
    let resumed = match &token {
        Some(token) => web.identity.resume_remembered(token).await,
        None => Ok(None),
    };
    let resumed = match resumed {
        Ok(resumed) => resumed.filter(|resumed| resumed.session.impersonator_id.is_none()),
        Err(failure) => return failure.into_response(),
    };
    let session = resumed.as_ref().map(|resumed| resumed.session.id);
    let form_token = csrf_cookie.as_deref().map(|cookie| web.csrf.token(cookie, session));
    let browser = csrf_cookie.as_deref().map(|cookie| web.csrf.browser(cookie));
    let visitor = Visitor {
        info,
        caller: resumed.as_ref().map(session_caller),
        csrf_token: form_token.unwrap_or_default().into(),
        browser: browser.unwrap_or_default().into(),
        is_fresh: resumed.as_ref().is_some_and(|resumed| web.identity.is_fresh(&resumed.session)),
    };
    let caller = visitor.caller.clone();
    request.extensions_mut().insert(visitor);
    request.extensions_mut().insert(web.host.clone());
    let mut response = next.run(request).await;
    if let (Some(resumed), Some(token)) = (&resumed, &token) {
        renew(&web, &mut response, resumed, token);
    }
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Sends the cookie again when the session was prolonged by this request, unless the answer has one of its own.
pub fn renew(web: &Web, response: &mut Response, resumed: &Resumed, token: &PlainToken) {
    if resumed.is_renewed && !response.headers().contains_key(header::SET_COOKIE) {
        append(response.headers_mut(), web.cookies.set_session(token, resumed.lifetime));
    }
}

async fn receive(web: &Web, mut request: Request, form: Option<Form>, next: Next, gate: Gate) -> Response {
    let Some(info) = request.extensions().get::<RequestInfo>().cloned() else {
        return errors::json(&Failure::internal("the edge is missing around the browser room"));
    };
    let (csrf_cookie, is_new_cookie) = match web.cookies.csrf_value(request.headers()) {
        Some(value) => (value, false),
        None => (Csrf::new_cookie(web.entropy.as_ref()), true),
    };
    let token = web.cookies.session_token(request.headers());
    let resumed = match resume(web, token.as_ref()).await {
        Ok(resumed) => resumed,
        Err(failure) => return errors::json(&failure),
    };
    let session = resumed.as_ref().map(|resumed| resumed.session.id);
    let visitor = Visitor {
        info,
        caller: resumed.as_ref().map(session_caller),
        csrf_token: web.csrf.token(&csrf_cookie, session).into(),
        browser: web.csrf.browser(&csrf_cookie).into(),
        is_fresh: resumed.as_ref().is_some_and(|resumed| web.identity.is_fresh(&resumed.session)),
    };
    let caller = visitor.caller.clone();
    let device = resumed.as_ref().and_then(|resumed| device_cookie(web, request.headers(), resumed));
    let checked = match gate(&visitor) {
        Ok(()) => check_form(web, form, &csrf_cookie, session).await,
        Err(failure) => Err(failure),
    };
    let mut response = match checked {
        Ok(body) => {
            if let Some(body) = body {
                *request.body_mut() = body;
            }
            request.extensions_mut().insert(visitor.clone());
            request.extensions_mut().insert(web.host.clone());
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    };
    response = errors::dress_page(web, &visitor, response);
    if let (Some(resumed), Some(token)) = (&resumed, &token) {
        renew(web, &mut response, resumed, token);
    }
    if !response.headers().contains_key(header::SET_COOKIE) {
        append(response.headers_mut(), device);
    }
    if is_new_cookie {
        append(response.headers_mut(), web.cookies.set_csrf(&csrf_cookie));
    }
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    protect(&mut response);
    response
}

/// Makes the browser known for whoever is signed in there, however the session began.
fn device_cookie(web: &Web, headers: &HeaderMap, resumed: &Resumed) -> Option<HeaderValue> {
    let is_the_person = resumed.session.impersonator_id.is_none();
    is_the_person.then(|| sign_in::device_cookie(web, headers, &resumed.user, resumed.session.created_at))?
}

async fn resume(web: &Web, token: Option<&PlainToken>) -> Result<Option<Resumed>> {
    match token {
        Some(token) => web.identity.resume_session(token).await,
        None => Ok(None),
    }
}

/// The parts of a changing request that are checked; `None` for one that changes nothing.
struct Form {
    headers: HeaderMap,
    needs_token: bool,
    body: Body,
}

fn request_form(request: &mut Request) -> Option<Form> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let needs_token = request.uri().path() != WITHOUT_TOKEN;
    Some(Form { headers: request.headers().clone(), needs_token, body: std::mem::take(request.body_mut()) })
}

async fn check_form(web: &Web, form: Option<Form>, cookie: &str, session: Option<SessionId>) -> Result<Option<Body>> {
    let Some(form) = form else { return Ok(None) };
    if is_foreign(&form.headers, &web.urls) {
        return Err(Failure::forbidden("form.foreign", "This form was sent by another site.")
            .hint("Open the page here and send it again."));
    }
    let bytes = body::read(form.body, web.rules.body_timeout).await?;
    let token =
        url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf_token").map(|(_, value)| value.into_owned());
    if form.needs_token && !token.is_some_and(|token| web.csrf.is_right(&token, cookie, session)) {
        return Err(Failure::forbidden("form.stale", "This form is out of date.")
            .hint("Go back, reload the page and send it again. Cookies must be allowed for this site."));
    }
    Ok(Some(Body::from(bytes)))
}

fn append(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// No page may be framed, cached, or load anything from elsewhere. `form-action` names where a form may end up; Chromium
/// applies it to redirects, too, so the consent page says where its answer goes.
pub fn protect(response: &mut Response) {
    let frames = response.extensions().get::<Frames>().copied();
    let action = match response.extensions().get::<FormAction>() {
        None => " form-action 'self';".to_owned(),
        Some(FormAction(extra)) if extra.is_empty() => String::new(),
        Some(FormAction(extra)) => format!(" form-action 'self' {extra};"),
    };
    let (frame_source, may_frame) = match frames {
        None => ("", "DENY"),
        Some(Frames::OfOurs) => (" frame-src 'self';", "DENY"),
        Some(Frames::Sandboxed) => ("", "SAMEORIGIN"),
    };
    let policy = if frames == Some(Frames::Sandboxed) {
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'".to_owned()
    } else {
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self' data:;{frame_source}{action} frame-ancestors 'none'; \
             base-uri 'none'"
        )
    };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static(may_frame));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
