//! Signing in and linking with an `id_token` that an app got itself.

use belgie_api::axum::http::HeaderMap;
use belgie_api::crypto::{constant_time_eq, sha256};
use belgie_api::ports::BegunSession;
use belgie_api::web::Visitor;
use belgie_api::{Caller, PlainToken, Result, Timestamp, TokenKind, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Engine;
use super::settle::{Arrival, Found};
use crate::model::account::Identity;
use crate::model::flow::FLOW_LIFETIME;
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Expected, Provider, signed_in_at};

/// What nonces are kept under.
const NONCE: &str = "oauth-client.nonce";

/// What an app brings. It never shows itself in `Debug`.
#[derive(Default)]
pub struct NativeTokens {
    /// What the provider gave the app.
    pub id_token: String,
    /// The nonce this service gave the app; needed when the provider puts its hash into the token.
    pub nonce: Option<String>,
    /// What came with the token.
    pub tokens: TokenSet,
    /// Whether the person asks for an account, if there is none.
    pub request_sign_up: bool,
}

/// Who somebody is there, what came along, and when they last proved to be there.
type Checked = (Profile, Identity, TokenSet, Option<Timestamp>);

/// A person who signed in with a token.
pub struct IdTokenSignIn {
    /// The person.
    pub user: UserId,
    /// The session.
    pub begun: BegunSession,
    /// The account at the provider.
    pub provider_account_id: String,
}

impl Engine {
    /// A nonce for one sign-in or link with this provider, and how long it waits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn new_nonce(&self, provider: &Provider) -> Result<(PlainToken, Timestamp)> {
        let nonce = self.keep(NONCE, None, json!({ "provider": provider.id() })).await?;
        Ok((nonce, self.host.now().plus(FLOW_LIFETIME)))
    }

    /// Begins a session for the person of a token.
    ///
    /// # Errors
    /// `id_token_sign_in_disabled`, `nonce_unknown`, `oauth_code_verification_failed`, or as a sign-in.
    pub async fn sign_in_with_token(
        &self,
        provider: &Provider,
        visitor: &Visitor,
        headers: &HeaderMap,
        native: NativeTokens,
    ) -> Result<IdTokenSignIn> {
        if provider.settings().disable_id_token_sign_in {
            return Err(refusal::id_token_sign_in_disabled());
        }
        let (profile, identity, tokens, signed_in_at) = self.check_native(provider, &native).await?;
        let arrival = Arrival {
            settings: provider.settings(),
            profile: &profile,
            identity: &identity,
            tokens: &tokens,
            info: Some(&visitor.info),
            requests_sign_up: native.request_sign_up,
        };
        // A program has no browser in which a link in a mail could be followed.
        let Found::Settled(settled) = self.settle(&arrival).await? else { return Err(refusal::email_not_verified()) };
        let person = (settled.user, &identity, signed_in_at);
        let begun = self.begin_session(provider, visitor, headers, person).await?;
        Ok(IdTokenSignIn { user: settled.user, begun, provider_account_id: identity.subject })
    }

    /// Links the account of a token to the caller's. Its address must be proven besides being the same.
    ///
    /// # Errors
    /// As [`sign_in_with_token`](Self::sign_in_with_token), or as a link.
    pub async fn link_with_token(
        &self,
        provider: &Provider,
        visitor: &Visitor,
        caller: &Caller,
        native: NativeTokens,
    ) -> Result<String> {
        if provider.settings().disable_id_token_sign_in {
            return Err(refusal::id_token_sign_in_disabled());
        }
        let (profile, identity, tokens, _) = self.check_native(provider, &native).await?;
        if !profile.email_verified && !provider.settings().trusted_for_account_linking {
            return Err(refusal::account_not_linked());
        }
        let arrival = Arrival {
            settings: provider.settings(),
            profile: &profile,
            identity: &identity,
            tokens: &tokens,
            info: Some(&visitor.info),
            requests_sign_up: false,
        };
        self.link(&arrival, caller).await?;
        Ok(identity.subject)
    }

    async fn check_native(&self, provider: &Provider, native: &NativeTokens) -> Result<Checked> {
        let line = provider.line(&self.host).await?;
        let access_token = native.tokens.access_token.as_ref().map(ExposeSecret::expose_secret);
        let (claims, issuer) = line.verify(&native.id_token, Expected { access_token, ..Expected::default() }).await?;
        self.use_nonce(provider, &claims, native.nonce.as_deref()).await?;
        let signed_in_at = signed_in_at(&claims);
        let mut tokens = native.tokens.clone();
        tokens.id_token = Some(SecretString::from(native.id_token.as_str()));
        let (profile, identity) = self.read_profile(&line, &tokens, Some((claims, issuer)), None).await?;
        Ok((profile, identity, tokens, signed_in_at))
    }

    /// The token must carry a nonce of ours, as it is or as the SHA-256 in hexadecimal that Apple's libraries are handed, and
    /// the nonce is used up: so no token that was stolen, replayed or made for somebody else signs anybody in.
    async fn use_nonce(&self, provider: &Provider, claims: &Claims, brought: Option<&str>) -> Result<()> {
        let said = claims.get("nonce").and_then(Value::as_str).ok_or_else(refusal::nonce_unknown)?;
        let nonce = brought.unwrap_or(said);
        let is_same = |text: &str| constant_time_eq(said.as_bytes(), text.as_bytes());
        if !is_same(nonce) && !is_same(&hex(&sha256(nonce.as_bytes()))) {
            return Err(refusal::unverified("the nonce is another"));
        }
        let token = PlainToken::parse_as(TokenKind::Link, nonce).ok_or_else(refusal::nonce_unknown)?;
        let mut tx = self.host.db().begin().await?;
        let kept = self.host.one_time().take(&mut tx, NONCE, &token).await?.ok_or_else(refusal::nonce_unknown)?;
        tx.commit(self.host.now()).await?;
        if kept.payload.get("provider").and_then(Value::as_str) != Some(provider.id()) {
            return Err(refusal::nonce_unknown());
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}
