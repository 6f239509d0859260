//! What comes and goes as JSON: names as the seed of this project wrote them, and the spelling of scripts besides.

use belgie_api::ports::UserProfile;
use belgie_api::{ScopeSet, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::model::profile::Profile;
use crate::model::tokens::TokenSet;
use crate::service::{NativeTokens, Tokens};

/// Which account is meant.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chosen {
    #[serde(alias = "providerAccountId")]
    pub provider_account_id: Option<String>,
}

/// What an app brings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Native {
    #[serde(alias = "idToken")]
    id_token: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default, alias = "accessToken")]
    access_token: Option<SecretString>,
    #[serde(default, alias = "refreshToken")]
    refresh_token: Option<SecretString>,
    #[serde(default, alias = "accessTokenExpiresAt", alias = "expires_at", alias = "expiresAt")]
    access_token_expires_at: Option<Moment>,
    #[serde(default, alias = "refreshTokenExpiresAt")]
    refresh_token_expires_at: Option<Moment>,
    #[serde(default, alias = "tokenType")]
    token_type: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default, alias = "requestSignUp")]
    request_sign_up: bool,
}

/// A moment: RFC 3339, or seconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(Timestamp),
    Seconds(i64),
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::Text(moment) => moment,
            Moment::Seconds(seconds) => Self::from_unix_seconds(seconds),
        }
    }
}

impl From<Native> for NativeTokens {
    fn from(body: Native) -> Self {
        let tokens = TokenSet {
            access_token: body.access_token,
            refresh_token: body.refresh_token,
            id_token: None,
            token_type: body.token_type,
            scope: body.scope.or_else(|| body.scopes.map(|scopes| scopes.join(" "))),
            access_expires_at: body.access_token_expires_at.map(Into::into),
            refresh_expires_at: body.refresh_token_expires_at.map(Into::into),
        };
        Self { id_token: body.id_token, nonce: body.nonce, tokens, request_sign_up: body.request_sign_up }
    }
}

/// A person.
#[derive(Serialize)]
pub struct Individual {
    id: UserId,
    email: String,
    email_verified: bool,
    name: String,
    image: Option<String>,
    scopes: ScopeSet,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<UserProfile> for Individual {
    fn from(profile: UserProfile) -> Self {
        Self {
            id: profile.user.id,
            email: profile.user.email,
            email_verified: profile.user.email_verified,
            name: profile.user.name,
            image: profile.image,
            scopes: profile.user.scopes,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }
}

/// Tokens for whoever owns them. The refresh token is in it only when it was asked for.
#[derive(Serialize)]
pub struct ShownTokens {
    provider: String,
    provider_account_id: String,
    access_token: Option<String>,
    token_type: Option<String>,
    scope: Option<String>,
    access_token_expires_at: Option<Timestamp>,
    id_token: Option<String>,
    #[serde(flatten)]
    refresh: Option<ShownRefreshToken>,
}

#[derive(Serialize)]
struct ShownRefreshToken {
    refresh_token: Option<String>,
    refresh_token_expires_at: Option<Timestamp>,
}

impl ShownTokens {
    /// What is shown of these tokens.
    pub fn of(tokens: &Tokens, with_refresh_token: bool) -> Self {
        let plain = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let refresh = with_refresh_token.then(|| ShownRefreshToken {
            refresh_token: plain(&tokens.refresh_token),
            refresh_token_expires_at: tokens.refresh_token_expires_at,
        });
        Self {
            provider: tokens.provider.clone(),
            provider_account_id: tokens.provider_account_id.clone(),
            access_token: plain(&tokens.access_token),
            token_type: tokens.token_type.clone(),
            scope: tokens.scope.clone(),
            access_token_expires_at: tokens.access_token_expires_at,
            id_token: plain(&tokens.id_token),
            refresh,
        }
    }
}

/// Who somebody is at a provider.
#[derive(Serialize)]
pub struct ShownInfo {
    pub provider: String,
    pub provider_account_id: String,
    pub user: Profile,
}
