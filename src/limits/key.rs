//! From keys to slots.

use std::net::{IpAddr, Ipv6Addr};

use belgie_api::crypto::hmac_sha256;
use belgie_api::entropy::Entropy;

const SLOT_BITS: u32 = 18;
const SUBSCRIBER_BITS: u32 = 64;

/// The key of [`LimitBucket::SignInByAccount`](belgie_api::ports::LimitBucket::SignInByAccount) and of the shares: the
/// account as it was typed, whether it exists or not, together with the address it was typed at.
#[must_use]
pub fn account_key(account: &str, address: IpAddr) -> String {
    format!("{} {}", subscriber(address), account.trim().to_lowercase())
}

/// The address that stands for everybody who can use this one at will.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::MAX << (128 - SUBSCRIBER_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & network))
        }
        address @ IpAddr::V4(_) => address,
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
        let [a, b, c, d, ..] = match key.parse() {
            Ok(address) => hmac_sha256(&self.secret, &[subscriber(address).to_string().as_bytes()]),
            Err(_) => hmac_sha256(&self.secret, &[key.as_bytes()]),
        };
        Slot(u32::from_be_bytes([a, b, c, d]) >> (32 - SLOT_BITS))
    }
}
