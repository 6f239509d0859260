//! What a request shows of itself. An access token, if one is present, is the only credential: a cookie is never its
//! fallback.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// A credential that is presented wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCredential {
    /// A token in the query string, where logs and histories keep it (RFC 6750 section 2.3, forbidden by MCP).
    InQuery,
    /// More than one `Authorization` header, or a scheme other than Bearer and DPoP.
    Malformed,
}

/// An access token as a request shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownToken<'a> {
    /// The token.
    pub text: &'a str,
    /// Whether it is said to be bound to a key, of which the request has a proof (RFC 9449 section 7.1).
    pub is_bound: bool,
}

/// Reads the `Authorization` header (RFC 6750 section 2.1, RFC 9449 section 7.1). `Ok(None)` when there is none.
///
/// # Errors
/// When the token stands in the query, or the header is not a single one of a token.
pub fn token(parts: &Parts) -> Result<Option<ShownToken<'_>>, BadCredential> {
    if has_token_in_query(parts.uri.query().unwrap_or_default()) {
        return Err(BadCredential::InQuery);
    }
    authorization(&parts.headers)
}

fn has_token_in_query(query: &str) -> bool {
    !query.is_empty() && url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
}

fn authorization(headers: &HeaderMap) -> Result<Option<ShownToken<'_>>, BadCredential> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BadCredential::Malformed);
    }
    let text = value.to_str().map_err(|_| BadCredential::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(BadCredential::Malformed)?;
    let is_bound = scheme.eq_ignore_ascii_case("dpop");
    if !is_bound && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BadCredential::Malformed);
    }
    Ok(Some(ShownToken { text: token.trim(), is_bound }))
}

/// The value of one cookie of the request.
#[must_use]
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| cookie::Cookie::split_parse(text.to_owned()))
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}
