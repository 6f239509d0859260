//! What goes wrong, each with its code, a sentence, and what to do next.

use belgie_api::Failure;
use belgie_api::axum::http::StatusCode;

/// The code of [`not_fresh`].
pub const NOT_FRESH: &str = "session_not_fresh";

const OTHER_ACCOUNT: &str = "another_account";
const NOT_PROVEN: &str = "presence_not_proven";

/// The answer does not belong to a sign-in of this browser.
pub fn state_mismatch() -> Failure {
    Failure::bad_request("state_mismatch", "This answer does not belong to a sign-in that began in this browser.")
        .hint("Start again here, in one browser and one go. Cookies must be allowed for this site.")
}

/// The sign-in was finished, took too long, or never began.
pub fn state_not_found() -> Failure {
    Failure::bad_request("state_not_found", "This sign-in is over.")
        .hint("It can be finished once and within ten minutes. Start again.")
}

/// The link was begun by somebody else, or in a session that is over.
pub fn link_of_another_session() -> Failure {
    Failure::forbidden("state_mismatch", "You are not signed in as you were when you began to link this account.")
        .hint("Sign in again and link it on your account page.")
}

/// The session somebody unlinks an account in ended while they asked.
pub fn signed_out() -> Failure {
    Failure::forbidden("session.ended", "You were signed out in the meantime. Nothing was changed.")
        .hint("Sign in again.")
}

/// Somebody else proves to be there, or in a session that is over.
pub fn confirm_of_another_session() -> Failure {
    Failure::forbidden("state_mismatch", "You are not signed in as you were when you were asked.")
        .hint("Sign in again and begin anew.")
}

/// Whoever is at the provider is not whoever is signed in here.
pub fn confirm_by_another_account() -> Failure {
    Failure::forbidden(OTHER_ACCOUNT, "That account does not open yours here, so it shows nothing.")
        .hint("Choose the account you have linked, or confirm in another way.")
}

/// The provider does not say that somebody signed in just now.
pub fn presence_not_proven(name: &str) -> Failure {
    Failure::forbidden(NOT_PROVEN, format!("{name} does not say that you signed in there just now."))
        .hint("Confirm in another way.")
}

/// The answer does not say which provider made it.
pub fn issuer_missing() -> Failure {
    Failure::bad_request("issuer_missing", "The answer does not say who made it.")
        .hint("Start again. If it stays, tell the operator of this service.")
}

/// The answer was made by another provider.
pub fn issuer_mismatch() -> Failure {
    Failure::bad_request("issuer_mismatch", "The answer was made by somebody else than you were sent to.")
        .hint("Start again. If it stays, tell the operator of this service.")
}

/// What the provider said could not be verified. `why` is for the log.
pub fn unverified(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::bad_request("oauth_code_verification_failed", "What the provider answered could not be verified.")
        .hint("Start again. If it stays, tell the operator of this service.")
        .source(why)
}

/// The provider does not say who it is.
pub fn user_info_missing(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::with_status(StatusCode::BAD_GATEWAY, "user_info_missing", "The provider did not say who you are.")
        .hint("Try again in a moment, or sign in another way.")
        .source(why)
}

/// There is no address to make or find an account by.
pub fn email_missing() -> Failure {
    Failure::bad_request("email_missing", "The provider did not tell your e-mail address.")
        .hint("Allow it to share your address, or sign in another way and link the account on your account page.")
}

/// The operator wants addresses proven, and the provider does not say that this one is.
pub fn email_not_verified() -> Failure {
    Failure::forbidden("email_not_verified", "The provider does not say that your e-mail address is proven.").hint(
        "Sign in with your address first, by password or by mail, which proves it; then this works once it is linked.",
    )
}

/// Somebody has an account of that address, and it is not certain that it is the same person.
pub fn account_not_linked() -> Failure {
    Failure::conflict("account_not_linked", "There is an account of this address here, and it is not linked yet.")
        .hint("Sign in to it as you usually do, then link the two on your account page.")
}

/// New accounts are not made here.
pub fn signup_disabled() -> Failure {
    Failure::forbidden("signup_disabled", "You have no account here, and new ones are not made this way.")
        .hint("Sign in with an account you have, or ask the operator of this service.")
}

