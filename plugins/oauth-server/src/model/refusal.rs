//! The error codes of the token, revocation and registration endpoints (RFC 6749 section 5.2, RFC 7591 section 3.2.2,
//! RFC 8707 section 2). The sentences never repeat what the client sent.

use belgie_api::Failure;

/// RFC 6749 section 5.2: a parameter is missing, repeated or malformed.
pub fn invalid_request(message: &'static str) -> Failure {
    Failure::bad_request("invalid_request", message)
}

/// RFC 6749 section 5.2: the client is unknown or did not prove who it is; status 401.
pub fn invalid_client(message: &'static str) -> Failure {
    Failure::unauthorized("invalid_client", message)
}

/// The same code on a page: the authorization endpoint has nobody to send it back to, so it is status 400.
pub fn unusable_client(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::bad_request("invalid_client", message)
        .hint("Start again from your agent. If it stays, tell its makers what this page says.")
}

/// RFC 6749 section 5.2: the code or refresh token is unknown, spent, expired, revoked or another client's. One
/// sentence for all of them, so that a guess learns nothing.
pub fn invalid_grant() -> Failure {
    Failure::bad_request("invalid_grant", "The code or refresh token is not valid. Start a new authorization.")
}

/// RFC 6749 section 5.2: this grant type is not offered.
pub fn unsupported_grant_type() -> Failure {
    Failure::bad_request("unsupported_grant_type", "Use authorization_code or refresh_token.")
}

/// RFC 6749 section 5.2: more than was granted, or nothing that exists.
pub fn invalid_scope(message: &'static str) -> Failure {
    Failure::bad_request("invalid_scope", message)
}

/// RFC 8707 section 2: the resource is unknown here or outside the grant.
pub fn invalid_target() -> Failure {
    Failure::bad_request("invalid_target", "The resource is unknown here or is not part of the grant.")
}

/// RFC 7591 section 3.2.2.
pub fn invalid_client_metadata(message: &'static str) -> Failure {
    Failure::bad_request("invalid_client_metadata", message)
}

/// RFC 7591 section 3.2.2.
pub fn invalid_redirect_uri(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::bad_request("invalid_redirect_uri", message)
}
