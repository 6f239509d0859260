//! Making the tokens of a grant.

use belgie_api::db::Tx;
use belgie_api::{ClientId, GrantBinding, GrantId, Result, ScopeSet, Timestamp, TokenHash, TokenId, TokenKind, UserId};
use serde_json::{Map, Value};

use super::OAuth;
use super::custom::Custom;
use super::keys::KeySet;
use super::redeem::IssuedTokens;
use crate::model::access_token::{AccessClaims, Audience, Confirmation, ExtendedClaims, SIGNED_TYPE, TokenText};
use crate::store;
use crate::store::tokens::{NewRefresh, NewToken};

impl OAuth {
    /// Makes an access token, and a refresh token if the grant has them.
    pub(super) async fn issue(&self, tx: &mut Tx, keys: &KeySet, new: NewTokens) -> Result<IssuedTokens> {
        let scopes = self.scopes_at(&new.scopes, &new.audience)?;
        let new = NewTokens { audience: self.audience_of(new.audience, &scopes), scopes, ..new };
        let id = TokenId::new(self.host.clock(), self.host.entropy());
        let ttl = self.settings.ttl_of(&new.scopes, self.settings.access_token_ttl);
        let expires_at = new.now.plus(ttl).min(new.ends_at);
        let wanted = NewAccess {
            id,
            subject: new.subject.unwrap_or_else(|| new.user.to_string()),
            client: &new.client,
            scopes: &new.scopes,
            binding: &new.binding,
            custom: new.custom.access,
            audience: &new.audience,
            signed_in_at: new.signed_in_at,
            act: None,
            bound_to: new.key.as_deref(),
            now: new.now,
            expires_at,
        };
        let access = self.make_access(tx, keys, wanted).await?;
        let token = NewToken {
            id,
            hash: access.text.hash(),
            grant: new.grant,
            scopes: &new.scopes,
            resources: &new.audience,
            created_at: new.now,
            expires_at,
            key: access.key.as_deref(),
            bound_to: new.key.as_deref(),
        };
        store::tokens::insert_access(tx, &token).await?;
        // Before anything is kept: what cannot be written is not handed out.
        self.spelling.write_access(&access.text)?;
        let refresh =
            new.refresh_until.map(|until| (self.spelling.mint(TokenKind::Refresh, self.host.entropy()), until));
        if let Some((refresh, until)) = &refresh {
            self.spelling.write(refresh)?;
            let NewTokens { grant, previous, now, .. } = new;
            let (hash, bound_to) = (refresh.hash(), new.refresh_key.as_deref());
            let token = NewRefresh { hash, grant, previous, created_at: now, expires_at: *until, bound_to };
            store::tokens::insert_refresh(tx, &token).await?;
        }
        let refresh = refresh.map(|(refresh, _)| refresh);
        let expires_in = expires_at.since(new.now);
        Ok(IssuedTokens {
            access: access.text,
            expires_in,
            refresh,
            id_token: None,
            is_exchanged: false,
            is_bound: new.key.is_some(),
            scopes: new.scopes,
            binding: new.binding,
            more: new.custom.answer,
        })
    }

    /// An access token that says nothing.
    pub(super) fn make_opaque(&self) -> MadeAccess {
        MadeAccess { text: self.spelling.mint(TokenKind::Access, self.host.entropy()).into(), key: None }
    }

    /// The access token itself, opaque or signed as its resources want it.
    pub(super) async fn make_access(&self, tx: &mut Tx, keys: &KeySet, new: NewAccess<'_>) -> Result<MadeAccess> {
        let issuer = self.host.urls().issuer();
        if !self.settings.signs_for(new.audience, issuer) {
            return Ok(self.make_opaque());
        }
        let claims = AccessClaims {
            iss: issuer.to_owned(),
            sub: new.subject,
            aud: Audience::of(new.audience),
            exp: new.expires_at.unix_seconds(),
            iat: new.now.unix_seconds(),
            jti: new.id,
            client_id: new.client.to_string(),
            // Whoever reads it elsewhere does not know what implies what here.
            scope: self.closed(new.scopes)?.to_string(),
            auth_time: new.signed_in_at.map(Timestamp::unix_seconds),
            act: new.act,
            cnf: new.bound_to.map(Confirmation::of),
            organization: None,
            teams: None,
        };
        let claims = ExtendedClaims { own: claims.bound(new.binding), custom: new.custom };
        let signer = (keys, self.settings.access_token_algorithm);
        let text = self.sign(tx, signer, SIGNED_TYPE, &claims, new.expires_at).await?;
        let key = keys.current(self.settings.access_token_algorithm).map(|key| key.stored.id.clone());
        Ok(MadeAccess { text: TokenText::of(text), key })
    }
}

/// An access token that was just made.
pub(super) struct MadeAccess {
    pub(super) text: TokenText,
    /// The key that signed it; `None` for an opaque one.
    pub(super) key: Option<String>,
}

/// An access token to be made.
pub(super) struct NewAccess<'a> {
    /// Its row.
    pub(super) id: TokenId,
    /// Whose it is: a person's, or a service's.
    pub(super) subject: String,
    pub(super) client: &'a ClientId,
    pub(super) scopes: &'a ScopeSet,
    pub(super) binding: &'a GrantBinding,
    /// What the application adds.
    pub(super) custom: Map<String, Value>,
    pub(super) audience: &'a [String],
    /// When the person proved to be there, if that is known.
    pub(super) signed_in_at: Option<Timestamp>,
    /// Who acts in it, when it is made for another token.
    pub(super) act: Option<Value>,
    /// The thumbprint of the key it is bound to, if it is.
    pub(super) bound_to: Option<&'a str>,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Tokens to be made of a grant.
pub(super) struct NewTokens {
    pub(super) grant: GrantId,
    pub(super) user: UserId,
    /// What the client knows the person by; `None` for the account's own id.
    pub(super) subject: Option<String>,
    pub(super) client: ClientId,
    pub(super) scopes: ScopeSet,
    pub(super) binding: GrantBinding,
    /// What the application adds.
    pub(super) custom: Custom,
    pub(super) audience: Vec<String>,
    /// When the refresh token ends, if there is to be one.
    pub(super) refresh_until: Option<Timestamp>,
    /// The refresh token it is given for.
    pub(super) previous: Option<TokenHash>,
    /// When the person proved to be there, if that is known.
    pub(super) signed_in_at: Option<Timestamp>,
    /// The thumbprint of the key the access token is bound to, if it is.
    pub(super) key: Option<String>,
    /// The same of the refresh token.
    pub(super) refresh_key: Option<String>,
    pub(super) now: Timestamp,
    /// When the grant ends whatever happens.
    pub(super) ends_at: Timestamp,
}
