//! From keys to slots.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use belgie_api::crypto::hmac_sha256;
use belgie_api::entropy::Entropy;

const SLOT_BITS: u32 = 18;
/// What a single subscriber has at least (RFC 4291 section 2.5.4).
const SUBSCRIBER_BITS: u32 = 64;
/// What a site is given at most (RFC 6177).
const SITE_BITS: u32 = 48;
/// What is given to whoever announces a network of their own, and to most providers, at least.
const NEIGHBOURHOOD_BITS: u32 = 32;
/// The same for IPv4, where a block of 256 addresses can be rented.
const NEIGHBOURHOOD_BITS_V4: u32 = 20;

/// The key of [`LimitBucket::SignInByAccount`](belgie_api::ports::LimitBucket::SignInByAccount), of the shares and of the
/// first attempts: the account as it was typed, whether it exists or not, together with the address it was typed at.
/// Addresses of IPv6 count by the site, since whoever has one has 65,536 networks of 64 bits; neighbours lose nothing by
/// it, unless they try the same account.
#[must_use]
pub fn account_key(account: &str, address: IpAddr) -> String {
    format!("{} {}", network(address, SITE_BITS), account.trim().to_lowercase())
}

/// The key of first attempts at an account from one neighbourhood.
pub(super) fn neighbourhood_key(account: &str, address: IpAddr) -> String {
    let near = match address.to_canonical() {
        IpAddr::V4(address) => {
            Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - NEIGHBOURHOOD_BITS_V4))).into()
        }
        address @ IpAddr::V6(_) => network(address, NEIGHBOURHOOD_BITS),
    };
    format!("{near} {}", account.trim().to_lowercase())
}

/// The address that stands for everybody who can use this one at will.
fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))),
        address @ IpAddr::V4(_) => address,
    }
}

/// A key as it counts: for an address, everybody whom a single subscriber can be.
pub(super) fn subscriber_of(key: &str) -> Cow<'_, str> {
    match key.parse() {
        Ok(address) => network(address, SUBSCRIBER_BITS).to_string().into(),
        Err(_) => key.into(),
    }
}

/// A place in a bucket's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot(u32);

/// Finds the slot of a key. Which keys share one cannot be foretold from outside.
pub(super) struct Slots {
    secret: [u8; 32],
}

impl Slots {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self { secret }
    }

    pub(super) fn of(&self, key: &str) -> Slot {
        let [a, b, c, d, ..] = hmac_sha256(&self.secret, &[subscriber_of(key).as_bytes()]);
        Slot(u32::from_be_bytes([a, b, c, d]) >> (32 - SLOT_BITS))
    }
}
