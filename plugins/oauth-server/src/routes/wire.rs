//! Reading forms and client credentials, and writing answers nobody may keep.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::{DPOP, DPOP_NONCE};
use belgie_api::{ClientId, Failure, Result};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::model::assertion::{AssertionClaims, CLIENT_ASSERTION_TYPE};
use crate::model::params::Params;
use crate::model::refusal;
use crate::service::{OAuth, PresentedClient, PresentedProof};

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// Reads the form of an OAuth endpoint (RFC 6749 section 3.2): urlencoded, no parameter twice.
///
/// # Errors
/// `invalid_request`.
pub fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Params> {
    if !has_type(headers, "application/x-www-form-urlencoded") {
        return Err(refusal::invalid_request("Send the parameters as application/x-www-form-urlencoded."));
    }
    if body.len() > MAX_FORM_BYTES {
        return Err(refusal::invalid_request("The form is larger than 16 KiB."));
    }
    let params =
        Params::read(body).ok_or_else(|| refusal::invalid_request("A parameter holds a forbidden character."))?;
    if params.has_repetition() {
        return Err(refusal::invalid_request("A parameter came twice."));
    }
    Ok(params)
}

/// Whether the body says it is of this media type.
pub fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(wanted))
}

/// An error of an OAuth endpoint, which may have to name the way to authenticate.
#[derive(Debug)]
pub struct OAuthError {
    failure: Failure,
    /// The client tried HTTP authentication, so RFC 6749 section 5.2 wants a challenge.
    used_header: bool,
}

impl OAuthError {
    /// An error after the client tried to authenticate in this way.
    pub fn new(failure: Failure, used_header: bool) -> Self {
        Self { failure, used_header }
    }
}

impl From<Failure> for OAuthError {
    fn from(failure: Failure) -> Self {
        Self { failure, used_header: false }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let wants_challenge = self.used_header && self.failure.status() == StatusCode::UNAUTHORIZED;
        let mut response = self.failure.into_response();
        if wants_challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        response
    }
}

/// Adds the nonce that the next proof is to have (RFC 9449 section 8): when one was missing, and where they always are wanted.
pub fn with_nonce(oauth: &OAuth, headers: &HeaderMap, mut response: Response) -> Response {
    let is_wanted =
        response.extensions().get::<Failure>().is_some_and(|failure| failure.code() == refusal::NONCE_WANTED);
    let nonce = if is_wanted { Some(oauth.nonce()) } else { oauth.next_nonce().filter(|_| headers.contains_key(DPOP)) };
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}

/// Who calls: HTTP Basic, the form, an assertion (RFC 7523 section 2.2), or an identifier alone (RFC 6749 section 2.3.1); and
/// whether it was HTTP Basic.
///
/// # Errors
/// `invalid_client` without any identifier, `invalid_request` for two at once.
pub fn read_client(headers: &HeaderMap, params: &Params) -> Result<(PresentedClient, bool), OAuthError> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (authorizations.next(), authorizations.next());
    if second.is_some() {
        return Err(refusal::invalid_request("The client authenticated more than once.").into());
    }
    if let Some(assertion) = params.get("client_assertion") {
        if first.is_some() || params.get("client_secret").is_some() {
            return Err(refusal::invalid_request("The client authenticated more than once.").into());
        }
        return Ok((read_assertion(assertion, params)?, false));
    }
    let Some(value) = first else {
        let id = params.get("client_id").ok_or_else(|| refusal::invalid_client("The client did not say who it is."))?;
        let proof = params.get("client_secret").map(str::to_owned);
        let proof = proof.map_or(PresentedProof::None, PresentedProof::Secret);
        return Ok((PresentedClient { id: ClientId::from_wire(id), proof }, false));
    };
    let refuse = |message| OAuthError::new(refusal::invalid_client(message), true);
    let (id, secret) = value
        .to_str()
        .ok()
        .and_then(read_basic)
        .ok_or_else(|| refuse("The Authorization header is not HTTP Basic with a client id and secret."))?;
    if params.get("client_secret").is_some() || params.get("client_id").is_some_and(|other| other != id) {
        return Err(refusal::invalid_request("The client authenticated more than once.").into());
    }
    let proof = if secret.is_empty() { PresentedProof::None } else { PresentedProof::Secret(secret) };
    Ok((PresentedClient { id: ClientId::from_wire(id), proof }, true))
}

/// Who an assertion says it comes from, which must be who the form says (RFC 7523 section 3); whether that is so is checked later.
fn read_assertion(assertion: &str, params: &Params) -> Result<PresentedClient, Failure> {
    if params.get("client_assertion_type") != Some(CLIENT_ASSERTION_TYPE) {
        return Err(refusal::invalid_request("client_assertion_type must be that of jwt-bearer."));
    }
    let said = AssertionClaims::peek(assertion).map(|claims| claims.sub);
    let said = said.ok_or_else(|| refusal::invalid_client("The client assertion is no signed token."))?;
    if params.get("client_id").is_some_and(|id| id != said) {
        return Err(refusal::invalid_client("The client assertion is another client's."));
    }
    Ok(PresentedClient { id: ClientId::from_wire(&said), proof: PresentedProof::Assertion(assertion.to_owned()) })
}

