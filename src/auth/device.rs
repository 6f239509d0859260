//! Known devices: browsers in which an account was signed in to before.
//!
//! Whoever signs in gets a long-lived cookie that says so for this account. It opens nothing; it only keeps the owner's
//! attempts apart from those of strangers, who could otherwise use up the account's patience and lock the owner out
//! (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
//!
//! Whoever was in somebody else's account has such a cookie, too. So it says since when, and what is older than the day
//! the account was taken back does not count ([`UserRow::trusts_what_is_of`](crate::store::users::UserRow)).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};
use belgie_api::{Entropy, Timestamp};

use super::{Cookies, credential};

/// Browsers keep no cookie longer than 400 days (RFC 6265bis section 5.6).
const LIFETIME: Duration = Duration::from_hours(400 * 24);
/// How many accounts one browser is known for; the one signed in to last stands first.
const MOST_ACCOUNTS: usize = 5;
const ID_CHARACTERS: usize = 16;

/// A browser in which somebody was signed in to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Tells it from others.
    pub id: String,
    /// When the last session began there.
    pub since: Timestamp,
}

fn new_id(entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; ID_CHARACTERS / 4 * 3];
    entropy.fill(&mut random);
    base64url(&random)
}

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

    fn tag(&self, email: &str, device: &Device) -> String {
        let since = device.since.unix_micros().to_be_bytes();
        base64url(&hmac_sha256(&self.key, &[email.as_bytes(), device.id.as_bytes(), &since]))
    }

    fn read(&self, headers: &HeaderMap) -> Vec<String> {
        let value = credential::cookie(headers, &self.name).unwrap_or_default();
        value.split('~').filter(|part| !part.is_empty()).take(MOST_ACCOUNTS).map(ToOwned::to_owned).collect()
    }

    /// This browser, if the account with this address, in its one spelling, was signed in to in it before. Whether that still
    /// counts is for the account to say.
    #[must_use]
    pub fn known(&self, headers: &HeaderMap, email: &str) -> Option<Device> {
        self.read(headers).iter().find_map(|part| self.check(part, email))
    }

    fn check(&self, part: &str, email: &str) -> Option<Device> {
        let (device, tag) = part.rsplit_once('.')?;
        let (id, since) = device.split_once('.')?;
        let device = Device { id: id.to_owned(), since: Timestamp::from_unix_micros(since.parse().ok()?) };
        constant_time_eq(tag.as_bytes(), self.tag(email, &device).as_bytes()).then_some(device)
    }

    /// Makes this browser known for an account: the cookie to set, or `None` when it is known already. `session_began`: when
    /// the session did in which it is seen; being known from before that is out of date. A browser keeps its id.
    #[must_use]
    pub fn make_known(
        &self,
        headers: &HeaderMap,
        email: &str,
        session_began: Timestamp,
        cookies: &Cookies,
        entropy: &dyn Entropy,
    ) -> Option<HeaderValue> {
        let known = self.known(headers, email);
        if known.as_ref().is_some_and(|device| device.since >= session_began) {
            return None;
        }
        let id = known.map_or_else(|| new_id(entropy), |device| device.id);
        let device = Device { id, since: session_began };
        let mut parts = vec![format!("{}.{}.{}", device.id, device.since.unix_micros(), self.tag(email, &device))];
        parts.extend(self.read(headers).into_iter().filter(|part| self.check(part, email).is_none()));
        parts.truncate(MOST_ACCOUNTS);
        cookies.set_lasting(&self.name, &parts.join("~"), LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header};
    use belgie_api::Timestamp;
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
        let began = Timestamp::from_unix_seconds(5);
        for n in 0..7 {
            let set = devices.make_known(&headers, &format!("{n}@example.org"), began, &cookies(), &SystemEntropy);
            headers = send_back(&set.expect("a new account in this browser"));
        }
        assert!(devices.known(&headers, "6@example.org").is_some());
        assert!(devices.known(&headers, "2@example.org").is_some());
        assert!(devices.known(&headers, "1@example.org").is_none(), "only the last five are kept");
        assert!(devices.known(&headers, "other@example.org").is_none());
        assert!(devices.make_known(&headers, "6@example.org", began, &cookies(), &SystemEntropy).is_none());
        assert!(Devices::new([2; 32], "d".to_owned()).known(&headers, "6@example.org").is_none());
    }

    #[test]
    fn a_browser_says_since_when_it_is_known_and_cannot_say_another_moment() {
        let devices = Devices::new([1; 32], "d".to_owned());
        let (before, after) = (Timestamp::from_unix_seconds(5), Timestamp::from_unix_seconds(9));
        let make = |headers: &HeaderMap, began| {
            devices.make_known(headers, "a@example.org", began, &cookies(), &SystemEntropy).expect("out of date")
        };
        let headers = send_back(&make(&HeaderMap::new(), before));
        let first = devices.known(&headers, "a@example.org").expect("it is known");
        assert_eq!(first.since, before);
        let text = headers[header::COOKIE].to_str().expect("plain").replace(".5000000.", ".9000000.");
        let forged = HeaderMap::from_iter([(header::COOKIE, text.parse().expect("a header"))]);
        assert!(devices.known(&forged, "a@example.org").is_none());
        let headers = send_back(&make(&headers, after));
        let second = devices.known(&headers, "a@example.org").expect("it is known");
        assert_eq!((second.id, second.since), (first.id, after));
        assert_eq!(devices.read(&headers).len(), 1);
    }
}
