//! Networks, to say which proxies are trusted.

use std::{fmt, net::IpAddr};

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `fd00::/8` or a single address.
    ///
    /// # Errors
    /// What is wrong with the text. A network of everyone (`/0`) is refused: it is no restriction at all.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let network: IpAddr = address.parse().map_err(|_| "not an IP address or network".to_owned())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix.map(str::parse) {
            None => longest,
            Some(Ok(0)) => return Err("a network of everyone trusts everyone".to_owned()),
            Some(Ok(prefix)) if prefix <= longest => prefix,
            Some(_) => {
                return Err(format!("the prefix length is not a number from 1 to {longest}"));
            }
        };
        Ok(Self { network, prefix })
    }

    /// Whether `address` is in this network. An IPv4 address mapped into IPv6 counts as the IPv4 address it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}
