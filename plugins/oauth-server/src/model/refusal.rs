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

/// The same, from a client that proved who it is when it was let in, and does not any more.
pub fn must_prove() -> Failure {
    invalid_client("This client proves with its keys who it is (private_key_jwt).")
}

/// The same code on a page: the authorization endpoint has nobody to send it back to, so it is status 400.
pub fn unusable_client(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::bad_request("invalid_client", message)
        .hint("Start again from your agent. If it stays, tell its makers what this page says.")
}

/// The code of a proof that is not good (RFC 9449 section 5).
pub const INVALID_PROOF: &str = "invalid_dpop_proof";

/// The code of a proof without a good nonce (RFC 9449 section 8).
pub const NONCE_WANTED: &str = "use_dpop_nonce";

/// RFC 9449 section 5: the proof is not good.
pub fn invalid_proof(message: &'static str) -> Failure {
    Failure::bad_request(INVALID_PROOF, message)
}

/// The same, from a client that has shown no key and has to.
pub fn key_wanted() -> Failure {
    invalid_proof("What is given here is bound to a key, so the request needs a DPoP proof.")
}

/// RFC 9449 section 8: the proof needs a nonce, which comes with the answer.
pub fn nonce_wanted() -> Failure {
    Failure::bad_request(NONCE_WANTED, "The DPoP proof needs the nonce that comes with this answer.")
}

/// RFC 6749 section 5.2: the code or refresh token is unknown, spent, expired, revoked or another client's. One
/// sentence for all of them, so that a guess learns nothing.
pub fn invalid_grant() -> Failure {
    Failure::bad_request("invalid_grant", "The code or refresh token is not valid. Start a new authorization.")
}

/// RFC 6749 section 5.2: this grant type is not offered.
pub fn unsupported_grant_type() -> Failure {
    Failure::bad_request("unsupported_grant_type", "Use authorization_code, refresh_token or client_credentials.")
}

/// RFC 6749 section 5.2: the client was not made for this grant, or what it acts as is gone.
pub fn unauthorized_client() -> Failure {
    Failure::bad_request("unauthorized_client", "This client may not use this grant type.")
}

/// RFC 7662 section 2.1 leaves the policy to us: whoever answers for no resource learns of no token; status 403.
pub fn answers_for_nothing() -> Failure {
    Failure::forbidden("unauthorized_client", "This client answers for no resource, so no token is its business.")
}

/// Services are kept by a plugin that is not there.
pub fn no_services() -> Failure {
    Failure::bad_request("client.no_services", "There are no organizations here, so there are no services of theirs.")
}

/// An operator names a service that is none of the organization's.
pub fn unknown_service() -> Failure {
    Failure::not_found("client.unknown_service", "The organization has no service of this id.")
        .hint("`belgie token list --org ORGANIZATION` shows the ids.")
}

/// RFC 8628 section 3.5: nobody has answered yet.
pub fn authorization_pending() -> Failure {
    Failure::bad_request("authorization_pending", "Nobody has let the device in yet. Ask again.")
}

/// RFC 8628 section 3.5: nobody has answered yet, and the device asks too often; it waits five seconds longer from now on.
pub fn slow_down() -> Failure {
    Failure::bad_request("slow_down", "Wait five seconds longer before each question.")
}

/// RFC 8628 section 3.5: the person said no.
pub fn access_denied() -> Failure {
    Failure::bad_request("access_denied", "The person said no.")
}

/// RFC 8628 section 3.5: nobody has answered in time.
pub fn expired_token() -> Failure {
    Failure::bad_request("expired_token", "The device has waited too long. Start again.")
}

/// RFC 7523 section 3.1: the assertion is not good, or lets nobody in. One sentence, so that a guess learns nothing.
pub fn bad_assertion() -> Failure {
    Failure::bad_request("invalid_grant", "The assertion is not valid here.")
}

/// RFC 8693 section 2.2.2: the token is not good, or none of the client's business. One sentence, so that a guess learns nothing.
pub fn bad_subject() -> Failure {
    invalid_request("The subject_token is not valid, or this client may not exchange it.")
}

/// RFC 6749 section 5.2: more than was granted, or nothing that exists.
pub fn invalid_scope(message: &'static str) -> Failure {
    Failure::bad_request("invalid_scope", message)
}

/// RFC 8707 section 2: the resource is unknown here or outside the grant.
pub fn invalid_target() -> Failure {
    Failure::bad_request("invalid_target", "The resource is unknown here or is not part of the grant.")
}

/// A person allows an agent nothing.
pub fn nothing_ticked() -> Failure {
    Failure::bad_request("authorize.nothing_ticked", "There is nothing to allow: no permission is ticked.")
        .hint("Go back and tick what the agent may do, or deny.")
}

/// There is no such remembered answer.
pub fn unknown_consent() -> Failure {
    Failure::not_found("consent.unknown", "There is no such permission.")
}

/// RFC 7591 section 3.2.2.
pub fn invalid_client_metadata(message: &'static str) -> Failure {
    Failure::bad_request("invalid_client_metadata", message)
}

/// A sector is proven by where answers go, and a device is answered nowhere.
pub fn no_names_on_devices() -> Failure {
    invalid_client_metadata("A client of devices has no names of its own for people.")
}

/// Somebody who is told other names takes everybody for somebody else, or learns who they are.
pub fn names_are_settled() -> Failure {
    invalid_client_metadata("By which names it knows people is settled when it is made. Make another client.")
}

/// RFC 7591 section 3.2: whoever registers must show a good initial access token; status 401 (RFC 6750 section 3.1).
pub fn not_invited() -> Failure {
    Failure::unauthorized("invalid_token", "Registering a client here takes an invitation that is good.")
        .hint("Ask whoever runs this site for an initial access token.")
}

/// A connection that is none, or somebody else's.
pub fn unknown_connection() -> Failure {
    Failure::not_found("connection.unknown", "There is no such connection.").hint("Look at your account page.")
}

/// RFC 7592 section 2.1: a wrong token, or a client that is not there any more; status 401.
pub fn no_registration() -> Failure {
    Failure::unauthorized("invalid_token", "The registration access token opens no registration of this client.")
}

/// RFC 7591 section 3.2.2.
pub fn invalid_redirect_uri(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::bad_request("invalid_redirect_uri", message)
}
