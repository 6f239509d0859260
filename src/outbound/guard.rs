//! What may be visited.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use super::address::{is_private, is_public};

/// Why an address is not visited. Says nothing about what a name leads to: that could be a fact about our network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("only https is spoken")]
    NotHttps,
    #[error("a user name or password has no place in it")]
    Credentials,
    #[error("a fragment has no place in it")]
    Fragment,
    #[error("it names no host")]
    NoHost,
    #[error("the host is not on the public internet")]
    NotPublic,
}

/// Decides what may be visited: https on the public internet, the listed hosts inside our network and, when it was
/// switched on, this very machine.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allow_loopback: bool,
    internal: Arc<[String]>,
}

impl Guard {
    /// `internal`: hosts that may be on private addresses, `host` or `host:port` in lower case.
    pub(super) fn new(allow_loopback: bool, internal: Vec<String>) -> Self {
        Self { allow_loopback, internal: internal.into() }
    }

    pub(super) const fn allows_loopback(&self) -> bool {
        self.allow_loopback
    }

    /// Whether this is a listed host, on the port that is listed if there is one.
    pub(super) fn is_internal(&self, url: &Url) -> bool {
        let Some(Host::Domain(name)) = url.host() else { return false };
        let port = url.port_or_known_default();
        self.internal.iter().any(|entry| match entry.strip_prefix(name) {
            Some("") => true,
            Some(rest) => rest.strip_prefix(':').and_then(|text| text.parse().ok()) == port && port.is_some(),
            None => false,
        })
    }

    /// The same of a name alone, when it is resolved: the port was looked at before.
    fn is_internal_name(&self, name: &str) -> bool {
        let is_name =
            |entry: &String| entry.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        self.internal.iter().any(is_name)
    }

    /// Looks at everything that can be seen without asking the name service. The URL type has already brought odd
    /// spellings of an address (decimal, octal, hexadecimal, shortened, full-width digits) into the one form.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Refusal::Fragment);
        }
        let (is_this_machine, is_open) = match url.host() {
            None => return Err(Refusal::NoHost),
            // What an ordinary name leads to is seen when it is resolved.
            Some(Host::Domain(name)) => (is_localhost(name), !is_localhost(name)),
            Some(Host::Ipv4(address)) => (address.is_loopback(), is_public(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => (address.is_loopback(), is_public(IpAddr::V6(address))),
        };
        let may_be_this_machine = is_this_machine && self.allow_loopback;
        match url.scheme() {
            "https" => {}
            "http" if may_be_this_machine => {}
            _ => return Err(Refusal::NotHttps),
        }
        if is_open || may_be_this_machine { Ok(()) } else { Err(Refusal::NotPublic) }
    }

    /// Looks at what a name leads to. One address that is not right spoils the name: whoever mixes addresses hopes that
    /// the check sees one and the connection takes another. Loopback is for the names of this machine only, and these
    /// may lead nowhere else.
    pub(super) fn check_addresses(&self, name: &str, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let all_fit = if is_localhost(name) {
            self.allow_loopback && addresses.iter().all(IpAddr::is_loopback)
        } else if self.is_internal_name(name) {
            // With the switch for development it may be this machine, too.
            let is_inside = |address: &IpAddr| is_private(*address) || (self.allow_loopback && address.is_loopback());
            addresses.iter().all(|address| is_public(*address) || is_inside(address))
        } else {
            addresses.iter().copied().all(is_public)
        };
        if all_fit { Ok(()) } else { Err(Refusal::NotPublic) }
    }
}

