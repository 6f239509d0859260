//! Proof key for code exchange (RFC 7636), method S256 only.

use belgie_api::crypto::{base64url, constant_time_eq, from_base64url, sha256};
use serde::{Deserialize, Serialize};

/// The hash the client showed when it asked for a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// Reads an S256 challenge: the base64url form of 32 bytes (RFC 7636 section 4.2).
    pub fn read(text: &str) -> Option<Self> {
        let is_hash = text.len() == 43 && from_base64url(text).is_some_and(|bytes| bytes.len() == 32);
        is_hash.then(|| Self(text.to_owned()))
    }

    /// Whether the verifier is well formed (RFC 7636 section 4.1) and hashes to this challenge.
    pub fn is_met_by(&self, verifier: &str) -> bool {
        is_verifier(verifier) && constant_time_eq(base64url(&sha256(verifier.as_bytes())).as_bytes(), self.0.as_bytes())
    }
}

fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    // The pair of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_pair_of_the_rfc_fits() {
        assert!(Challenge::read(CHALLENGE).unwrap().is_met_by(VERIFIER));
    }

    #[test]
    fn another_verifier_does_not_fit() {
        let challenge = Challenge::read(CHALLENGE).unwrap();
        for verifier in ["", CHALLENGE, &VERIFIER[..42], &format!("{VERIFIER}="), &"a".repeat(129), &"ä".repeat(43)] {
            assert!(!challenge.is_met_by(verifier), "{verifier}");
        }
    }

    #[test]
    fn a_challenge_is_the_hash_of_something() {
        for text in [
            "",
            VERIFIER,
            &CHALLENGE[..42],
            &format!("{CHALLENGE}A"),
            &CHALLENGE.replace('-', "+"),
            "=".repeat(43).as_str(),
        ] {
            let reads = Challenge::read(text).is_some();
            // Any 43 characters that decode to 32 bytes are a possible hash, the verifier of the example included.
            assert_eq!(reads, text == VERIFIER, "{text}");
        }
    }

    #[test]
    fn the_longest_and_the_shortest_verifier_work() {
        for verifier in ["a".repeat(43), "~.-_".repeat(32)] {
            let challenge = belgie_api::crypto::base64url(&belgie_api::crypto::sha256(verifier.as_bytes()));
            assert!(Challenge::read(&challenge).unwrap().is_met_by(&verifier));
        }
    }
}