/// The bearer token of a request (RFC 6750 section 2.1), if it has one.
///
/// # Errors
/// `invalid_request` when there is something else in its place, or more than one.
pub fn read_bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = authorizations.next() else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && authorizations.next().is_none() => {
            Ok(Some(token.trim()))
        }
        _ => Err(refusal::invalid_request("The Authorization header is not one bearer token.")),
    }
}

/// RFC 7617 with the encoding of RFC 6749 section 2.3.1 inside.
fn read_basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?)).filter(|(id, _)| !id.is_empty())
}

fn form_decode(text: &str) -> Option<String> {
    // Our ids and secrets need no escaping; a text that would fall apart as a form is none of ours.
    if text.contains(['&', '=']) {
        return None;
    }
    let decoded =
        form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned());
    (!decoded.contains(char::is_control)).then_some(decoded)
}

/// JSON that nobody may keep (RFC 6749 section 5.1).
pub fn unkept(status: StatusCode, body: &Value) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, headers, body.to_string()).into_response()
}

/// Sends the browser elsewhere with a GET (RFC 9110 section 15.4.4, RFC 9700 section 4.12): 303, so that no form travels
/// along.
///
/// # Errors
/// When the address cannot stand in a header, which a checked one always can.
pub fn see_other(location: &str) -> Result<Response> {
    let location = HeaderValue::from_str(location).map_err(Failure::internal)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Whether a redirect would reach nobody: a script of our own pages follows it without being told where it leads, and who asks for JSON
/// reads no page. Programs that are no browsers send none of this, and see the redirect.
fn is_by_script(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_fetch = !matches!(text("sec-fetch-mode"), "" | "navigate") && text("sec-fetch-site") == "same-origin";
    let accept = text("accept");
    (is_fetch || accept.contains("application/json")) && !accept.contains("text/html")
}

/// Sends a browser on. A script is told where instead.
pub fn onward(headers: &HeaderMap, location: &str) -> Result<Response> {
    if is_by_script(headers) {
        return Ok(unkept(StatusCode::OK, &json!({ "redirect": true, "url": location })));
    }
    see_other(location)
}

#[cfg(test)]
mod tests {
    use super::{PresentedProof, read_basic, read_client};
    use crate::model::params::Params;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use belgie_api::axum::http::{HeaderMap, header};

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_credentials_are_decoded_twice() {
        assert_eq!(read_basic(&basic("cli_1:blg%5Fcs_x")), Some(("cli_1".into(), "blg_cs_x".into())));
        assert_eq!(read_basic(&basic("cli_1:")), Some(("cli_1".into(), String::new())));
        for text in [":x", "no colon", "a&b=c:x"] {
            assert_eq!(read_basic(&basic(text)), None, "{text}");
        }
        assert_eq!(read_basic("Bearer abc"), None);
        assert_eq!(read_basic("Basic %%%"), None);
    }

    #[test]
    fn a_client_authenticates_in_one_way() {
        let read = |authorization: &[String], form: &str| {
            let mut headers = HeaderMap::new();
            for value in authorization {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            read_client(&headers, &Params::read(form.as_bytes()).unwrap())
                .map(|(client, used_header)| {
                    let secret = match client.proof {
                        PresentedProof::Secret(secret) => Some(secret),
                        _ => None,
                    };
                    (client.id.to_string(), secret, used_header)
                })
                .map_err(|error| error.failure.code().to_owned())
        };
        let header = basic("cli_1:secret");
        assert_eq!(read(&[], "client_id=cli_1").unwrap(), ("cli_1".into(), None, false));
        assert_eq!(read(&[], "client_id=cli_1&client_secret=s").unwrap(), ("cli_1".into(), Some("s".into()), false));
        assert_eq!(
            read(std::slice::from_ref(&header), "client_id=cli_1").unwrap(),
            ("cli_1".into(), Some("secret".into()), true)
        );
        assert_eq!(read(&[], "").unwrap_err(), "invalid_client");
        assert_eq!(read(&["Bearer x".into()], "client_id=cli_1").unwrap_err(), "invalid_client");
        assert_eq!(read(std::slice::from_ref(&header), "client_secret=s").unwrap_err(), "invalid_request");
        assert_eq!(read(std::slice::from_ref(&header), "client_id=cli_2").unwrap_err(), "invalid_request");
        assert_eq!(read(&[header.clone(), header], "").unwrap_err(), "invalid_request");
    }
}
