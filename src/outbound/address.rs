//! Which addresses belong to the public internet.
//!
//! IPv4 is open except for the blocks of the IANA special-purpose registry (RFC 6890). IPv6 is closed except for global
//! unicast (RFC 4291 section 2.4), and the special blocks within it. So an address that carries an IPv4 address in some
//! form (mapped, compatible, 6to4, Teredo) never passes, whatever it carries; the one exception is the well-known
//! prefix of NAT64, without which hosts in IPv6-only networks reach no IPv4 server: there the carried address decides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, prefix: u32) -> (Ipv4Addr, u32) {
    (Ipv4Addr::new(a, b, c, 0), prefix)
}

const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    v4(0, 0, 0, 8),       // this network (RFC 791)
    v4(10, 0, 0, 8),      // private (RFC 1918)
    v4(100, 64, 0, 10),   // shared by carriers (RFC 6598)
    v4(127, 0, 0, 8),     // loopback (RFC 1122)
    v4(169, 254, 0, 16),  // link-local, and the metadata services of clouds (RFC 3927)
    v4(172, 16, 0, 12),   // private (RFC 1918)
    v4(192, 0, 0, 24),    // protocol assignments (RFC 6890)
    v4(192, 0, 2, 24),    // documentation (RFC 5737)
    v4(192, 88, 99, 24),  // 6to4 relays, deprecated (RFC 7526)
    v4(192, 168, 0, 16),  // private (RFC 1918)
    v4(198, 18, 0, 15),   // benchmarking (RFC 2544)
    v4(198, 51, 100, 24), // documentation (RFC 5737)
    v4(203, 0, 113, 24),  // documentation (RFC 5737)
    v4(224, 0, 0, 4),     // multicast (RFC 5771)
    v4(240, 0, 0, 4),     // reserved, and broadcast (RFC 1112, RFC 919)
];

const fn v6(a: u16, b: u16, prefix: u32) -> (Ipv6Addr, u32) {
    (Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

const GLOBAL_UNICAST: (Ipv6Addr, u32) = v6(0x2000, 0, 3);
const NAT64: (Ipv6Addr, u32) = v6(0x64, 0xff9b, 96);

const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    v6(0x2001, 0, 23), // protocol assignments, among them Teredo and ORCHID (RFC 2928, RFC 4380, RFC 7343)
    v6(0x2001, 0xdb8, 32), // documentation (RFC 3849)
    v6(0x2002, 0, 16), // 6to4 (RFC 3056)
    v6(0x3ffe, 0, 16), // the former test network (RFC 3701)
    v6(0x3fff, 0, 20), // documentation (RFC 9637)
];

const PRIVATE_V4: [(Ipv4Addr, u32); 4] = [
    v4(10, 0, 0, 8),     // private (RFC 1918)
    v4(172, 16, 0, 12),  // private (RFC 1918)
    v4(192, 168, 0, 16), // private (RFC 1918)
    v4(100, 64, 0, 10),  // shared by carriers, and used by overlay networks (RFC 6598)
];

/// A metadata service of a cloud in the middle of a private block.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

const UNIQUE_LOCAL: (Ipv6Addr, u32) = v6(0xfc00, 0, 7);

/// Metadata services of clouds in the middle of the unique local addresses.
const METADATA_V6: [(Ipv6Addr, u32); 2] = [v6(0xfd00, 0xec2, 32), v6(0xfd20, 0xce, 32)];

/// Whether this is an address inside somebody's own network (RFC 1918, RFC 6598, RFC 4193). Link-local addresses are not,
/// nor are those at which clouds hand out keys to whoever asks from a machine of theirs.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address != METADATA_V4 && PRIVATE_V4.into_iter().any(|block| is_within_v4(address, block))
        }
        IpAddr::V6(address) => {
            is_within(address, UNIQUE_LOCAL) && !METADATA_V6.into_iter().any(|block| is_within(address, block))
        }
    }
}

/// Whether this is an address of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.into_iter().any(|block| is_within_v4(address, block))
}

fn is_within_v4(address: Ipv4Addr, (block, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ block.to_bits()) >> (32 - prefix) == 0
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if is_within(address, NAT64) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    is_within(address, GLOBAL_UNICAST) && !SPECIAL_V6.into_iter().any(|block| is_within(address, block))
}

fn is_within(address: Ipv6Addr, (block, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ block.to_bits()) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First and last address of every closed block, and addresses that carry others.
    const CLOSED: &str = "
        0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255
        169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1
        192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255
        240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::808:808 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8
        64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 100::1 2001::1
        2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:1ff::1 2001:db8::1
        2002:7f00:1:: 2002:808:808::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1
        febf::1 fec0::1 ff02::1 ff0e::1
    ";

    /// The neighbours of the closed blocks, and well-known public servers.
    const OPEN: &str = "
        1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0
        192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
        203.0.114.0 223.255.255.255 64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1
        2003::1 2606:4700:4700::1111 2a00:1450::1 3fff:1000::1
    ";

    #[test]
    fn every_special_block_is_closed_and_its_neighbours_are_open() {
        for (addresses, expected) in [(CLOSED, false), (OPEN, true)] {
            for text in addresses.split_whitespace() {
                let address: IpAddr = text.parse().unwrap();
                assert_eq!(is_public(address), expected, "{text}");
            }
        }
    }
}
