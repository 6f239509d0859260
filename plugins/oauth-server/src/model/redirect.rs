//! Where an answer may be sent: which redirect URIs a client may name, and when the one it asks for is one of them.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::address::is_own_machine;

/// The longest redirect URI, in bytes.
const MAX_LENGTH: usize = 512;

/// Private-use schemes without a dot (RFC 8252 section 7.1 asks for one) that well-known agents use all the same.
const KNOWN_SCHEMES: [&str; 10] =
    ["claude", "cursor", "kiro", "positron", "raycast", "trae", "vscode", "vscode-insiders", "vscodium", "windsurf"];

/// Names that our own answer uses; in a redirect URI they would make it ambiguous.
const RESERVED_NAMES: [&str; 5] = ["code", "state", "iss", "error", "error_description"];

/// A redirect URI that may be used: https, http to the loopback interface, or a private-use scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a redirect URI may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// Empty or too long.
    #[error("a redirect URI has 1 to 512 characters")]
    Length,
    /// Something that has no place in a URI (RFC 3986 section 2).
    #[error("a redirect URI holds only the characters of RFC 3986")]
    Characters,
    /// Not a URI with a scheme.
    #[error("a redirect URI is absolute")]
    NotAbsolute,
    /// RFC 6749 section 3.1.2.
    #[error("a redirect URI has no fragment")]
    Fragment,
    /// A user name or password before the host.
    #[error("a redirect URI has no user name or password")]
    UserInfo,
    /// A parameter our answer brings itself.
    #[error("a redirect URI has no parameter of the authorization response")]
    Reserved,
    /// Plain http to somewhere else than the loopback interface (RFC 8252 section 8.3).
    #[error("http is for 127.0.0.1, [::1] and localhost only; use https")]
    PlainHttp,
    /// A host no web application has: link-local, unspecified, multicast, or a name with characters of another grammar.
    #[error("the host of a redirect URI is not a place on the web")]
    Host,
    /// A scheme that runs or reads something in the browser.
    #[error("this scheme is never a place for an answer")]
    Dangerous,
    /// A private-use scheme without a dot that is not known here.
    #[error("a private-use scheme is a reversed domain name, such as com.example.app")]
    UnknownScheme,
}

/// How an answer gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// To a server on the web, over TLS.
    Https,
    /// To a port of the person's own machine.
    Loopback,
    /// To whichever program claimed the scheme on the person's machine.
    PrivateUse,
}

impl RedirectUri {
    /// Checks a redirect URI that a client names as its own.
    pub fn read(text: &str) -> Result<Self, RedirectFault> {
        if !(1..=MAX_LENGTH).contains(&text.len()) {
            return Err(RedirectFault::Length);
        }
        if text.contains('#') {
            return Err(RedirectFault::Fragment);
        }
        if !text.bytes().all(is_uri_byte) {
            return Err(RedirectFault::Characters);
        }
        let (scheme, rest) = text.split_once(':').ok_or(RedirectFault::NotAbsolute)?;
        let url = Url::parse(text).map_err(|_| RedirectFault::NotAbsolute)?;
        // A scheme that the parser writes differently (upper case) would be compared differently elsewhere.
        if url.scheme() != scheme {
            return Err(RedirectFault::NotAbsolute);
        }
        if authority(rest).is_some_and(|authority| authority.contains('@')) || !url.username().is_empty() {
            return Err(RedirectFault::UserInfo);
        }
        if url.query_pairs().any(|(name, _)| RESERVED_NAMES.contains(&name.as_ref())) {
            return Err(RedirectFault::Reserved);
        }
        check_scheme(text, &url)?;
        Ok(Self(text.to_owned()))
    }

    /// The text, exactly as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an answer may go to `asked`: the very same text (OAuth 2.1 section 2.3.1) or, on the loopback interface,
    /// the same with another port (RFC 8252 section 7.3). Loopback names do not stand in for each other.
    pub fn allows(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        match (loopback(&self.0), loopback(asked)) {
            (Some(own), Some(other)) => own == other,
            _ => false,
        }
    }
}

