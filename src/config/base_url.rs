//! The public address of the gateway.

use std::{fmt, net::SocketAddr};

use url::{Host, Url};

/// Scheme, host and port under which the gateway is reached from outside. Links, redirects, the issuer identifier and
/// token audiences are made from it and never from what a request claims.
///
/// It has no query or fragment, as RFC 8414 section 2 wants of an issuer, and no path either, which would move the
/// well-known documents away from the root. As an issuer it has no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    issuer: String,
    host: Host<String>,
    https: bool,
}

impl BaseUrl {
    /// Reads an address such as `https://mcp.example.com`; a trailing slash is dropped.
    ///
    /// # Errors
    /// What is wrong with the text, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("it must start with https:// or http://".to_owned()),
        };
        let host = url.host().ok_or("it names no host")?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or password".to_owned());
        }
        if url.path() != "/" {
            return Err("it has a path; the gateway lives at the root of its host".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or fragment".to_owned());
        }
        Ok(Self { issuer: url.origin().ascii_serialization(), host, https })
    }

    /// The address of a listener as this machine's own programs reach it.
    #[must_use]
    pub fn of_listener(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => Host::Ipv4(*address.ip()),
            SocketAddr::V6(address) => Host::Ipv6(*address.ip()),
        };
        let port = match address.port() {
            80 => String::new(),
            port => format!(":{port}"),
        };
        Self { issuer: format!("http://{host}{port}"), host, https: false }
    }

    /// The issuer identifier: the address without a trailing slash. Also its origin, as browsers write it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address of `path`, which starts with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.issuer)
    }

    /// The host, without the port. IPv6 addresses display in brackets.
    #[must_use]
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether its host is this machine: a loopback address, `localhost` or a name below it (RFC 6761 section 6.3).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name == "localhost" || name.ends_with(".localhost")
            }
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.issuer)
    }
}
