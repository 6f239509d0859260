//! Telling a client who a person is: id tokens and the userinfo endpoint (OpenID Connect Core 1.0 sections 2 and 5.3).

use std::sync::Arc;

use belgie_api::axum::http::{HeaderMap, Method};
use belgie_api::db::Tx;
use belgie_api::ports::{BoundCall, KeyProofs, LimitBucket, NotProven, UserProfile};
use belgie_api::{ClientId, Failure, Holder, Result, ScopeSet, Timestamp, TokenKind, UserId, VerifiedToken};
use serde_json::{Map, Value};

use super::OAuth;
use super::dpop::HeldKeys;
use super::hint::ID_TOKEN;
use super::keys::KeySet;
use super::redeem::IssuedTokens;
use super::verifier::{Found, Verifier};
use crate::model::access_token::TokenText;
use crate::model::dpop::Binding;
use crate::model::key::KeyAlgorithm;
use crate::model::openid::{IdClaims, OPENID, claims_of, half_hash, method_reference};
use crate::model::request::AuthorizationRequest;
use crate::store::codes::StoredCode;

/// Where userinfo is.
pub const USERINFO: &str = "/userinfo";

/// What an id token is made of.
#[derive(Clone, Copy)]
pub(super) struct IdToken<'a> {
    pub(super) profile: &'a UserProfile,
    pub(super) client: &'a ClientId,
    pub(super) scopes: &'a ScopeSet,
    pub(super) nonce: Option<&'a str>,
    pub(super) algorithm: KeyAlgorithm,
    /// When the person proved to be there, if that is known.
    pub(super) signed_in_at: Option<Timestamp>,
    /// How, if that is known.
    pub(super) signed_in_by: Option<&'a str>,
    /// What the client knows the person by; `None` for the account's own id.
    pub(super) subject: Option<&'a str>,
    /// What the client knows the browser session by.
    pub(super) sid: Option<&'a str>,
    /// What the application adds.
    pub(super) custom: &'a Map<String, Value>,
    pub(super) access: &'a TokenText,
    pub(super) now: Timestamp,
}

/// What the first id token of a grant is made of.
pub(super) struct FirstIdToken<'a> {
    pub(super) request: &'a AuthorizationRequest,
    /// Everything about the person; `None` when the client did not ask who it is.
    pub(super) profile: Option<&'a UserProfile>,
    pub(super) subject: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) custom: Map<String, Value>,
}

/// Why userinfo is not told (RFC 6750 section 3.1).
#[derive(Debug)]
pub enum NotTold {
    /// The token is none of ours, over, or for something else.
    InvalidToken,
    /// It is good, but not for this.
    InsufficientScope,
    /// It is bound to a key, and the request has no good proof of it (RFC 9449 section 7.1).
    NotProven(NotProven),
    /// It cannot be found out now.
    Failure(Failure),
}

/// A request for what is known of a person.
#[derive(Clone, Copy)]
pub struct ToldTo<'a> {
    /// The token.
    pub token: &'a str,
    /// Whether it is shown as one that is bound to a key.
    pub is_bound: bool,
    /// The method.
    pub method: &'a Method,
    /// The headers, the proof among them.
    pub headers: &'a HeaderMap,
}

impl From<Failure> for NotTold {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl OAuth {
    /// Everything about the person of a code that wants an id token. Read before the code is taken, since nobody in a
    /// transaction waits for a second connection.
    pub(super) async fn profile_for(&self, code: Option<&StoredCode>) -> Result<Option<UserProfile>> {
        match code.filter(|code| code.request.openid.is_some()) {
            Some(code) => self.host.accounts().profile(code.user_id).await,
            None => Ok(None),
        }
    }

    /// Signs an id token.
    ///
    /// # Errors
    /// When there is no key, or it does not open.
    pub(super) async fn make_id_token(&self, tx: &mut Tx, keys: &KeySet, new: IdToken<'_>) -> Result<TokenText> {
        let ends = new.now.plus(self.settings.id_token_ttl);
        let claims = IdClaims {
            iss: self.host.urls().issuer(),
            sub: new.subject.map_or_else(|| new.profile.user.id.to_string(), str::to_owned),
            aud: new.client.as_str(),
            exp: ends.unix_seconds(),
            iat: new.now.unix_seconds(),
            auth_time: new.signed_in_at.map(Timestamp::unix_seconds),
            amr: new.signed_in_by.and_then(method_reference),
            nonce: new.nonce,
            at_hash: half_hash(new.algorithm, self.spelling.write_access(new.access)?.expose()),
            sid: new.sid,
            person: with_custom(new.custom.clone(), claims_of(new.profile, new.scopes)),
        };
        let text = self.sign(tx, (keys, new.algorithm), ID_TOKEN, &claims, ends).await?;
        Ok(TokenText::of(text))
    }

