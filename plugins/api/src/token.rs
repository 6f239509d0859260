//! Opaque secrets and what is kept of them.
//!
//! A token is a prefix that names its kind, 32 random bytes and a checksum, such as `blg_at_...`. The checksum lets junk
//! be refused before any look-up and lets scanners find leaked tokens. Only the SHA-256 of the whole text is stored.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{base64url, derive_key, seal, sha256, unseal};
use crate::entropy::Entropy;
use crate::failure::{Failure, Result};

const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_BYTES: usize = 3;
/// Separates keys made of tokens from keys made of anything else.
const SEALED_UNDER: &[u8] = b"belgie sealed under a token v1";

/// What a token is good for; its text begins with the [prefix](TokenKind::prefix).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// OAuth access token (RFC 6749 section 1.4).
    Access,
    /// OAuth refresh token (RFC 6749 section 1.5).
    Refresh,
    /// OAuth authorization code (RFC 6749 section 1.3.1).
    Code,
    /// Secret of a confidential OAuth client (RFC 6749 section 2.3.1).
    ClientSecret,
    /// Personal access token of a user, for scripts.
    Personal,
    /// Token of a service of an organization, with no person behind it.
    Service,
    /// Browser session, the value of the session cookie.
    Session,
    /// One-time link, such as the one that makes the first account.
    Link,
    /// Registration access token of an OAuth client (RFC 7592 section 1.2).
    Registration,
    /// Initial access token, with which an OAuth client may register itself (RFC 7591 section 1.2).
    Initial,
    /// Code with which a device asks whether it was let in (RFC 8628 section 3.2).
    Device,
    /// Handle of an interaction that waits for a person, such as a consent.
    Interaction,
}

impl TokenKind {
    const ALL: [Self; 12] = [
        Self::Access,
        Self::Refresh,
        Self::Code,
        Self::ClientSecret,
        Self::Personal,
        Self::Service,
        Self::Session,
        Self::Link,
        Self::Registration,
        Self::Initial,
        Self::Device,
        Self::Interaction,
    ];

    /// The text every token of this kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "blg_at_",
            Self::Refresh => "blg_rt_",
            Self::Code => "blg_ac_",
            Self::ClientSecret => "blg_cs_",
            Self::Personal => "blg_pat_",
            Self::Service => "blg_svc_",
            Self::Session => "blg_ss_",
            Self::Link => "blg_ln_",
            Self::Registration => "blg_reg_",
            Self::Initial => "blg_iat_",
            Self::Device => "blg_dc_",
            Self::Interaction => "blg_in_",
        }
    }

    /// Makes a new secret of this kind: 256 random bits.
    #[must_use]
    pub fn mint(self, entropy: &dyn Entropy) -> PlainToken {
        let mut random = Zeroizing::new([0_u8; 32]);
        entropy.fill(random.as_mut_slice());
        let mut text = format!("{}{}", self.prefix(), base64url(random.as_slice()));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        PlainToken { kind: self, text: Zeroizing::new(text) }
    }
}

fn checksum(body: &str) -> String {
    base64url(sha256(body.as_bytes()).get(..CHECKSUM_BYTES).unwrap_or_default())
}

/// A secret in the clear. It lives for one request and never shows itself in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainToken {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl PlainToken {
    /// Reads a text as a token of any kind; `None` when prefix, length, characters or checksum are not right.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let kind = TokenKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let (body, tail) = text.split_at_checked(kind.prefix().len() + RANDOM_CHARACTERS)?;
        let is_plain = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (is_plain && checksum(body) == tail).then(|| Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// Reads a text as a token of this one kind.
    #[must_use]
    pub fn parse_as(kind: TokenKind, text: &str) -> Option<Self> {
        Self::parse(text).filter(|token| token.kind == kind)
    }

    /// What the token is good for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The secret itself, to be handed to its owner once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }

    /// Seals a secret under a key made of this token (HKDF, RFC 5869): what is kept of the token does not open it, so neither
    /// does the database. `purpose`: `<plugin id>.<what for>`. `context`: what it belongs to; [`unseal`](Self::unseal)
    /// wants both again.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, entropy: &dyn Entropy, purpose: &str, context: &[u8], secret: &[u8]) -> Result<Vec<u8>> {
        let key = derive_key(self.text.as_bytes(), SEALED_UNDER, purpose.as_bytes()).map_err(Failure::internal)?;
        seal(&key, entropy, &[purpose.as_bytes(), context], secret).map_err(Failure::internal)
    }

    /// Opens what [`seal`](Self::seal) made of the same token.
    ///
    /// # Errors
    /// When it was sealed under another token, for another purpose or in another context, or was changed.
    pub fn unseal(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let key = derive_key(self.text.as_bytes(), SEALED_UNDER, purpose.as_bytes()).map_err(Failure::internal)?;
        unseal(&key, &[purpose.as_bytes(), context], sealed).map_err(Failure::internal)
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainToken({}...)", self.kind.prefix())
    }
}

/// SHA-256 of a token: the only trace of it at rest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a text, whether or not it is a token.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// The 32 bytes, as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}
