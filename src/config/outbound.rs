//! `[outbound]`: how the gateway talks to other servers.

use belgie_api::settings::Section;
use url::Host;

/// The limits of requests the gateway makes. Private networks are reached at the listed hosts only, and only when the
/// operator named the address.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Whether this machine's own services may be reached, also over plain http. For tests and development.
    pub allow_loopback: bool,
    /// Hosts inside the operator's network that what the operator configured may be at: `host` or `host:port`, in lower
    /// case, exactly.
    pub internal_hosts: Vec<String>,
}

impl Outbound {
    pub(super) fn read(section: &mut Section) -> Self {
        Self {
            allow_loopback: section.danger("allow_loopback"),
            internal_hosts: section.parsed_list(
                "internal_hosts",
                internal_host,
                "write the name of one host, or name and port, such as \"idp.corp.example\" or \"idp.corp.example:8443\"",
            ),
        }
    }
}

/// A host, and a port if there is one, in the one spelling that addresses have.
fn internal_host(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.contains("://") || text.contains(['/', '?', '#', '@']) {
        return Err("an address; only its host is wanted here".to_owned());
    }
    if text.contains('*') {
        return Err("wildcards are not accepted: every host is listed by its name".to_owned());
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => {
            let port: u16 = port.parse().ok().filter(|port| *port != 0).ok_or("the port is not one")?;
            (name, Some(port))
        }
        _ => (text, None),
    };
    match Host::parse(name) {
        Ok(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            Err("this machine itself; danger_allow_loopback is for that, while you develop".to_owned())
        }
        Ok(Host::Domain(name)) => Ok(port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"))),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
            Err("a number; hosts are listed by the names in their certificates".to_owned())
        }
        Err(_) if text.parse::<std::net::Ipv6Addr>().is_ok() => {
            Err("a number; hosts are listed by the names in their certificates".to_owned())
        }
        Err(_) => Err("not the name of a host".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::internal_host;

    #[test]
    fn a_host_is_a_name_with_or_without_a_port() {
        for (text, read) in [
            ("idp.corp.example", "idp.corp.example"),
            (" IDP.Corp.example:8443 ", "idp.corp.example:8443"),
            ("keycloak", "keycloak"),
        ] {
            assert_eq!(internal_host(text).as_deref(), Ok(read));
        }
    }

    #[test]
    fn everything_wider_or_stranger_is_refused() {
        for text in [
            "*.corp.example",
            "https://idp.corp.example",
            "idp.corp.example/",
            "user@idp.corp.example",
            "idp.corp.example:0",
            "idp.corp.example:99999",
            "idp.corp.example:",
            "10.0.0.1",
            "10.0.0.1:443",
            "169.254.169.254",
            "0x0a000001",
            "fd00::1",
            "[fd00::1]",
            "[fd00::1]:443",
            "localhost",
            "localhost:8080",
            "idp.localhost",
            "",
            "a b",
        ] {
            assert!(internal_host(text).is_err(), "{text}");
        }
    }
}
