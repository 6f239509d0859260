//! Codes that people type for a device (RFC 8628 section 6.1).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use belgie_api::Entropy;

/// The grant of a device that a person lets in from elsewhere (RFC 8628 section 3.4).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// How long a device waits between two questions, in seconds (RFC 8628 section 3.2).
pub const INTERVAL: i64 = 5;

/// In which time guesses are counted.
pub const GUESSES_COUNT_FOR: Duration = Duration::from_secs(900);

/// How many codes one person may type in that time: of 25 billion codes they guess one of a hundred waiting ones in ten
/// thousand years.
pub const GUESSES_OF_PERSON: i64 = 10;

/// The same for everybody at one address.
pub const GUESSES_OF_ADDRESS: i64 = 50;

/// Consonants that are not easily mistaken for anything else, and spell no words (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

const LENGTH: usize = 8;

/// A new code, as it is kept: eight letters.
pub fn new_user_code(entropy: &dyn Entropy) -> String {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut random = [0_u8; 16];
        entropy.fill(&mut random);
        // 240 is the largest multiple of 20 in a byte: what is beyond it would make some letters likelier.
        let even = random.iter().filter(|byte| **byte < 240);
        let letters = even.filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
        code.extend(letters.take(LENGTH - code.len()).map(|letter| char::from(*letter)));
    }
    code
}

/// A code as people read it: two groups of four letters.
pub fn shown_user_code(code: &str) -> String {
    let (first, second) = code.split_at_checked(LENGTH / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

/// A code as somebody typed it: in lower case, with spaces, without the hyphen. `None` when it cannot be one.
pub fn read_user_code(text: &str) -> Option<String> {
    let kept: String =
        text.chars().filter(|c| !c.is_whitespace() && !"-.\u{2010}\u{2011}\u{2013}".contains(*c)).collect();
    let code = kept.to_ascii_uppercase();
    (code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

/// The address that stands for everybody who can use this one at will: whoever has an address of IPv6 has a network of 64 bits.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{network_of, new_user_code, read_user_code, shown_user_code};
    use belgie_api::entropy::SystemEntropy;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = new_user_code(&SystemEntropy);
        assert_eq!(shown_user_code(&code).len(), 9);
        assert_eq!(read_user_code(&shown_user_code(&code)), Some(code.clone()));
        for typed in ["wdjb-mjht", "WDJBMJHT", " wdjb mjht ", "wdjb\u{2011}mjht"] {
            assert_eq!(read_user_code(typed).as_deref(), Some("WDJBMJHT"), "{typed}");
        }
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTX", "ADJB-MJHT", "WDJB-MJH1", "WDJB-MJHÜ"] {
            assert_eq!(read_user_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_network_counts_as_one_address() {
        let same = |left: &str, right: &str| network_of(left.parse().unwrap()) == network_of(right.parse().unwrap());
        assert!(same("2001:db8:1:2::3", "2001:db8:1:2:ffff::4") && same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("2001:db8:1:2::3", "2001:db8:1:3::3") && !same("192.0.2.1", "192.0.2.2"));
    }
}
