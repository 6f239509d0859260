//! `[cookie]`: the session cookie.

use belgie_api::settings::Section;

/// When a browser sends the cookie along with requests that other sites cause. There is
/// no `none`: a session cookie that every site can have sent is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Only when a link is followed.
    Lax,
    /// Never.
    Strict,
}

/// When the cookie is marked `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// When `base_url` is https.
    Auto,
    /// Always.
    Always,
}

/// How the session cookie is made. It is always `HttpOnly`.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// Its name, without the prefix; see [`session_cookie_name`](Self::session_cookie_name).
    pub name: String,
    /// Its `SameSite` attribute.
    pub same_site: SameSite,
    /// Its `Domain` attribute; without one it belongs to the host of `base_url` alone.
    pub domain: Option<String>,
    /// When it is `Secure`.
    pub secure: Secure,
}

impl Cookie {
    /// The name the browser sees: over https and without a domain it has the prefix `__Host-`, which keeps every
    /// other host and every plain connection from setting it (RFC 6265bis section 4.1.3.2).
    #[must_use]
    pub fn session_cookie_name(&self, https: bool) -> String {
        if https && self.domain.is_none() { format!("__Host-{}", self.name) } else { self.name.clone() }
    }

    /// Whether the cookie is marked `Secure` when `base_url` is https or not.
    #[must_use]
    pub fn is_secure(&self, https: bool) -> bool {
        https || self.secure == Secure::Always
    }

    pub(super) fn read(section: &mut Section) -> Self {
        let name = section.parsed("name", "belgie_session".to_owned(), "a name of letters, digits, - and _", name);
        let same_site = [("lax", SameSite::Lax), ("strict", SameSite::Strict)];
        let same_site = section.one_of("same_site", &same_site, SameSite::Lax);
        let domain = section.opt_parsed("domain", "a host name such as example.com", domain);
        let secure = section.one_of("secure", &[("auto", Secure::Auto), ("true", Secure::Always)], Secure::Auto);
        // A setting of the seed. Scripts never get to read the session, but a file that says so should still start.
        if !section.boolean("http_only", true) {
            section.complain("http_only", "the session cookie is always HttpOnly", "take this setting out");
        }
        Self { name, same_site, domain, secure }
    }
}

fn name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        Err("not a usable cookie name".to_owned())
    } else if text.starts_with("__") {
        Err("prefixes such as __Host- are added where they apply".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn domain(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
    if text.contains('.') && text.split('.').all(label) && text.parse::<std::net::IpAddr>().is_err() {
        Ok(text)
    } else {
        Err("not a host name with at least one dot".to_owned())
    }
}
