//! An authorization request that was checked, and the answers to it.

use belgie_api::{Failure, GrantBinding, PlainToken, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::client::ClientFace;
use super::openid::{OPENID, OpenIdRequest};
use super::pkce::Challenge;
use super::refusal;
use super::scopes::OFFLINE_ACCESS;

/// A checked authorization request: everything a code is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientFace,
    /// Where the answer goes.
    pub reply: Reply,
    /// Whether the client wrote the redirect URI itself; then it must repeat it at the token endpoint.
    pub redirect_was_sent: bool,
    /// The PKCE challenge.
    pub challenge: Challenge,
    /// What is asked for; every scope exists here.
    pub scopes: ScopeSet,
    /// Where it is to be used; every resource exists here.
    pub resources: Vec<String>,
    /// Whether the client gets refresh tokens.
    pub with_refresh: bool,
    /// What is asked for besides access, with the scope `openid`.
    #[serde(default)]
    pub openid: Option<OpenIdRequest>,
    /// How the person was there when they answered, once they have.
    #[serde(default)]
    pub signed_in: Option<SignedIn>,
    /// For whom the agent may act, once the person has chosen.
    #[serde(default)]
    pub binding: GrantBinding,
    /// Whether the client, which has no row, proves by its keys who it is.
    #[serde(default)]
    pub is_proven: bool,
    /// Whether the client, which has no row, is given nothing without a key to bind it to.
    #[serde(default)]
    pub is_dpop_bound: bool,
    /// `dpop_jkt`: the key that whoever redeems the code has to show (RFC 9449 section 10).
    #[serde(default)]
    pub key: Option<String>,
    /// Of which sector the client is that is known by its metadata document, if it knows people by names of its own. One with a row
    /// says so there.
    #[serde(default)]
    pub sector: Option<String>,
    /// The device it is of, while a person answers: what is kept of its code, as base64url.
    #[serde(default)]
    pub device: Option<String>,
}

/// How a person proved to be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// When.
    pub at: Timestamp,
    /// How: `password`, `link`, `code`, `setup`, or the id of a provider.
    pub by: String,
}

/// What the token request says about the authorization request.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub verifier: &'a str,
    /// `resource`, each in the known spelling.
    pub resources: &'a [String],
}

impl AuthorizationRequest {
    /// Leaves out what the person did not tick. Whoever does not let the agent stay connected gives it no refresh token.
    ///
    /// # Errors
    /// When nothing is left of what was asked for: staying connected alone is nothing.
    pub fn narrow(&mut self, ticked: &ScopeSet) -> Result<(), Failure> {
        let left = self.scopes.intersection(ticked);
        let opens = |scopes: &ScopeSet| scopes.iter().any(|scope| scope.as_str() != OFFLINE_ACCESS);
        if opens(&self.scopes) && !opens(&left) {
            return Err(refusal::nothing_ticked());
        }
        if self.scopes.has_named(OFFLINE_ACCESS) && !left.has_named(OFFLINE_ACCESS) {
            self.with_refresh = false;
        }
        if !left.has_named(OPENID) {
            self.openid = None;
        }
        self.scopes = left;
        Ok(())
    }

    /// Whether a token request belongs to this authorization request, and the audience of its token.
    ///
    /// # Errors
    /// `invalid_grant` for another redirect URI (RFC 6749 section 4.1.3) or verifier (RFC 7636 section 4.6),
    /// `invalid_target` for a resource that was not authorized (RFC 8707 section 2.2).
    pub fn redeem(&self, redemption: Redemption<'_>) -> Result<Vec<String>, Failure> {
        let same_redirect = match redemption.redirect_uri {
            Some(sent) => sent == self.reply.redirect_uri,
            None => !self.redirect_was_sent,
        };
        if !(same_redirect && self.challenge.is_met_by(redemption.verifier)) {
            return Err(refusal::invalid_grant());
        }
        narrow_resources(&self.resources, redemption.resources)
    }
}

/// The audience of a token: all resources of the grant, or the asked ones among them.
///
/// # Errors
/// `invalid_target` when one is asked that the grant lacks.
pub fn narrow_resources(granted: &[String], asked: &[String]) -> Result<Vec<String>, Failure> {
    if asked.is_empty() {
        return Ok(granted.to_vec());
    }
    if asked.iter().all(|resource| granted.contains(resource)) {
        return Ok(asked.to_vec());
    }
    Err(refusal::invalid_target())
}