    /// The first id token of a grant, if the client asked who the person is. When and how they proved to be there is what the one
    /// who answered did.
    ///
    /// # Errors
    /// As [`make_id_token`](Self::make_id_token).
    pub(super) async fn first_id_token(
        &self,
        tx: &mut Tx,
        keys: &KeySet,
        FirstIdToken { request, profile, subject, sid, custom }: FirstIdToken<'_>,
        issued: &IssuedTokens,
        now: Timestamp,
    ) -> Result<Option<TokenText>> {
        let (Some(openid), Some(profile)) = (&request.openid, profile) else { return Ok(None) };
        let signed_in = request.signed_in.as_ref();
        let new = IdToken {
            profile,
            client: &request.client.id,
            scopes: &issued.scopes,
            nonce: openid.nonce.as_deref(),
            algorithm: openid.algorithm,
            signed_in_at: signed_in.map(|signed_in| signed_in.at),
            signed_in_by: signed_in.map(|signed_in| signed_in.by.as_str()),
            subject: subject.as_deref(),
            sid: sid.as_deref(),
            custom: &custom,
            access: &issued.access,
            now,
        };
        self.make_id_token(tx, keys, new).await.map(Some)
    }

    /// Where tokens may be used that were given for these resources: at userinfo too, if they are to say who somebody is.
    pub(super) fn audience_of(&self, mut resources: Vec<String>, scopes: &ScopeSet) -> Vec<String> {
        if self.settings.openid_connect && scopes.has_named(OPENID) {
            resources.push(self.host.urls().absolute(USERINFO));
        }
        resources
    }

    /// What the scopes of an access token tell of its person, looked up now.
    ///
    /// # Errors
    /// [`NotTold`] says why not.
    pub async fn userinfo(self: &Arc<Self>, shown: ToldTo<'_>) -> Result<Map<String, Value>, NotTold> {
        let token = shown.token;
        // A personal token is for a resource alone.
        if self.spelling.read_any(token).is_some_and(|token| token.kind() != TokenKind::Access) {
            return Err(NotTold::InvalidToken);
        }
        let found = Verifier::new(Arc::clone(self)).find(token).await?;
        let Found { token: found, subject } = found.ok_or(NotTold::InvalidToken)?;
        self.check_holder(shown, found.key.as_deref()).await?;
        self.host.limits().take(LimitBucket::Client, &format!("{USERINFO} {}", found.client.id)).await?;
        if !found.scopes.has_named(OPENID) {
            return Err(NotTold::InsufficientScope);
        }
        if !found.audience.contains(&self.host.urls().absolute(USERINFO)) {
            return Err(NotTold::InvalidToken);
        }
        let user = person_of(&found).ok_or(NotTold::InvalidToken)?;
        // Whoever is banned is not there, and has a profile all the same.
        let is_there = self.host.accounts().find(user).await?.is_some();
        let profile = self.host.accounts().profile(user).await?.filter(|_| is_there).ok_or(NotTold::InvalidToken)?;
        let today = self.today(user, &found.scopes, found.binding, &found.audience).await?;
        let today = today.ok_or(NotTold::InvalidToken)?;
        let custom = self.custom_of_person(today.about(user, &found.client.id)).await?;
        let mut claims = with_custom(custom, claims_of(&profile, &today.scopes));
        claims.insert("sub".to_owned(), subject.unwrap_or_else(|| user.to_string()).into());
        Ok(claims)
    }
}

impl OAuth {
    /// Whether a token is shown as what it is, and by whoever holds its key.
    async fn check_holder(self: &Arc<Self>, shown: ToldTo<'_>, key: Option<&str>) -> Result<(), NotTold> {
        let keys = HeldKeys(Arc::clone(self));
        match key {
            None if shown.is_bound || keys.is_required() => Err(NotTold::InvalidToken),
            None => Ok(()),
            Some(_) if !shown.is_bound || self.settings.dpop.binding == Binding::Off => Err(NotTold::InvalidToken),
            Some(key) => {
                let ToldTo { token, method, headers, .. } = shown;
                let uri = self.host.urls().absolute(USERINFO);
                let checked = keys.check(BoundCall { method, uri: &uri, headers, token, key }).await;
                checked.map(drop).map_err(NotTold::NotProven)
            }
        }
    }
}

/// What is known here has the last word.
fn with_custom(mut custom: Map<String, Value>, known: Map<String, Value>) -> Map<String, Value> {
    custom.extend(known);
    custom
}

fn person_of(token: &VerifiedToken) -> Option<UserId> {
    match token.holder {
        Holder::Person(user) => Some(user),
        Holder::Service(_) => None,
    }
}
