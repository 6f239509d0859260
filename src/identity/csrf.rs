//! Forgery protection of forms: a token in the form that only a page of ours can have put there.
//!
//! Every browser carries a random cookie; the token is a keyed tag over that cookie and the session, so a token of one
//! browser or one session is worth nothing in another.

use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};
use belgie_api::{Entropy, SessionId};

/// Makes and checks form tokens.
#[derive(Clone)]
pub struct Csrf {
    key: [u8; 32],
}

impl Csrf {
    /// `key`: derived from the host's secret for this purpose alone.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A new value for the browser's cookie.
    #[must_use]
    pub fn new_cookie(entropy: &dyn Entropy) -> String {
        let mut random = [0_u8; 18];
        entropy.fill(&mut random);
        base64url(&random)
    }

    /// The token for forms shown to this browser in this session.
    #[must_use]
    pub fn token(&self, cookie: &str, session: Option<SessionId>) -> String {
        let session = session.map(|session| session.to_string()).unwrap_or_default();
        base64url(&hmac_sha256(&self.key, &[cookie.as_bytes(), session.as_bytes()]))
    }

    /// The mark of this browser, whoever is signed in there.
    #[must_use]
    pub fn browser(&self, cookie: &str) -> String {
        base64url(&hmac_sha256(&self.key, &[b"browser", cookie.as_bytes(), b"mark"]))
    }

    /// Whether a form came from a page we showed this browser in this session.
    #[must_use]
    pub fn is_right(&self, token: &str, cookie: &str, session: Option<SessionId>) -> bool {
        constant_time_eq(token.as_bytes(), self.token(cookie, session).as_bytes())
    }
}
