//! People whose address no provider vouches for, where addresses must be proven: what they bring waits, sealed, until they
//! have followed a link in a mail, in the browser in which they came.

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::{NewUser, Newcomer};
use belgie_api::serde_json::{self, Value};
use belgie_api::{Failure, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::arrive::USUAL_LANDING;
use super::settle::Arrival;
use crate::model::account::Identity;
use crate::model::flow::Flow;
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::Provider;

/// What it is sealed for.
const BROUGHT: &str = "oauth-client.brought";

/// What becomes a way into the account once it is there.
#[derive(Serialize, Deserialize)]
struct Brought {
    identity: Identity,
    email: Option<String>,
    tokens: OpenTokens,
}

/// Tokens in the clear: never but inside the seal.
#[derive(Serialize, Deserialize)]
struct OpenTokens {
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    token_type: Option<String>,
    scope: Option<String>,
    access_expires_at: Option<Timestamp>,
    refresh_expires_at: Option<Timestamp>,
}

impl From<&TokenSet> for OpenTokens {
    fn from(tokens: &TokenSet) -> Self {
        let open = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        Self {
            access_token: open(&tokens.access_token),
            refresh_token: open(&tokens.refresh_token),
            id_token: open(&tokens.id_token),
            token_type: tokens.token_type.clone(),
            scope: tokens.scope.clone(),
            access_expires_at: tokens.access_expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
        }
    }
}

impl From<OpenTokens> for TokenSet {
    fn from(open: OpenTokens) -> Self {
        Self {
            access_token: open.access_token.map(SecretString::from),
            refresh_token: open.refresh_token.map(SecretString::from),
            id_token: open.id_token.map(SecretString::from),
            token_type: open.token_type,
            scope: open.scope,
            access_expires_at: open.access_expires_at,
            refresh_expires_at: open.refresh_expires_at,
        }
    }
}

impl Engine {
    /// What somebody new brings, to be kept until the address is proven.
    pub(super) async fn newcomer(
        &self,
        provider: &Provider,
        email: String,
        flow: &Flow,
        arrival: &Arrival<'_>,
    ) -> Result<Newcomer> {
        let brought = Brought {
            identity: arrival.identity.clone(),
            email: arrival.profile.email.clone(),
            tokens: arrival.tokens.into(),
        };
        let text = serde_json::to_vec(&brought).map_err(Failure::internal)?;
        let user = NewUser {
            email,
            name: arrival.profile.name.clone().unwrap_or_default(),
            image: arrival.profile.image.clone(),
            ..NewUser::default()
        };
        let options = &flow.options;
        let wanted = options.new_user_redirect_url.clone().or_else(|| options.return_to.clone());
        let return_to = match &options.payload {
            Some(payload) => {
                let landing = wanted.as_deref().unwrap_or(USUAL_LANDING);
                Some(self.keep_waiting(arrival.identity, payload, landing).await?)
            }
            None => wanted,
        };
        Ok(Newcomer {
            user,
            method: provider.id().to_owned(),
            way: provider.name().to_owned(),
            brought: self.host.seal(BROUGHT, provider.id().as_bytes(), &text)?.into(),
            return_to,
        })
    }

    /// Makes what somebody brought a way into the account that has just been made for them. Nothing, when another plugin
    /// brought the person.
    ///
    /// # Errors
    /// `account_already_linked_to_different_user`, or the refusal of a veto.
    pub(super) async fn take_in(&self, tx: &mut Tx, user: &UserContext, method: &str, brought: &Value) -> Result<()> {
        let (Ok(provider), Some(sealed)) = (self.provider(method), brought.as_str()) else { return Ok(()) };
        let text = self.host.unseal(BROUGHT, method.as_bytes(), sealed)?;
        let Brought { identity, email, tokens } = serde_json::from_slice(&text).map_err(Failure::internal)?;
        let (profile, tokens) = (Profile { email, ..Profile::default() }, TokenSet::from(tokens));
        let arrival = Arrival {
            settings: provider.settings(),
            profile: &profile,
            identity: &identity,
            tokens: &tokens,
            info: None,
            requests_sign_up: false,
        };
        if self.insert_link(tx, &arrival, user).await? { Ok(()) } else { Err(refusal::already_linked()) }
    }
}
