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
                    "refresh_token",
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use belgie_api::clock::SystemClock;
    use belgie_api::entropy::SystemEntropy;
    use belgie_api::{Entropy, TokenKind};

    use super::{Prefixes, Spelling, is_prefix};
    use crate::forms::Forms;

    /// An application with one fault or none.
    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        Blank,
        Spaced,
        Long,
        Lost,
        Id,
    }

    impl Forms for Fault {
        fn client_id(&self) -> Option<String> {
            Some(if *self == Self::Id { "https://evil.example" } else { "acme-client.1" }.to_owned())
        }

        fn random(&self, _kind: TokenKind) -> Option<[u8; 32]> {
            Some([1; 32])
        }

        fn written(&self) -> &[TokenKind] {
            &[TokenKind::Refresh, TokenKind::Code]
        }

        fn encode(&self, _kind: TokenKind, token: &str) -> String {
            match self {
                Self::Blank => String::new(),
                Self::Spaced => format!("{token} x"),
                Self::Long => format!("{token}{}", "x".repeat(4096)),
                _ => format!("form.{token}"),
            }
        }

        fn decode(&self, _kind: TokenKind, text: &str) -> Option<String> {
            match self {
                Self::Lost => None,
                Self::Spaced => text.strip_suffix(" x").map(str::to_owned),
                Self::Long => text.get(..text.len() - 4096).map(str::to_owned),
                _ => text.strip_prefix("form.").map(str::to_owned),
            }
        }
    }

    fn spelling(prefix: Option<&str>, fault: Option<Fault>) -> Spelling {
        let prefixes = Prefixes { refresh_token: prefix.map(str::to_owned), ..Prefixes::default() };
        Spelling::new(prefixes, fault.map(|fault| Arc::new(fault) as Arc<dyn Forms>))
    }

    #[test]
    fn a_token_is_read_as_it_is_written_and_in_no_other_form() {
        let token = TokenKind::Refresh.mint(&SystemEntropy);
        let (plain, dressed) = (spelling(None, None), spelling(Some("acme_rt_"), Some(Fault::None)));
        assert_eq!(plain.write(&token).unwrap().expose(), token.expose());
        let written = dressed.write(&token).unwrap();
        assert!(written.expose().starts_with("form.acme_rt_"), "{}", written.expose());
        assert_eq!(dressed.read(TokenKind::Refresh, written.expose()), Some(token.clone()));
        assert_eq!(dressed.read_any(written.expose()), Some(token.clone()));
        let half = written.expose().strip_prefix("form.").unwrap();
        for wrong in [token.expose(), half, &format!("form.{}", token.expose())] {
            assert_eq!((dressed.read(TokenKind::Refresh, wrong), dressed.read_any(wrong)), (None, None), "{wrong}");
        }
        assert_eq!(dressed.read(TokenKind::Access, written.expose()), None);
        // Kinds that stay as they are, whatever the application says of them.
        let code = TokenKind::Code.mint(&SystemEntropy);
        assert_eq!(dressed.write(&code).unwrap().expose(), code.expose());
        assert_eq!(dressed.read_any(code.expose()), Some(code));
    }

    #[test]
    fn what_nobody_could_read_again_is_not_handed_out() {
        let token = TokenKind::Refresh.mint(&SystemEntropy);
        for fault in [Fault::Blank, Fault::Spaced, Fault::Long, Fault::Lost] {
            assert!(spelling(None, Some(fault)).write(&token).is_err());
        }
        assert!(spelling(None, Some(Fault::None)).write(&token).is_ok());
        let id = |fault| spelling(None, Some(fault)).client_id(&SystemClock, &SystemEntropy);
        assert_eq!(id(Fault::None).unwrap().as_str(), "acme-client.1");
        assert!(id(Fault::Id).is_err(), "an id that would be taken for a metadata document");
    }

    /// The same bytes each time.
    struct Still(u8);

    impl Entropy for Still {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn what_an_application_adds_is_mixed_in() {
        let (plain, mixed) = (spelling(None, None), spelling(None, Some(Fault::None)));
        let made = |spelling: &Spelling, host: u8| spelling.mint(TokenKind::Access, &Still(host));
        assert_ne!(made(&plain, 7), made(&mixed, 7), "what it adds counts");
        assert_ne!(made(&mixed, 7), made(&mixed, 8), "and does not replace ours");
    }

    #[test]
    fn a_prefix_is_a_word_of_somebody_elses() {
        for good in ["acme_", "acme_at_", "a1_"] {
            assert!(is_prefix(good), "{good}");
        }
        for wrong in ["", "_", "acme", "Acme_", "acme-at_", "blg_at_", "acme at_", &format!("{}_", "a".repeat(32))] {
            assert!(!is_prefix(wrong), "{wrong}");
        }
    }
}
