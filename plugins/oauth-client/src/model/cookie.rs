//! The cookies that bind a flow to a browser.

use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, HeaderValue, header};
use belgie_api::crypto::{base64url, sha256};

const FLOW: &str = "belgie_oauth_state_";
const ACCOUNT: &str = "belgie_oauth_account_";
const FRAGMENT_CHARACTERS: usize = 10;

/// How many flows a browser may have under way; the oldest gives way.
const MAX_FLOWS: usize = 5;

/// The longest value a browser is sure to keep beside a name.
pub const MAX_VALUE_BYTES: usize = 3800;

/// Names and attributes of the cookies.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether people reach us over TLS: then names begin with `__Host-` and no neighbour can set them.
    pub is_https: bool,
    /// Whether they travel over TLS only, as the operator wishes.
    pub is_secure: bool,
}

impl Cookies {
    fn prefix(self) -> &'static str {
        if self.is_https { "__Host-" } else { "" }
    }

    /// The cookie of one flow. Every flow has its own, so that two tabs do not disturb each other.
    #[must_use]
    pub fn flow_name(self, provider: &str, state: &str) -> String {
        let hash = base64url(&sha256(state.as_bytes()));
        let fragment: String = hash.chars().take(FRAGMENT_CHARACTERS).collect();
        format!("{}{FLOW}{provider}_{fragment}", self.prefix())
    }

    /// The cookie that says which account was used last.
    #[must_use]
    pub fn account_name(self, provider: &str) -> String {
        format!("{}{ACCOUNT}{provider}", self.prefix())
    }

    /// Sets a cookie.
    #[must_use]
    pub fn set(self, name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let seconds = lifetime.as_secs();
        HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
            .ok()
    }

    /// Takes a cookie back.
    #[must_use]
    pub fn clear(self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Duration::ZERO)
    }

    /// The flows that must give way to a new one. Browsers name the oldest first (RFC 6265 section 5.4).
    #[must_use]
    pub fn surplus_flows(self, headers: &HeaderMap) -> Vec<String> {
        let prefix = format!("{}{FLOW}", self.prefix());
        let names: Vec<String> =
            all(headers).filter(|(name, _)| name.starts_with(&prefix)).map(|(name, _)| name.to_owned()).collect();
        let surplus = (names.len() + 1).saturating_sub(MAX_FLOWS);
        names.into_iter().take(surplus).collect()
    }
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// The value of a cookie; `None` when there is none or there are two.
#[must_use]
pub fn find<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let mut values = all(headers).filter(|(name, _)| *name == wanted).map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use belgie_api::axum::http::{HeaderMap, header};

    use super::{Cookies, find};

    #[test]
    fn the_oldest_flow_gives_way_to_a_new_one() {
        let cookies = Cookies { is_https: false, is_secure: false };
        let names: Vec<String> = (0..6).map(|n| cookies.flow_name("google", &n.to_string())).collect();
        let header = |names: &[String]| {
            let text = names.iter().map(|name| format!("{name}=x")).collect::<Vec<_>>().join("; ");
            HeaderMap::from_iter([(header::COOKIE, format!("other=1; {text}").parse().unwrap())])
        };
        assert!(cookies.surplus_flows(&header(&names[..4])).is_empty());
        assert_eq!(cookies.surplus_flows(&header(&names[..5])), names[..1]);
        assert_eq!(cookies.surplus_flows(&header(&names)), names[..2]);
    }

    #[test]
    fn a_cookie_that_comes_twice_is_none() {
        let headers = HeaderMap::from_iter([(header::COOKIE, "a=1; b=2; a=3".parse().unwrap())]);
        assert_eq!(find(&headers, "b"), Some("2"));
        assert_eq!(find(&headers, "a"), None);
    }

    #[test]
    fn over_tls_no_neighbour_can_set_the_cookie() {
        let cookies = Cookies { is_https: true, is_secure: true };
        assert!(cookies.flow_name("google", "s").starts_with("__Host-belgie_oauth_state_google_"));
        let set = cookies.set("n", "v", std::time::Duration::from_secs(5)).unwrap();
        assert_eq!(set, "n=v; Path=/; Max-Age=5; HttpOnly; SameSite=Lax; Secure");
        let set = Cookies { is_https: false, ..cookies }.set("n", "v", std::time::Duration::ZERO).unwrap();
        assert!(set.to_str().unwrap().ends_with("; Secure"), "behind a proxy, where the operator says so");
    }
}
