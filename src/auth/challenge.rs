//! What a client is told when its token is missing, bad or too narrow: the `WWW-Authenticate` header of RFC 6750, and of RFC 9449
//! for those that are bound to a key.

use axum::http::HeaderValue;
use belgie_api::{Scope, ScopeSet};

/// A scope that concerns the authorization server alone; a resource never asks for it (MCP 2026-07-28, authorization).
const OFFLINE_ACCESS: &str = "offline_access";

/// The address of the metadata document cannot stand in a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot stand in a header: only printable ASCII can")]
pub struct InvalidMetadataUrl(String);

/// Makes challenges of one protected resource. Every value has its parameters in the order `error`,
/// `error_description`, `scope`, `resource_metadata`, `algs`, separated by a comma and a space.
#[derive(Clone, Debug)]
pub struct Challenge {
    resource_metadata: String,
    /// What proofs may be signed with, where it is a token bound to a key that is wanted.
    algorithms: Option<&'static str>,
}

impl Challenge {
    /// `resource_metadata`: the absolute URL of the resource's metadata document (RFC 9728 section 5.1).
    ///
    /// # Errors
    /// When the URL has characters that cannot stand in a header.
    pub fn new(resource_metadata: &str) -> Result<Self, InvalidMetadataUrl> {
        if resource_metadata.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Ok(Self { resource_metadata: resource_metadata.to_owned(), algorithms: None });
        }
        Err(InvalidMetadataUrl(resource_metadata.to_owned()))
    }

    /// The challenges of another resource of this host. `resource_metadata`: made of our own address and a slug.
    #[must_use]
    pub fn at(&self, resource_metadata: String) -> Self {
        Self { resource_metadata, algorithms: self.algorithms }
    }

    /// The challenges of the same resource to whoever uses, or has to use, tokens bound to a key (RFC 9449 section 7.1).
    #[must_use]
    pub fn for_bound(&self, algorithms: &'static str) -> Self {
        Self { resource_metadata: self.resource_metadata.clone(), algorithms: Some(algorithms) }
    }

    /// What stands beside a challenge of RFC 6750 where tokens bound to a key are good, too.
    #[must_use]
    pub fn beside(algorithms: &str) -> HeaderValue {
        HeaderValue::try_from(format!("DPoP algs=\"{algorithms}\"")).unwrap_or(HeaderValue::from_static("DPoP"))
    }

    /// For status 401 when the proof is missing or not a good one (RFC 9449 section 7.1, `invalid_dpop_proof`).
    #[must_use]
    pub fn invalid_proof(&self) -> HeaderValue {
        self.build(Some(("invalid_dpop_proof", "The DPoP proof is missing or not valid")), &ScopeSet::new())
    }

    /// For status 401 when the proof lacks a nonce of ours (RFC 9449 section 9, `use_dpop_nonce`).
    #[must_use]
    pub fn nonce_wanted(&self) -> HeaderValue {
        self.build(Some(("use_dpop_nonce", "The DPoP proof needs the nonce that comes with this")), &ScopeSet::new())
    }

    /// For status 401 when no token was sent: no error code, only where to begin (RFC 6750 section 3.1, last paragraph).
    /// `needed`: the scopes for basic use.
    #[must_use]
    pub fn missing_token(&self, needed: &ScopeSet) -> HeaderValue {
        self.build(None, needed)
    }

    /// For status 401 when the token is malformed, unknown, expired, revoked or meant for another resource (RFC 6750
    /// section 3.1, `invalid_token`). Which of these it is stays with us.
    #[must_use]
    pub fn invalid_token(&self, needed: &ScopeSet) -> HeaderValue {
        self.build(Some(("invalid_token", "The access token is not valid or not valid any more")), needed)
    }

    /// For status 403 when the token is too narrow (RFC 6750 section 3.1, `insufficient_scope`).
    ///
    /// `needed`: everything the operation asks for. `granted`: what the token has already; it is named as well, because
    /// clients of revisions before 2026-07-28 replace their scopes by these instead of adding them.
    #[must_use]
    pub fn insufficient_scope(&self, needed: &ScopeSet, granted: &ScopeSet) -> HeaderValue {
        self.build(Some(("insufficient_scope", "This operation needs more rights")), &needed.union(granted))
    }

    fn build(&self, error: Option<(&str, &str)>, scopes: &ScopeSet) -> HeaderValue {
        let mut parameters: Vec<(&str, &str)> = Vec::with_capacity(4);
        if let Some((code, description)) = error {
            parameters.extend([("error", code), ("error_description", description)]);
        }
        let asked: ScopeSet = scopes.iter().filter(|scope| is_asked_for(scope)).cloned().collect();
        let asked = asked.to_string();
        if !asked.is_empty() {
            parameters.push(("scope", &asked));
        }
        parameters.push(("resource_metadata", &self.resource_metadata));
        parameters.extend(self.algorithms.map(|names| ("algs", names)));

        let scheme = if self.algorithms.is_some() { "DPoP" } else { "Bearer" };
        let mut text = String::from(scheme);
        for (index, (name, value)) in parameters.into_iter().enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            text.push_str(name);
            text.push('=');
            push_quoted(&mut text, value);
        }
        // The constructor and the grammar of scopes leave only printable ASCII, so the plain scheme is never needed.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(scheme))
    }
}

