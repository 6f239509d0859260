//! Tokens that are bound to a key at the MCP endpoint (RFC 9449 section 7): whoever shows one shows with a proof that they hold it.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use belgie_api::Failure;
use belgie_api::ports::{BoundCall, DPOP_NONCE, NotProven};

use super::{Place, Web, errors};
use crate::auth::challenge::Challenge;
use crate::auth::credential;

/// Whether a token that was shown as bound, or not, is one (section 7.2): no other way to show it will do.
pub fn is_shown_as_it_is(web: &Web, is_bound: bool, key: Option<&str>) -> bool {
    let is_required = web.proofs.as_ref().is_some_and(|proofs| proofs.0.is_required());
    is_bound == key.is_some() && (is_bound || !is_required)
}

/// What the challenges to whoever uses such tokens are made with.
pub fn challenge_of(web: &Web, place: &Place) -> Arc<Challenge> {
    let challenge = place.challenge(web);
    match &web.proofs {
        Some(proofs) => Arc::new(challenge.for_bound(proofs.0.algorithms())),
        None => challenge,
    }
}

/// Adds what is said beside the challenge of RFC 6750 where such tokens are good, too.
pub fn add_beside(web: &Web, response: &mut Response) {
    if let Some(proofs) = &web.proofs {
        response.headers_mut().append(header::WWW_AUTHENTICATE, Challenge::beside(proofs.0.algorithms()));
    }
}

/// Checks the proof of a request with a token that is bound to `key`: the nonce that the next proof is to have.
pub async fn prove(web: &Web, place: &Place, parts: &Parts, key: &str) -> Result<Option<HeaderValue>, Response> {
    let (Some(proofs), Ok(Some(shown))) = (&web.proofs, credential::token(parts)) else {
        return Err(refuse(web, place, &NotProven::Key));
    };
    let uri = place.uri(web);
    let call = BoundCall { method: &parts.method, uri: &uri, headers: &parts.headers, token: shown.text, key };
    match proofs.0.check(call).await {
        Ok(nonce) => Ok(nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok())),
        Err(why) => Err(refuse(web, place, &why)),
    }
}

/// 401 for whoever used such a token as it must not be used (section 7.1), with a nonce if one is wanted (section 9).
pub fn refuse(web: &Web, place: &Place, why: &NotProven) -> Response {
    let challenge = challenge_of(web, place);
    let (challenge, code, said) = match why {
        NotProven::Failure(failure) => return errors::json(failure),
        NotProven::Proof => (
            challenge.invalid_proof(),
            "invalid_dpop_proof",
            "The DPoP proof is missing, not valid, or was used before.",
        ),
        NotProven::Nonce(_) => {
            (challenge.nonce_wanted(), "use_dpop_nonce", "The DPoP proof needs the nonce that comes with this answer.")
        }
        NotProven::Key => (
            challenge.invalid_token(place.default_scopes(web)),
            "invalid_token",
            "The token is unknown, expired, revoked, meant for another resource, or bound to another key or none.",
        ),
    };
    let mut response = errors::json(&Failure::unauthorized(code, said));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    if let NotProven::Nonce(nonce) = why
        && let Ok(nonce) = HeaderValue::try_from(nonce)
    {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}
