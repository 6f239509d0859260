//! Our public address, and what can be read about us elsewhere.

use serde::Serialize;
use url::{Host as UrlHost, Url};

/// Our public address, from the configuration and never from a request.
#[derive(Clone, Debug)]
pub struct Urls {
    base: Url,
    issuer: String,
    has_secure_cookies: bool,
    has_strict_session: bool,
    links: SiteLinks,
}

/// What can be read about this host elsewhere: absolute addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SiteLinks {
    /// For people who make clients (RFC 8414 `service_documentation`, RFC 9728 `resource_documentation`).
    pub documentation: Option<String>,
    /// The terms of service (RFC 8414 `op_tos_uri`, RFC 9728 `resource_tos_uri`).
    pub terms: Option<String>,
    /// How data is used (RFC 8414 `op_policy_uri`, RFC 9728 `resource_policy_uri`).
    pub privacy: Option<String>,
}

impl SiteLinks {
    /// Those there are, under the names that a document has for documentation, terms and privacy.
    pub fn named<'a>(&'a self, names: [&'static str; 3]) -> impl Iterator<Item = (&'static str, &'a str)> {
        let links = [&self.documentation, &self.terms, &self.privacy];
        names.into_iter().zip(links).filter_map(|(name, link)| Some((name, link.as_deref()?)))
    }
}

impl Urls {
    /// `base`: scheme, host and port; no path.
    #[must_use]
    pub fn new(base: Url) -> Self {
        let issuer = base.as_str().trim_end_matches('/').to_owned();
        let has_secure_cookies = base.scheme() == "https";
        Self { base, issuer, has_secure_cookies, has_strict_session: false, links: SiteLinks::default() }
    }

    /// Marks cookies `Secure` though our address does not say https, as the operator wishes (`[cookie] secure`).
    #[must_use]
    pub fn with_secure_cookies(mut self) -> Self {
        self.has_secure_cookies = true;
        self
    }

    /// Says what can be read about this host elsewhere (`[urls]`).
    #[must_use]
    pub fn with_links(mut self, links: SiteLinks) -> Self {
        self.links = links;
        self
    }

    /// What can be read about this host elsewhere.
    #[must_use]
    pub fn links(&self) -> &SiteLinks {
        &self.links
    }

    /// Whether cookies are to be marked `Secure`.
    #[must_use]
    pub fn has_secure_cookies(&self) -> bool {
        self.has_secure_cookies
    }

    /// Says that the session cookie is strict, as the operator wishes (`[cookie] same_site`).
    #[must_use]
    pub fn with_strict_session(mut self) -> Self {
        self.has_strict_session = true;
        self
    }

    /// Whether browsers keep the session cookie at home when they come from another site, redirects of ours included.
    #[must_use]
    pub fn has_strict_session(&self) -> bool {
        self.has_strict_session
    }

    /// The issuer identifier (RFC 8414 section 2): the public address without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public address of a path of ours, which begins with a slash.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether people reach us over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether only people on this machine reach us.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(UrlHost::Ipv4(address)) => address.is_loopback(),
            Some(UrlHost::Ipv6(address)) => address.is_loopback(),
            _ => false,
        }
    }
}
