//! How an application makes and writes what clients are given.

use belgie_api::TokenKind;

/// Makes ids of clients, adds to what tokens are made of, and writes them in a form of its own
/// ([`OAuthServer::with_forms`](crate::OAuthServer::with_forms)). Asked for access tokens that are not signed, refresh tokens and secrets
/// of clients.
pub trait Forms: Send + Sync {
    /// The id of a client that registers itself or is made here (RFC 6749 section 2.2): 8 to 128 letters, digits, `-`, `_` and `.`, and
    /// another one each time. `None` for one of ours.
    fn client_id(&self) -> Option<String> {
        None
    }

    /// 32 bytes that nobody can guess, such as those of a hardware security module. They are mixed with the host's own, so that a token
    /// is never easier to guess than without them.
    fn random(&self, _kind: TokenKind) -> Option<[u8; 32]> {
        None
    }

    /// The kinds of tokens it writes in a form of its own; those come in no other form.
    fn written(&self) -> &[TokenKind] {
        &[]
    }

    /// A token as it is handed out: up to 4,096 bytes of letters, digits, `-`, `.`, `_`, `~`, `+` and `/`, then `=` (RFC 6750 section 2.1).
    /// Always the same for the same token, and what [`decode`](Self::decode) makes of it is the token again.
    fn encode(&self, _kind: TokenKind, token: &str) -> String {
        token.to_owned()
    }

    /// The token somebody shows in that form; `None` when it is none. It is checked as any other afterwards.
    fn decode(&self, _kind: TokenKind, text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}
