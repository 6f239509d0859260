//! The outermost layers: an id for every request, one log line for it, no panic, only our own hosts, safe headers.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure};
use futures::FutureExt;

use super::{Web, errors};
use crate::mcp::CallLog;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Puts the edge around routes.
pub fn around(routes: Router, web: &Arc<Web>) -> Router {
    layer(routes, web, true)
}

/// The edge without the check of the host: for probes, which ask by address.
pub fn observed(routes: Router, web: &Arc<Web>) -> Router {
    layer(routes, web, false)
}

struct Edge {
    web: Arc<Web>,
    checks_host: bool,
}

/// One layer for everything: axum clones every layer of a route, and all layers below it, for each request.
fn layer(routes: Router, web: &Arc<Web>, checks_host: bool) -> Router {
    let edge = Edge { web: Arc::clone(web), checks_host };
    routes.layer(from_fn_with_state(Arc::new(edge), pass))
}

fn on_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a handler panicked");
    errors::json(&Failure::internal(format!("panic: {text}")))
}

/// Refuses requests for other hosts: a name somebody else points at this address (DNS rebinding) is not ours.
fn refuse_host(web: &Web, request: &Request) -> Option<Response> {
    // RFC 9112 section 3.2; whoever stands in front of us may have looked at the other one.
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        return Some(errors::json(&Failure::bad_request("edge.two_hosts", "A request has one host.")));
    }
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    if host.is_some_and(|host| is_ours(host, &web.rules.allowed_hosts)) {
        return None;
    }
    let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_look && host.is_some_and(is_localhost) && web.urls.is_loopback() {
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return Some(Redirect::temporary(&web.urls.absolute(here)).into_response());
    }
    let hint = format!(
        "It is served at {}. Operator: add the name to `mcp.allowed_hosts`, or set `base_url` to it.",
        web.urls.issuer()
    );
    Some(errors::json(&Failure::forbidden("edge.unknown_host", "This host is not served here.").hint(hint)))
}

/// People write this name where the address is meant.
fn is_localhost(host: &str) -> bool {
    host.split_once(':').map_or(host, |(bare, _)| bare).eq_ignore_ascii_case("localhost")
}

fn is_ours(host: &str, allowed: &[String]) -> bool {
    let bare =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(h, _)| h);
    allowed.iter().any(|ours| ours.eq_ignore_ascii_case(host) || ours.eq_ignore_ascii_case(bare))
}

async fn pass(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    observe(&edge.web, edge.checks_host, route, request, |request| next.run(request)).await
}

/// Gives the request its id and its client address, answers for handlers that panic, and writes the one log line.
/// `route`: the pattern of its address, for the log.
pub async fn observe<F>(
    web: &Web,
    checks_host: bool,
    route: &str,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let info = describe(web, &request);
    let method = request.method().clone();
    request.extensions_mut().insert(info.clone());
    let refused = if checks_host { refuse_host(web, &request) } else { None };
    let line = Line { info: &info, method: method.as_str(), route, started, is_written: false };
    let mut response = match refused {
        Some(refused) => refused,
        // What the handler was working on is dropped with it, so no broken state can be seen.
        None => AssertUnwindSafe(next(request)).catch_unwind().await.unwrap_or_else(on_panic),
    };
    harden(response.headers_mut(), &info, web.urls.is_https());
    line.write(&response);
    response
}

/// Gives a request its id, and says where it comes from.
pub fn describe(web: &Web, request: &Request) -> RequestInfo {
    RequestInfo { id: web.request_ids.next(), ip: client_address(web, request) }
}

/// The address of the client: of the connection, or what a trusted proxy says of it. Only the entry the nearest trusted
/// proxy wrote counts; what stands left of it anybody can write.
fn client_address(web: &Web, request: &Request) -> IpAddr {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let mut address = peer.to_canonical();
    let forwarded = request.headers().get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default());
    let hops: Vec<&str> = forwarded.flat_map(|text| text.split(',')).collect();
    for hop in hops.into_iter().rev() {
        // An entry nobody can read ends the walk: what stands left of it may be anybody's invention.
        let Some(hop) = read_hop(hop.trim()).filter(|_| (web.rules.is_trusted_proxy)(address)) else { break };
        address = hop.to_canonical();
    }
    address
}

/// An entry of `X-Forwarded-For`: an address, as some proxies write it with a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    bare.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

fn harden(headers: &mut HeaderMap, info: &RequestInfo, is_https: bool) {
    if let Ok(id) = HeaderValue::from_str(&info.id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The one log line of a request. One that nobody waits for any more has a line, too.
struct Line<'a> {
    info: &'a RequestInfo,
    method: &'a str,
    route: &'a str,
    started: Instant,
    is_written: bool,
}

impl Line<'_> {
    /// To the microsecond.
    fn took_ms(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
    }

    fn write(mut self, response: &Response) {
        self.is_written = true;
        let extensions = response.extensions();
        let caller = extensions.get::<Caller>();
        let call = extensions.get::<CallLog>();
        let failure = extensions.get::<Failure>();
        let status = response.status();
        let source = failure.and_then(Failure::private_source).filter(|_| status.is_server_error());
        let kind = caller.map(|caller| caller.principal().kind());
        let client = caller.map(|caller| tracing::field::display(&caller.client().id));
        let org = caller.and_then(Caller::organization).map(|org| tracing::field::display(org.id));
        tracing::event!(
            target: "belgie::request",
            tracing::Level::INFO,
            request.id = %self.info.id,
            http.method = self.method,
            http.route = self.route,
            http.status = status.as_u16(),
            principal.kind = kind,
            client.id = client,
            org.id = org,
            mcp.method = call.map(|call| call.method.as_str()),
            tool.name = call.and_then(|call| call.tool.as_deref()),
            error.code = failure.map(Failure::code),
            error.source = source,
            took_ms = self.took_ms(),
            "request"
        );
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.is_written {
            return;
        }
        tracing::event!(
            target: "belgie::request",
            tracing::Level::INFO,
            request.id = %self.info.id,
            http.method = self.method,
            http.route = self.route,
            outcome = "abandoned",
            took_ms = self.took_ms(),
            "request"
        );
    }
}
