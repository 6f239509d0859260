//! Why a request is turned away, and how that is said (RFC 6750 section 3).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::proof::ALGORITHMS;

/// Why a request is turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It brought no bearer token.
    #[error("a bearer token is needed")]
    NoToken,
    /// What it brought is no token that is in force here.
    #[error("the token is not valid here, or no longer")]
    InvalidToken,
    /// The token is bound to a key, and there is no proof of it that is good for this request (RFC 9449 section 4.3).
    #[error("the DPoP proof is missing, not valid, or was used before")]
    InvalidProof,
    /// The token is good, and not for this: one of the scopes this server asks for is missing.
    #[error("the token lacks the scope {0}")]
    InsufficientScope(String),
    /// Its key has shown more proofs in a short time than are remembered of one key (RFC 6585 section 4).
    #[error("too many DPoP proofs of one key in a short time")]
    TooManyProofs,
    /// The issuer could not be asked, or whoever remembers used proofs. What is not certain opens nothing.
    #[error("the token cannot be checked at the moment: {0}")]
    Unavailable(String),
}

/// A request that was turned away. As a response it is 401, 403, 429 or 503, with the challenge that tells a client where to get
/// a token (RFC 9728 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The address of this server's metadata.
    pub(crate) metadata: String,
    /// All scopes this server asks for, separated by spaces.
    pub(crate) scopes: String,
    /// Whether the token came as one that is bound to a key.
    pub(crate) is_bound: bool,
}

impl Refused {
    fn challenge(&self) -> Option<String> {
        let error = match self.reason {
            Reason::NoToken => "",
            Reason::InvalidToken => "error=\"invalid_token\", ",
            Reason::InvalidProof => "error=\"invalid_dpop_proof\", ",
            Reason::InsufficientScope(_) => "error=\"insufficient_scope\", ",
            Reason::TooManyProofs | Reason::Unavailable(_) => return None,
        };
        let scope = if self.scopes.is_empty() { String::new() } else { format!("scope=\"{}\", ", self.scopes) };
        let place = format!("{error}{scope}resource_metadata=\"{}\"", self.metadata);
        Some(if self.is_bound { format!("DPoP {place}, algs=\"{ALGORITHMS}\"") } else { format!("Bearer {place}") })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error) = match self.reason {
            Reason::NoToken | Reason::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Reason::InvalidProof => (StatusCode::UNAUTHORIZED, "invalid_dpop_proof"),
            Reason::InsufficientScope(_) => (StatusCode::FORBIDDEN, "insufficient_scope"),
            Reason::TooManyProofs => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable"),
            Reason::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        };
        // What went wrong on the way to the issuer is for the log of this server.
        let said = match &self.reason {
            Reason::Unavailable(_) => "The token cannot be checked at the moment. Try again.".to_owned(),
            reason => format!("{reason}."),
        };
        let mut response = (status, Json(json!({ "error": error, "error_description": said }))).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge().and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::UNAUTHORIZED && !self.is_bound {
            let beside = HeaderValue::try_from(format!("DPoP algs=\"{ALGORITHMS}\""));
            headers.append(header::WWW_AUTHENTICATE, beside.unwrap_or(HeaderValue::from_static("DPoP")));
        }
        // What was shown too much is forgotten within minutes.
        match status {
            StatusCode::TOO_MANY_REQUESTS => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60")),
            StatusCode::SERVICE_UNAVAILABLE => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")),
            _ => None,
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