/// The names that always mean this machine (RFC 6761 section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last_label = name.rsplit('.').next().unwrap_or(name);
    last_label.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(guard: &Guard, url: &str) -> Result<(), Refusal> {
        guard.check_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_url_that_leads_into_our_network_is_refused() {
        let refused = [
            ("http://example.com/", Refusal::NotHttps),
            ("http://127.0.0.1/", Refusal::NotHttps),
            ("ftp://example.com/", Refusal::NotHttps),
            ("file:///etc/passwd", Refusal::NoHost),
            ("data:text/plain,hello", Refusal::NoHost),
            ("https://user@example.com/", Refusal::Credentials),
            ("https://user:word@example.com/", Refusal::Credentials),
            ("https://:word@example.com/", Refusal::Credentials),
            ("https://example.com/#part", Refusal::Fragment),
            ("https://example.com/#", Refusal::Fragment),
            ("https://169.254.169.254/latest/meta-data/", Refusal::NotPublic),
            ("https://127.0.0.1/", Refusal::NotPublic),
            ("https://127.0.0.1./", Refusal::NotPublic),
            ("https://2130706433/", Refusal::NotPublic),
            ("https://0x7f000001/", Refusal::NotPublic),
            ("https://0x7f.0.0.1/", Refusal::NotPublic),
            ("https://0177.0.0.1/", Refusal::NotPublic),
            ("https://127.1/", Refusal::NotPublic),
            ("https://0/", Refusal::NotPublic),
            ("https://%31%32%37.0.0.1/", Refusal::NotPublic),
            ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", Refusal::NotPublic),
            ("https://127\u{3002}0\u{3002}0\u{3002}1/", Refusal::NotPublic),
            ("https://[::1]/", Refusal::NotPublic),
            ("https://[::]/", Refusal::NotPublic),
            ("https://[::ffff:127.0.0.1]/", Refusal::NotPublic),
            ("https://[::ffff:a9fe:a9fe]/", Refusal::NotPublic),
            ("https://[::127.0.0.1]/", Refusal::NotPublic),
            ("https://[64:ff9b::a9fe:a9fe]/", Refusal::NotPublic),
            ("https://[2002:7f00:1::]/", Refusal::NotPublic),
            ("https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", Refusal::NotPublic),
            ("https://[fd00::1]/", Refusal::NotPublic),
            ("https://localhost/", Refusal::NotPublic),
            ("https://localhost./", Refusal::NotPublic),
            ("https://LOCALHOST:8443/", Refusal::NotPublic),
            ("https://app.localhost/", Refusal::NotPublic),
        ];
        for (url, refusal) in refused {
            assert_eq!(verdict(&Guard::new(false, Vec::new()), url), Err(refusal), "{url}");
        }
    }

    #[test]
    fn a_public_url_is_let_through() {
        for url in [
            "https://example.com/",
            "https://example.com:8443/a/b.json?c=d",
            "https://localhost.example.com/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert_eq!(verdict(&Guard::new(false, Vec::new()), url), Ok(()), "{url}");
        }
    }

    #[test]
    fn the_danger_switch_opens_this_machine_and_nothing_else() {
        let guard = Guard::new(true, Vec::new());
        for url in
            ["http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]/", "http://localhost/", "https://localhost/"]
        {
            assert_eq!(verdict(&guard, url), Ok(()), "{url}");
        }
        for url in ["https://10.0.0.1/", "https://169.254.169.254/", "https://0.0.0.0/", "https://[::ffff:127.0.0.1]/"]
        {
            assert_eq!(verdict(&guard, url), Err(Refusal::NotPublic), "{url}");
        }
        assert_eq!(verdict(&guard, "http://example.com/"), Err(Refusal::NotHttps));
    }

    #[test]
    fn one_wrong_address_spoils_a_name() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        for danger in [false, true] {
            let guard = Guard::new(danger, Vec::new());
            assert_eq!(guard.check_addresses("a.example", &of(&["8.8.8.8", "2606:4700::1"])), Ok(()));
            for mixed in [&["8.8.8.8", "10.0.0.1"][..], &["::ffff:8.8.8.8"], &["8.8.8.8", "127.0.0.1"], &["::1"]] {
                assert_eq!(guard.check_addresses("a.example", &of(mixed)), Err(Refusal::NotPublic), "{mixed:?}");
            }
            assert_eq!(guard.check_addresses("localhost", &of(&["127.0.0.1", "::1"])).is_ok(), danger);
            assert_eq!(guard.check_addresses("localhost.", &of(&["8.8.8.8"])), Err(Refusal::NotPublic));
        }
    }

    #[test]
    fn a_listed_host_may_be_inside_and_no_other_and_never_where_clouds_keep_their_keys() {
        let of = |text: &str| [text.parse::<IpAddr>().unwrap()];
        for danger in [false, true] {
            let guard = Guard::new(danger, vec!["idp.corp.example".to_owned(), "sso.corp.example:8443".to_owned()]);
            for address in ["10.1.2.3", "172.16.0.1", "192.168.7.7", "100.64.1.1", "fd12:3456::1", "8.8.8.8"] {
                assert_eq!(guard.check_addresses("idp.corp.example", &of(address)), Ok(()), "{address}");
                assert_eq!(guard.check_addresses("sso.corp.example", &of(address)), Ok(()), "{address}");
                let elsewhere = guard.check_addresses("other.corp.example", &of(address));
                assert_eq!(elsewhere.is_ok(), address == "8.8.8.8", "{address}");
            }
            for address in [
                "169.254.169.254",
                "169.254.0.1",
                "fd00:ec2::254",
                "fd20:ce::254",
                "fe80::1",
                "100.100.100.200",
                "0.0.0.0",
            ] {
                assert_eq!(
                    guard.check_addresses("idp.corp.example", &of(address)),
                    Err(Refusal::NotPublic),
                    "{address}"
                );
            }
            assert_eq!(guard.check_addresses("idp.corp.example", &of("127.0.0.1")).is_ok(), danger);
            for mixed in [["10.0.0.1", "169.254.169.254"], ["8.8.8.8", "224.0.0.1"]] {
                let addresses = mixed.map(|text| text.parse::<IpAddr>().unwrap());
                assert_eq!(guard.check_addresses("idp.corp.example", &addresses), Err(Refusal::NotPublic), "{mixed:?}");
            }
        }
    }

    #[test]
    fn a_host_is_listed_to_the_letter() {
        let guard = Guard::new(false, vec!["idp.corp.example".to_owned(), "sso.corp.example:8443".to_owned()]);
        let listed = |url: &str| guard.is_internal(&Url::parse(url).unwrap());
        for url in ["https://idp.corp.example/", "https://IDP.corp.example:9443/a", "https://sso.corp.example:8443/"] {
            assert!(listed(url), "{url}");
        }
        for url in [
            "https://sso.corp.example/",
            "https://sso.corp.example:443/",
            "https://x.idp.corp.example/",
            "https://idp.corp.example.evil.example/",
            "https://dp.corp.example/",
            "https://corp.example/",
            "https://10.1.2.3/",
        ] {
            assert!(!listed(url), "{url}");
        }
        assert_eq!(
            verdict(&guard, "http://idp.corp.example/"),
            Err(Refusal::NotHttps),
            "tokens go over TLS inside, too"
        );
    }
}
