//! Known devices: browsers in which an account was signed in to before.
//!
//! Whoever signs in gets a long-lived cookie that says so for this account. It opens nothing; it only keeps the owner's
//! attempts apart from those of strangers, who could otherwise use up the account's patience and lock the owner out
//! (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use belgie_api::Entropy;
use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};

use super::{Cookies, credential};

/// Browsers keep no cookie longer than 400 days (RFC 6265bis section 5.6).
const LIFETIME: Duration = Duration::from_hours(400 * 24);
/// How many accounts one browser is known for; the one signed in to last stands first.
const MOST_ACCOUNTS: usize = 5;
const ID_CHARACTERS: usize = 16;

/// Makes and reads device cookies.
#[derive(Clone)]
pub struct Devices {
    key: [u8; 32],
    name: String,
}

impl Devices {
    /// `key`: derived from the host's secret for this purpose alone. `name`: of the cookie.
    #[must_use]
    pub const fn new(key: [u8; 32], name: String) -> Self {
        Self { key, name }
    }

    fn tag(&self, email: &str, id: &str) -> String {
        base64url(&hmac_sha256(&self.key, &[email.as_bytes(), id.as_bytes()]))
    }

    fn read(&self, headers: &HeaderMap) -> Vec<String> {
        let value = credential::cookie(headers, &self.name).unwrap_or_default();
        value.split('~').filter(|part| !part.is_empty()).take(MOST_ACCOUNTS).map(ToOwned::to_owned).collect()
    }

    /// The id of this browser, if the account with this address, in its one spelling, was signed in to in it before.
    #[must_use]
    pub fn known(&self, headers: &HeaderMap, email: &str) -> Option<String> {
        self.read(headers).iter().find_map(|part| {
            let (id, tag) = part.split_once('.')?;
            constant_time_eq(tag.as_bytes(), self.tag(email, id).as_bytes()).then(|| id.to_owned())
        })
    }

    /// Makes this browser known for an account: the cookie to set, or `None` when it is known already.
    #[must_use]
    pub fn make_known(
        &self,
        headers: &HeaderMap,
        email: &str,
        cookies: &Cookies,
        entropy: &dyn Entropy,
    ) -> Option<HeaderValue> {
        if self.known(headers, email).is_some() {
            return None;
        }
        let mut random = [0_u8; ID_CHARACTERS / 4 * 3];
        entropy.fill(&mut random);
        let id = base64url(&random);
        let mut parts = vec![format!("{id}.{}", self.tag(email, &id))];
        parts.extend(self.read(headers));
        parts.truncate(MOST_ACCOUNTS);
        cookies.set_lasting(&self.name, &parts.join("~"), LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header};
    use belgie_api::entropy::SystemEntropy;
    use cookie::SameSite;

    use super::{Cookies, Devices};

    fn cookies() -> Cookies {
        Cookies {
            session: "s".to_owned(),
            csrf: "c".to_owned(),
            is_secure: false,
            same_site: SameSite::Lax,
            domain: None,
        }
    }

    fn send_back(set: &axum::http::HeaderValue) -> HeaderMap {
        let pair = set.to_str().expect("plain").split(';').next().expect("a pair").to_owned();
        HeaderMap::from_iter([(header::COOKIE, pair.parse().expect("a header"))])
    }

    #[test]
    fn a_browser_is_known_for_the_accounts_it_was_signed_in_to_and_no_others() {
        let devices = Devices::new([1; 32], "d".to_owned());
        let mut headers = HeaderMap::new();
        for n in 0..7 {
            let set = devices.make_known(&headers, &format!("{n}@example.org"), &cookies(), &SystemEntropy);
            headers = send_back(&set.expect("a new account in this browser"));
        }
        assert!(devices.known(&headers, "6@example.org").is_some());
        assert!(devices.known(&headers, "2@example.org").is_some());
        assert!(devices.known(&headers, "1@example.org").is_none(), "only the last five are kept");
        assert!(devices.known(&headers, "other@example.org").is_none());
        assert!(devices.make_known(&headers, "6@example.org", &cookies(), &SystemEntropy).is_none());
        assert!(Devices::new([2; 32], "d".to_owned()).known(&headers, "6@example.org").is_none());
    }
}
