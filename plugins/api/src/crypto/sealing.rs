//! Secrets that have to be kept and shown again: AES-256-GCM under a key that is at hand, or made of a secret.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use crate::entropy::Entropy;

/// A key of 32 bytes for one purpose, made of a secret that is hard to guess (HKDF-SHA-256, RFC 5869). `salt`: separates the
/// keys of one use from those of every other that has the same secret.
///
/// # Errors
/// When the cryptographic library fails, which it does for no purpose of reasonable length.
pub fn derive_key(secret: &[u8], salt: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let mut key = Zeroizing::new([0_u8; 32]);
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    root.expand(&[purpose], hkdf::HKDF_SHA256)?.fill(key.as_mut_slice())?;
    Ok(key)
}

/// Seals a secret (AES-256-GCM, NIST SP 800-38D): a random nonce, then the text. `beside`: what it belongs to, such as the id
/// of its row; [`unseal`] wants the same parts.
///
/// # Errors
/// When the cryptographic library fails.
pub fn seal(key: &[u8; 32], entropy: &dyn Entropy, beside: &[&[u8]], secret: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut nonce = [0_u8; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut sealed = secret.to_vec();
    cipher(key)?.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(in_lengths(beside)),
        &mut sealed,
    )?;
    let mut bytes = nonce.to_vec();
    bytes.append(&mut sealed);
    Ok(bytes)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// When it was sealed under another key or beside something else, or was changed.
pub fn unseal(key: &[u8; 32], beside: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?.open_in_place(nonce, Aad::from(in_lengths(beside)), &mut text)?.len();
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?))
}

/// The parts, each preceded by its length, so that no two lists of parts are one.
fn in_lengths(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{derive_key, seal, unseal};
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_key_follows_from_secret_salt_and_purpose() {
        let key = |secret: &[u8], salt: &[u8], purpose: &[u8]| *derive_key(secret, salt, purpose).unwrap();
        let first = key(b"secret", b"salt", b"purpose");
        assert_eq!(first, key(b"secret", b"salt", b"purpose"));
        for other in
            [key(b"Secret", b"salt", b"purpose"), key(b"secret", b"", b"purpose"), key(b"secret", b"salt", b"x")]
        {
            assert_ne!(first, other);
        }
        // RFC 5869, appendix A.1, the first 32 bytes.
        let expected = [
            0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d,
            0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf,
        ];
        let salt: Vec<u8> = (0..=12).collect();
        let purpose: Vec<u8> = (0xf0..=0xf9).collect();
        assert_eq!(key(&[0x0b; 22], &salt, &purpose), expected);
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_in_its_place_and_unchanged_only() {
        let (key, other) = ([1; 32], [2; 32]);
        let sealed = seal(&key, &SystemEntropy, &[b"row", b"1"], b"a secret").unwrap();
        assert_eq!(unseal(&key, &[b"row", b"1"], &sealed).unwrap().as_slice(), b"a secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, seal(&key, &SystemEntropy, &[b"row", b"1"], b"a secret").unwrap(), "a nonce is used once");
        assert!(unseal(&other, &[b"row", b"1"], &sealed).is_err());
        assert!(unseal(&key, &[b"ro", b"w1"], &sealed).is_err());
        assert!(unseal(&key, &[b"row1"], &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unseal(&key, &[b"row", b"1"], &changed).is_err(), "changed at {at}");
            assert!(unseal(&key, &[b"row", b"1"], &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