/// Where the answer to an authorization request goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// An allowed redirect URI, as the client wrote it.
    pub redirect_uri: String,
    /// The client's own reminder, returned unchanged.
    pub state: Option<String>,
}

/// An error that goes back to the client through the browser (RFC 6749 section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyError {
    /// The code.
    pub code: &'static str,
    /// One sentence for the client's maker.
    pub description: &'static str,
}

impl Reply {
    /// The address that hands the client its code (RFC 6749 section 4.1.2, RFC 9207 section 2).
    pub fn with_code(&self, issuer: &str, code: &PlainToken) -> String {
        self.with(issuer, &[("code", code.expose())])
    }

    /// The address that tells the client what is wrong.
    pub fn with_error(&self, issuer: &str, error: ReplyError) -> String {
        self.with(issuer, &[("error", error.code), ("error_description", error.description)])
    }

    fn with(&self, issuer: &str, pairs: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs).extend_pairs(self.state.as_deref().map(|state| ("state", state)));
        query.append_pair("iss", issuer);
        let separator = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, rest)) if rest.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::{Redemption, Reply, ReplyError, narrow_resources};
    use crate::model::client::ClientFace;
    use crate::model::pkce::Challenge;
    use belgie_api::{ClientId, GrantBinding, ScopeSet};

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn reply(redirect_uri: &str, state: Option<&str>) -> Reply {
        Reply { redirect_uri: redirect_uri.to_owned(), state: state.map(str::to_owned) }
    }

    #[test]
    fn an_answer_keeps_the_redirect_uri_and_the_state() {
        let error = ReplyError { code: "access_denied", description: "No." };
        assert_eq!(
            reply("https://a.example/cb?x=1", Some("a b&c=d#é")).with_error("https://us.example", error),
            "https://a.example/cb?x=1&error=access_denied&error_description=No.&state=a+b%26c%3Dd%23%C3%A9&iss=https%3A%2F%2Fus.example"
        );
        assert!(reply("com.example:/cb", None).with_error("i", error).starts_with("com.example:/cb?error="));
        assert!(reply("http://127.0.0.1:1", None).with_error("i", error).starts_with("http://127.0.0.1:1?error="));
        assert!(reply("https://a.example/cb?", None).with_error("i", error).starts_with("https://a.example/cb?error="));
    }

    #[test]
    fn a_code_is_bound_to_its_request() {
        let request = |redirect_was_sent| super::AuthorizationRequest {
            client: ClientFace { id: ClientId::from_wire("c"), name: String::new(), host: None, uri: None },
            reply: reply("https://a.example/cb", None),
            redirect_was_sent,
            challenge: Challenge::read("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
            scopes: ScopeSet::new(),
            resources: vec!["https://us.example/mcp".to_owned()],
            with_refresh: false,
            openid: None,
            signed_in: None,
            binding: GrantBinding::default(),
            is_proven: false,
            is_dpop_bound: false,
            key: None,
            sector: None,
            device: None,
        };
        let code = |sent, redirect_uri: Option<&str>, verifier: &str, resources: &[String]| {
            request(sent)
                .redeem(Redemption { redirect_uri, verifier, resources })
                .map_err(|failure| failure.code().to_owned())
        };
        let (same, other) = (Some("https://a.example/cb"), Some("https://a.example/cb/"));
        assert!(code(true, same, VERIFIER, &[]).is_ok());
        assert!(code(false, None, VERIFIER, &[]).is_ok());
        assert_eq!(code(true, None, VERIFIER, &[]).unwrap_err(), "invalid_grant");
        assert_eq!(code(true, other, VERIFIER, &[]).unwrap_err(), "invalid_grant");
        assert_eq!(code(false, other, VERIFIER, &[]).unwrap_err(), "invalid_grant");
        assert_eq!(code(true, same, &"x".repeat(43), &[]).unwrap_err(), "invalid_grant");
        assert_eq!(code(true, same, VERIFIER, &["https://us.example/x".to_owned()]).unwrap_err(), "invalid_target");
    }

    #[test]
    fn an_audience_never_grows() {
        let granted = ["a".to_owned(), "b".to_owned()];
        assert_eq!(narrow_resources(&granted, &[]).unwrap(), granted);
        assert_eq!(narrow_resources(&granted, &granted[1..]).unwrap(), granted[1..]);
        assert!(narrow_resources(&granted, &["b".to_owned(), "c".to_owned()]).is_err());
    }
}
