//! `[server]`: the socket and its limits.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use belgie_api::settings::Section;

use super::Cidr;

/// How the gateway listens, and how much it takes from whom.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// How long running requests may go on after a stop was asked for.
    pub shutdown_grace: Duration,
    /// How long a client may take to send its request head.
    pub header_timeout: Duration,
    /// How long a client may take to send its request body.
    pub body_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How many connections are served at a time; further ones wait.
    pub max_connections: usize,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
}

impl Server {
    /// Whether a connection from `address` may say on whose behalf it comes.
    #[must_use]
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    pub(super) fn read(section: &mut Section) -> Self {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        let listen = section.parsed("listen", usual, "an address and port such as 127.0.0.1:8080", |text| {
            text.parse().map_err(|_| "not an IP address and port".to_owned())
        });
        let max_body_bytes = section.bytes("max_body_bytes", 1 << 10..=1 << 30, 1 << 20);
        Self {
            listen,
            shutdown_grace: section.seconds("shutdown_grace_seconds", 0..=3_600, Duration::from_secs(20)),
            header_timeout: section.seconds("header_timeout_seconds", 1..=300, Duration::from_secs(10)),
            body_timeout: section.seconds("body_timeout_seconds", 1..=600, Duration::from_secs(15)),
            max_body_bytes: usize::try_from(max_body_bytes).unwrap_or(usize::MAX),
            max_connections: section.integer("max_connections", 1..=1_000_000, 10_000),
            trusted_proxies: section.parsed_list(
                "trusted_proxies",
                Cidr::parse,
                "write the addresses or networks of your own proxies, such as \"10.0.0.0/8\"",
            ),
        }
    }
}
