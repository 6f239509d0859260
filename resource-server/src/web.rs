//! The token in axum: a middleware that asks for one, and the argument of handlers.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::builder::ResourceServer;
use crate::proof::{ALGORITHMS, BoundRequest};
use crate::refusal::{Reason, Refused};
use crate::token::Token;

/// For [`axum::middleware::from_fn_with_state`]: lets nobody through without a good token, and hands the token on. One that is bound to
/// a key comes with the scheme `DPoP` and a proof (RFC 9449 section 7.1).
///
/// # Errors
/// 401, 403, 429 or 503, with a challenge (RFC 6750 section 3, RFC 9728 section 5.1).
pub async fn require_token(
    State(server): State<ResourceServer>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (text, is_bound) = shown(request.headers()).map_err(|reason| server.refused(reason))?;
    let bound = BoundRequest { method: request.method(), path: request.uri().path(), headers: request.headers() };
    let token = if is_bound { server.check_bound(text, bound).await? } else { server.check(text).await? };
    request.extensions_mut().insert(token);
    Ok(next.run(request).await)
}

/// The token of the one `Authorization` header, and whether it came as one that is bound to a key. Tokens in the query or in a form are not looked at (RFC 9700 section 4.3.2).
fn shown(headers: &HeaderMap) -> Result<(&str, bool), Reason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Reason::NoToken)?;
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(Reason::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Reason::NoToken)?;
    let is_bound = scheme.eq_ignore_ascii_case("dpop");
    if !is_bound && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Reason::NoToken);
    }
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    is_token.then_some((token, is_bound)).ok_or(Reason::InvalidToken)
}

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = StatusCode;

    /// # Errors
    /// 500 on a route that is not behind [`require_token`].
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl ResourceServer {
    /// The route of this server's metadata (RFC 9728 section 3), by which clients find the issuer. It is for everybody: merge
    /// it after the middleware.
    pub fn metadata_route<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let mut document = json!({
            "resource": self.resource(),
            "authorization_servers": [self.issuer().name()],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ALGORITHMS.split(' ').collect::<Vec<_>>(),
        });
        if let (false, Some(members)) = (self.scopes().is_empty(), document.as_object_mut()) {
            members.insert("scopes_supported".to_owned(), json!(self.scopes()));
        }
        Router::new().route(self.place(), get(move || async move { Json(document) }))
    }
}
