//! How tokens are written outside: with prefixes of the operator's own, and in forms of the application's own.

use std::fmt;
use std::sync::Arc;

use belgie_api::crypto::hmac_sha256;
use belgie_api::settings::Section;
use belgie_api::{ClientId, Clock, Entropy, Failure, PlainToken, Result, TokenKind};
use zeroize::Zeroizing;

use super::access_token::TokenText;
use crate::forms::Forms;

/// What tokens begin with instead of our own prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// Access tokens that are not signed.
    pub access_token: Option<String>,
    /// Refresh tokens.
    pub refresh_token: Option<String>,
    /// Secrets of clients.
    pub client_secret: Option<String>,
}

/// The longest prefix, in bytes.
const LONGEST: usize = 32;
/// The longest token an application writes, in bytes.
const LONGEST_WRITTEN: usize = 4096;
/// The kinds that may be written otherwise.
const KINDS: [TokenKind; 3] = [TokenKind::Access, TokenKind::Refresh, TokenKind::ClientSecret];

impl Prefixes {
    /// Reads `token_prefixes`.
    pub fn read(section: &mut Section) -> Self {
        section.section("token_prefixes", |prefixes| {
            let mut one = |key| {
                prefixes.opt_parsed(key, "2 to 32 small letters, digits and `_`, with `_` at the end", |text| {
                    if is_prefix(text) { Ok(text.to_owned()) } else { Err("this is no prefix".to_owned()) }
                })
            };
            let found = Self {
                access_token: one("access_token"),
                refresh_token: one("refresh_token"),
                client_secret: one("client_secret"),
            };
            let all: Vec<_> =
                [&found.access_token, &found.refresh_token, &found.client_secret].into_iter().flatten().collect();
            if all.iter().enumerate().any(|(at, one)| all.iter().skip(at + 1).any(|other| one == other)) {
                prefixes.complain(
                    "access_token",
                    "two kinds of tokens begin alike",
                    "give each kind a prefix of its own",
                );
            }
            found
        })
    }

    fn of(&self, kind: TokenKind) -> Option<&str> {
        match kind {
            TokenKind::Access => self.access_token.as_deref(),
            TokenKind::Refresh => self.refresh_token.as_deref(),
            TokenKind::ClientSecret => self.client_secret.as_deref(),
            _ => None,
        }
    }
}

/// Secret scanners look for a word that ends in an underscore. Ours name kinds, so they are nobody else's.
fn is_prefix(text: &str) -> bool {
    let is_one = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    (2..=LONGEST).contains(&text.len()) && text.bytes().all(is_one) && text.ends_with('_') && !text.starts_with("blg_")
}

/// How tokens are written here.
#[derive(Clone, Default)]
pub struct Spelling {
    prefixes: Prefixes,
    forms: Option<Arc<dyn Forms>>,
}

impl fmt::Debug for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spelling").field("prefixes", &self.prefixes).field("forms", &self.forms.is_some()).finish()
    }
}

impl Spelling {
    /// With these prefixes, and the forms of the application.
    pub fn new(prefixes: Prefixes, forms: Option<Arc<dyn Forms>>) -> Self {
        Self { prefixes, forms }
    }

    /// A new token. What the application adds is mixed with what the host has, so neither alone says what comes of it.
    pub fn mint(&self, kind: TokenKind, entropy: &dyn Entropy) -> PlainToken {
        match self.forms.as_ref().and_then(|forms| forms.random(kind)) {
            Some(added) => kind.mint(&Mixed { entropy, added: Zeroizing::new(added) }),
            None => kind.mint(entropy),
        }
    }

    /// A new id of a client.
    ///
    /// # Errors
    /// When the application makes one that is none.
    pub fn client_id(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<ClientId> {
        let Some(id) = self.forms.as_ref().and_then(|forms| forms.client_id()) else {
            return Ok(ClientId::new(clock, entropy));
        };
        let is_one = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
        if (8..=128).contains(&id.len()) && id.bytes().all(is_one) {
            return Ok(ClientId::from_wire(id));
        }
        Err(Failure::internal("the application has made an id for a client that is none"))
    }

    /// A token as it is handed out.
    ///
    /// # Errors
    /// When the application writes what it does not read again.
    pub fn write(&self, token: &PlainToken) -> Result<TokenText> {
        let kind = token.kind();
        if !self.differs(kind) {
            return Ok(token.clone().into());
        }
        let mut text = Zeroizing::new(token.expose().to_owned());
        if let (Some(prefix), Some(rest)) = (self.prefixes.of(kind), token.expose().strip_prefix(kind.prefix())) {
            text = Zeroizing::new(format!("{prefix}{rest}"));
        }
        if let Some(forms) = self.forms_of(kind) {
            text = Zeroizing::new(forms.encode(kind, &text));
            if !is_token(&text) || self.read(kind, &text).as_ref() != Some(token) {
                return Err(Failure::internal("the application writes tokens that nobody could show again"));
            }
        }
        Ok(TokenText::of(text.to_string()))
    }

    /// The same of an access token, which stays as it is when it is a signed one.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_access(&self, token: &TokenText) -> Result<TokenText> {
        match PlainToken::parse_as(TokenKind::Access, token.expose()) {
            Some(opaque) => self.write(&opaque),
            None => Ok(token.clone()),
        }
    }

    /// Reads a token of one kind: in the form it is written in, and no other.
    pub fn read(&self, kind: TokenKind, text: &str) -> Option<PlainToken> {
        if !self.differs(kind) {
            return PlainToken::parse_as(kind, text);
        }
        let decoded = match self.forms_of(kind) {
            Some(forms) => Zeroizing::new(forms.decode(kind, text)?),
            None => Zeroizing::new(text.to_owned()),
        };
        match self.prefixes.of(kind) {
            Some(prefix) => {
                let own = Zeroizing::new(format!("{}{}", kind.prefix(), decoded.strip_prefix(prefix)?));
                PlainToken::parse_as(kind, &own)
            }
            None => PlainToken::parse_as(kind, &decoded),
        }
    }

    /// Reads a token of any kind.
    pub fn read_any(&self, text: &str) -> Option<PlainToken> {
        let ours = PlainToken::parse(text).filter(|token| !self.differs(token.kind()));
        ours.or_else(|| KINDS.into_iter().filter(|kind| self.differs(*kind)).find_map(|kind| self.read(kind, text)))
    }

    fn differs(&self, kind: TokenKind) -> bool {
        self.prefixes.of(kind).is_some() || self.forms_of(kind).is_some()
    }

    fn forms_of(&self, kind: TokenKind) -> Option<&dyn Forms> {
        let forms = self.forms.as_deref().filter(|_| KINDS.contains(&kind))?;
        forms.written().contains(&kind).then_some(forms)
    }
}

/// `b68` of RFC 6750 section 2.1.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_one = |letter: u8| letter.is_ascii_alphanumeric() || b"-._~+/".contains(&letter);
    !body.is_empty() && text.len() <= LONGEST_WRITTEN && body.bytes().all(is_one)
}

/// Randomness of two sources.
struct Mixed<'a> {
    entropy: &'a dyn Entropy,
    added: Zeroizing<[u8; 32]>,
}

impl Entropy for Mixed<'_> {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(32) {
            let mut own = Zeroizing::new([0_u8; 32]);
            self.entropy.fill(own.as_mut_slice());
            let mixed = Zeroizing::new(hmac_sha256(&own, &[self.added.as_slice()]));
            let length = part.len();
            part.copy_from_slice(mixed.get(..length).unwrap_or_default());
        }
    }
}
