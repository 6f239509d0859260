//! The cookies of a browser: the session and the forgery value.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use belgie_api::{PlainToken, TokenKind};
use cookie::{Cookie, SameSite};

use super::credential;

/// Names and attributes of our cookies, from the configuration.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Name of the session cookie, with `__Host-` in front where the browser enforces it (RFC 6265bis section 4.1.3.2).
    pub session: String,
    /// Name of the forgery cookie.
    pub csrf: String,
    /// Whether the cookies travel over TLS only.
    pub is_secure: bool,
    /// Which requests from elsewhere carry the session.
    pub same_site: SameSite,
    /// The domain they are for; `None` for this host alone.
    pub domain: Option<String>,
}

impl Cookies {
    /// The session token the browser sent, if it has the form of one.
    #[must_use]
    pub fn session_token(&self, headers: &HeaderMap) -> Option<PlainToken> {
        let value = credential::cookie(headers, &self.session)?;
        PlainToken::parse_as(TokenKind::Session, &value)
    }

    /// The forgery value the browser sent.
    #[must_use]
    pub fn csrf_value(&self, headers: &HeaderMap) -> Option<String> {
        credential::cookie(headers, &self.csrf).filter(|value| value.len() == 24)
    }

    /// Hands a session to the browser for as long as it lives.
    #[must_use]
    pub fn set_session(&self, token: &PlainToken, lifetime: Duration) -> Option<HeaderValue> {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        self.write(&self.session, token.expose(), Some(seconds))
    }

    /// Takes the session back from the browser.
    #[must_use]
    pub fn clear_session(&self) -> Option<HeaderValue> {
        self.write(&self.session, "", Some(0))
    }

    /// Name of the cookie that keeps an operator's own session, sealed, while another's is worn.
    fn operator(&self) -> String {
        format!("{}_operator", self.session)
    }

    /// The sealed session of the operator who wears this one.
    #[must_use]
    pub fn operator_value(&self, headers: &HeaderMap) -> Option<String> {
        credential::cookie(headers, &self.operator())
    }

    /// Gives the browser an operator's own session to keep, sealed, for as long as another's is worn.
    #[must_use]
    pub fn set_operator(&self, sealed: &str, lifetime: Duration) -> Option<HeaderValue> {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        self.write(&self.operator(), sealed, Some(seconds))
    }

    /// Takes the sealed session back from the browser.
    #[must_use]
    pub fn clear_operator(&self) -> Option<HeaderValue> {
        self.write(&self.operator(), "", Some(0))
    }

    /// Gives the browser its forgery value, until it is closed. It is no credential, and marks the browser for whoever comes
    /// back by a link in a mail or from a provider: so it comes along then, however strict the session cookie is.
    #[must_use]
    pub fn set_csrf(&self, value: &str) -> Option<HeaderValue> {
        self.write_as(SameSite::Lax, &self.csrf, value, None)
    }

    /// Sets another cookie for a long time. It is no credential either, and comes along as the forgery value does.
    #[must_use]
    pub fn set_lasting(&self, name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        self.write_as(SameSite::Lax, name, value, Some(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)))
    }

    fn write(&self, name: &str, value: &str, max_age: Option<i64>) -> Option<HeaderValue> {
        self.write_as(self.same_site, name, value, max_age)
    }

    fn write_as(&self, same_site: SameSite, name: &str, value: &str, max_age: Option<i64>) -> Option<HeaderValue> {
        let mut cookie = Cookie::build((name.to_owned(), value.to_owned()))
            .path("/")
            .http_only(true)
            .secure(self.is_secure)
            .same_site(same_site)
            .build();
        if let Some(seconds) = max_age {
            cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        }
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.clone());
        }
        HeaderValue::from_str(&cookie.encoded().to_string()).ok()
    }
}