/// How an answer to an allowed redirect URI gets there.
pub fn kind_of(redirect_uri: &str) -> RedirectKind {
    if loopback(redirect_uri).is_some() {
        RedirectKind::Loopback
    } else if redirect_uri.starts_with("https://") {
        RedirectKind::Https
    } else {
        RedirectKind::PrivateUse
    }
}

/// Whether an answer to an allowed redirect URI leaves the person's machine: over TLS, and to no name or address of that machine. On it any
/// program may be waiting (RFC 8252 section 8.6), and whoever answers there shares one place with everybody.
pub fn is_elsewhere(redirect_uri: &str) -> bool {
    kind_of(redirect_uri) == RedirectKind::Https && Url::parse(redirect_uri).is_ok_and(|url| !is_own_machine(&url))
}

/// The host of an allowed redirect URI as a person should read it; for a private-use scheme, the scheme.
pub fn host_of(redirect_uri: &str) -> String {
    let Ok(url) = Url::parse(redirect_uri) else { return String::new() };
    match (kind_of(redirect_uri), url.host_str()) {
        (RedirectKind::Https | RedirectKind::Loopback, Some(host)) => host.to_owned(),
        _ => format!("the app behind {}:", url.scheme()),
    }
}

/// The source a `form-action` policy needs for a redirect there (Content Security Policy Level 3 section 2.3.1). A policy
/// cannot name an IPv6 address, so `[::1]` takes its scheme.
pub fn form_action_of(redirect_uri: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok()?;
    Some(match (kind_of(redirect_uri), url.host()) {
        (RedirectKind::PrivateUse, _) | (_, None | Some(Host::Ipv6(_))) => format!("{}:", url.scheme()),
        _ => url.origin().ascii_serialization(),
    })
}

/// Host and everything after the port of an http URI to the loopback interface. Works on the text alone: what two
/// parsers could read differently is not loopback.
fn loopback(text: &str) -> Option<(&'static str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let (host, tail) =
        ["127.0.0.1", "localhost", "[::1]"].into_iter().find_map(|host| Some((host, rest.strip_prefix(host)?)))?;
    let tail = match tail.strip_prefix(':') {
        None => tail,
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (port, tail) = after.split_at_checked(digits)?;
            port.parse::<u16>().ok().filter(|port| *port != 0)?;
            tail
        }
    };
    (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((host, tail))
}

fn check_scheme(text: &str, url: &Url) -> Result<(), RedirectFault> {
    match url.scheme() {
        // The parser forgives `https:host` and `https:///host`; we do not, since others may read them otherwise.
        "https" if !text.starts_with("https://") || text.starts_with("https:///") => Err(RedirectFault::NotAbsolute),
        "https" => url.host().filter(is_on_the_web).map(drop).ok_or(RedirectFault::Host),
        "http" => loopback(text).map(drop).ok_or(RedirectFault::PlainHttp),
        "javascript" | "data" | "file" | "vbscript" | "blob" | "about" | "filesystem" | "view-source" | "ws"
        | "wss" | "ftp" => Err(RedirectFault::Dangerous),
        scheme if scheme.contains('.') || KNOWN_SCHEMES.contains(&scheme) => Ok(()),
        _ => Err(RedirectFault::UnknownScheme),
    }
}

fn is_on_the_web(host: &Host<&str>) -> bool {
    let is_fine_v4 =
        |ip: std::net::Ipv4Addr| !(ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast());
    match host {
        Host::Domain(name) => is_host_name(name),
        Host::Ipv4(ip) => is_fine_v4(*ip),
        Host::Ipv6(ip) => {
            !(ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast())
                && ip.to_ipv4_mapped().is_none_or(is_fine_v4)
        }
    }
}

/// Whether a name holds only what names in the DNS hold. The parser lets `;`, `,` and `*` through, which would mean
/// something of their own in the policy of the consent page.
fn is_host_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// The authority of a hierarchical URI, from what stands after the scheme's colon.
fn authority(rest: &str) -> Option<&str> {
    rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next())
}

/// Reserved, unreserved or a percent sign (RFC 3986 section 2); `#` is dealt with before.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
#[path = "redirect/tests.rs"]
mod tests;