fn is_asked_for(scope: &Scope) -> bool {
    scope.as_str() != OFFLINE_ACCESS
}

/// A quoted-string (RFC 9110 section 5.6.4).
fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use belgie_api::ScopeSet;

    use super::Challenge;

    const METADATA: &str = "https://host.example/.well-known/oauth-protected-resource/mcp";

    fn scopes(text: &str) -> ScopeSet {
        text.parse().expect("a test writes proper scopes")
    }

    fn challenge() -> Challenge {
        Challenge::new(METADATA).expect("a proper URL")
    }

    #[test]
    fn without_a_token_there_is_no_error_code() {
        assert_eq!(
            challenge().missing_token(&scopes("notes:read profile")),
            format!(r#"Bearer scope="notes:read profile", resource_metadata="{METADATA}""#)
        );
        assert_eq!(challenge().missing_token(&ScopeSet::new()), format!(r#"Bearer resource_metadata="{METADATA}""#));
    }

    #[test]
    fn a_bad_token_is_called_invalid_and_no_more() {
        assert_eq!(
            challenge().invalid_token(&scopes("profile")),
            format!(
                r#"Bearer error="invalid_token", error_description="The access token is not valid or not valid any more", scope="profile", resource_metadata="{METADATA}""#
            )
        );
    }

    #[test]
    fn a_narrow_token_is_told_all_scopes_at_once_with_those_it_has() {
        assert_eq!(
            challenge().insufficient_scope(&scopes("notes:write notes:share"), &scopes("profile")),
            format!(
                r#"Bearer error="insufficient_scope", error_description="This operation needs more rights", scope="notes:share notes:write profile", resource_metadata="{METADATA}""#
            )
        );
    }

    #[test]
    fn offline_access_is_never_asked_for() {
        let value = challenge().insufficient_scope(&scopes("a"), &scopes("offline_access b"));
        assert!(value.to_str().expect("ASCII").contains(r#"scope="a b""#));
        assert_eq!(
            challenge().missing_token(&scopes("offline_access")),
            format!(r#"Bearer resource_metadata="{METADATA}""#)
        );
    }

    #[test]
    fn whoever_uses_a_key_is_told_so_with_what_it_may_sign() {
        let bound = challenge().for_bound("ES256 EdDSA");
        assert_eq!(
            bound.nonce_wanted(),
            format!(
                r#"DPoP error="use_dpop_nonce", error_description="The DPoP proof needs the nonce that comes with this", resource_metadata="{METADATA}", algs="ES256 EdDSA""#
            )
        );
        assert!(bound.invalid_proof().to_str().expect("ASCII").starts_with(r#"DPoP error="invalid_dpop_proof", "#));
        assert_eq!(Challenge::beside("ES256"), r#"DPoP algs="ES256""#);
    }

    #[test]
    fn quotation_marks_and_backslashes_are_escaped() {
        let challenge = Challenge::new(r#"https://h/a"b\c"#).expect("printable");
        assert_eq!(challenge.missing_token(&ScopeSet::new()), r#"Bearer resource_metadata="https://h/a\"b\\c""#);
    }

    #[test]
    fn a_url_that_would_break_the_header_is_refused() {
        for url in ["https://h/a\r\nSet-Cookie: x", "https://h/ä", "https://h/a b"] {
            assert!(Challenge::new(url).is_err(), "{url:?}");
        }
    }
}