/// Nothing is linked to the account there, new accounts are not made here, and the address may be anybody's: nobody looked
/// whether it has an account, and the answer says nothing about it.
pub fn nobody_new() -> Failure {
    Failure::forbidden("signup_disabled", "This sign-in is not linked to an account here.")
        .hint("Sign in another way and link it on your account page, or ask for an invitation.")
}

/// The account there is linked to somebody else here.
pub fn already_linked() -> Failure {
    Failure::conflict("account_already_linked_to_different_user", "This account is linked to another account here.")
        .hint("Sign in with it and unlink it there first, or choose another account.")
}

/// The addresses differ.
pub fn email_does_not_match() -> Failure {
    Failure::conflict("email_does_not_match", "That account has another e-mail address than yours here.")
        .hint("Choose the account with the same address.")
}

/// Programs may not bring an `id_token` here.
pub fn id_token_sign_in_disabled() -> Failure {
    Failure::bad_request("id_token_sign_in_disabled", "Signing in with an id_token is switched off here.")
        .hint("Send the person to the sign-in page.")
}

/// The person belongs to another organization than this service is for.
pub fn wrong_domain() -> Failure {
    Failure::forbidden("hosted_domain_mismatch", "This service is for members of another organization.")
        .hint("Choose the account of that organization.")
}

/// The `id_token` answers no question of ours.
pub fn nonce_unknown() -> Failure {
    Failure::bad_request("nonce_unknown", "The id_token carries no nonce of this service that waits to be used.")
        .hint("Ask POST /auth/provider/{id}/nonce for one, hand it to the provider, and use each once.")
}

/// The provider does not answer.
pub fn unreachable(name: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::with_status(
        StatusCode::SERVICE_UNAVAILABLE,
        "provider_unreachable",
        format!("{name} does not answer right now."),
    )
    .hint("Try again in a moment, or sign in another way.")
    .source(why)
}

/// The provider answered with something it should not.
pub fn bad_answer(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::with_status(StatusCode::BAD_GATEWAY, "oauth_callback_failed", "The provider answered unexpectedly.")
        .hint("Try again in a moment, or sign in another way.")
        .source(why)
}

/// There is no such provider.
pub fn no_provider() -> Failure {
    Failure::not_found("provider_unknown", "There is no such way to sign in here.").hint("Go to the sign-in page.")
}

/// The person has no such account there.
pub fn account_not_found() -> Failure {
    Failure::bad_request("account_not_found", "There is no such linked account.").hint("Link it first.")
}

/// The person has several accounts there.
pub fn account_ambiguous() -> Failure {
    Failure::bad_request("account_ambiguous", "There are several linked accounts of this provider.")
        .hint("Say which with provider_account_id.")
}

/// It is the last way in.
pub fn last_way_in() -> Failure {
    Failure::conflict("last_way_in", "This is the only way into your account.")
        .hint("Set a password or link another account first.")
}

/// The provider does not give new tokens.
pub fn refresh_failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::bad_request("token_refresh_failed", "The provider does not give new tokens for this account.")
        .hint("Sign in with the provider again.")
        .source(why)
}

/// The person has to prove to be there first.
pub fn not_fresh() -> Failure {
    Failure::forbidden(NOT_FRESH, "This needs a sign-in of the last minutes.")
        .hint("Send the person to /auth/confirm, then try again.")
}

/// There is no token to give.
pub fn no_token() -> Failure {
    Failure::bad_request("token_missing", "There are no tokens of this account.")
        .hint("Sign in with the provider again.")
}

/// The provider's own error, by its code, which is shown only when it is one (RFC 6749 section 4.1.2.1).
pub fn of_provider(name: &str, code: &str) -> Failure {
    let is_code =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let code = if is_code { code.to_owned() } else { "oauth_callback_failed".to_owned() };
    if code == "access_denied" {
        return Failure::forbidden(code, format!("You did not let {name} sign you in here."))
            .hint("Start again if that was by mistake, or sign in another way.");
    }
    let is_passing = matches!(code.as_str(), "temporarily_unavailable" | "server_error");
    let status = if is_passing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
    Failure::with_status(status, code, format!("{name} did not sign you in."))
        .hint("Try again in a moment, or sign in another way.")
}
