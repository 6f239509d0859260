//! What a client may be beside a program that asks people, under the names of client metadata. Whoever owns a client is held to the very
//! rules of whoever registers one.

use belgie_api::plugin::ScopeInfo;
use belgie_api::{Failure, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::{OPERATOR, RegisteredClient};
use super::device::DEVICE_CODE;
use super::dpop::Binding;
use super::foreign_keys::{ClientKeys, MAX_BYTES};
use super::logout::LogoutWish;
use super::redirect::RedirectUri;
use super::rules::ClientRules;
use super::settings::{Pushing, Settings};
use super::{openid, refusal};

/// More about a client; what is left out is as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientDetails {
    /// Public keys (a JSON Web Key Set) with which it proves who it is by signing (`private_key_jwt`), in place of a secret. Never private ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Map<String, Value>>,
    /// The same, published at this https address, where it may change them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The one algorithm it signs with: ES256, EdDSA, Ed25519, RS256 or PS256. Any of them unless it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Whether it may be let in with a code that people type (RFC 8628).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<bool>,
    /// `public`, or `pairwise`: it knows people by names that clients at other hosts do not know. Only for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// An https address that lists the redirect URIs of all clients that know people by the same names. Only for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Where people may be sent after signing out on its word; ten at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// The https address where it is told that a session has ended; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it is given nothing without a key to bind it to (RFC 9449).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens: Option<bool>,
    /// Whether its authorization requests are sent ahead (RFC 9126).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
}

/// What there is here of all that. What is off nobody can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Devices.
    pub devices: bool,
    /// Names for people, and news of who signs out.
    pub openid: bool,
    /// Tokens that are bound to keys.
    pub dpop: bool,
    /// Requests that are sent ahead.
    pub pushed: bool,
}

impl Offers {
    /// What there is with these settings, where these scopes are offered.
    pub fn of(settings: &Settings, offered: &[ScopeInfo]) -> Self {
        Self {
            devices: settings.device_authorization,
            openid: openid::is_offered(offered),
            dpop: settings.dpop.binding != Binding::Off,
            pushed: settings.pushed_requests != Pushing::Off,
        }
    }
}

impl ClientDetails {
    /// What there is to say of a client; of what it is not, nothing.
    pub fn of(client: &RegisteredClient) -> Self {
        let keys = client.keys.clone();
        let post_logout: Vec<String> = texts(&client.post_logout_redirect_uris);
        Self {
            jwks: keys.as_ref().and_then(|keys| keys.jwks.as_ref()?.as_object().cloned()),
            jwks_uri: keys.as_ref().and_then(|keys| keys.jwks_uri.clone()),
            token_endpoint_auth_signing_alg: keys.and_then(|keys| keys.algorithm),
            device: client.may_use(DEVICE_CODE).then_some(true),
            subject_type: client.sector.is_some().then(|| "pairwise".to_owned()),
            sector_identifier_uri: None,
            post_logout_redirect_uris: Some(post_logout).filter(|uris| !uris.is_empty()),
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            dpop_bound_access_tokens: client.rules.dpop_bound.then_some(true),
            require_pushed_authorization_requests: client.rules.pushed_only.then_some(true),
        }
    }

    /// Whether it speaks of keys.
    pub fn has_keys(&self) -> bool {
        self.jwks.is_some()
            || is_said(self.jwks_uri.as_deref())
            || is_said(self.token_endpoint_auth_signing_alg.as_deref())
    }

    /// The same as members of a registration (RFC 7591 section 2), those of them that say something.
    ///
    /// # Errors
    /// `invalid_client_metadata` for what is not here: an owner is told, though a registration would leave it out.
    pub fn members(&self, offers: Offers) -> Result<Map<String, Value>> {
        let tells_of_people = self.subject_type.as_deref().is_some_and(|kind| kind != "public")
            || is_said(self.sector_identifier_uri.as_deref())
            || is_said(self.backchannel_logout_uri.as_deref())
            || self.post_logout_redirect_uris.as_ref().is_some_and(|uris| !uris.is_empty());
        if tells_of_people && !offers.openid {
            return Err(not_told());
        }
        if self.device == Some(true) && !offers.devices {
            return Err(no_devices());
        }
        if is_said(self.sector_identifier_uri.as_deref()) && self.subject_type.as_deref() != Some("pairwise") {
            return Err(refusal::invalid_client_metadata("sector_identifier_uri is for pairwise subjects alone."));
        }
        let Value::Object(mut members) = serde_json::to_value(self).map_err(Failure::internal)? else {
            return Ok(Map::new());
        };
        members.remove("device");
        members.retain(|_, value| value.as_str() != Some(""));
        Ok(members)
    }

    /// Writes what is said into a client; what is not said stays. It is held, or it is nobody's yet.
    ///
    /// # Errors
    /// `invalid_client_metadata`, with what is wrong.
    pub fn apply(&self, client: &mut RegisteredClient, settings: &Settings, offers: Offers) -> Result<()> {
        self.check_names(client)?;
        self.apply_keys(client, settings.allow_loopback_clients)?;
        self.apply_device(client, offers)?;
        self.apply_logout(client, offers)?;
        let rules = ClientRules {
            dpop_bound: self.dpop_bound_access_tokens.unwrap_or(client.rules.dpop_bound),
            pushed_only: self.require_pushed_authorization_requests.unwrap_or(client.rules.pushed_only),
        };
        if rules != client.rules {
            if rules.pushed_only && client.redirect_uris.is_empty() {
                return Err(asks_nobody());
            }
            client.rules = rules.check(settings)?;
        }
        Ok(())
    }

    /// Somebody who is told other names takes everybody for somebody else.
    fn check_names(&self, client: &RegisteredClient) -> Result<()> {
        let present = if client.sector.is_some() { "pairwise" } else { "public" };
        if is_said(self.sector_identifier_uri.as_deref())
            || self.subject_type.as_deref().is_some_and(|kind| kind != present)
        {
            return Err(refusal::names_are_settled());
        }
        Ok(())
    }

    fn apply_keys(&self, client: &mut RegisteredClient, allow_loopback: bool) -> Result<()> {
        if !self.has_keys() {
            return Ok(());
        }
        let Some(present) = &client.keys else {
            return Err(refusal::invalid_client_metadata(
                "A public client stays public, and one with a secret keeps to that. Make another client.",
            ));
        };
        let Value::Object(mut metadata) = serde_json::to_value(present).map_err(Failure::internal)? else {
            return Ok(());
        };
        if self.jwks.is_some() || is_said(self.jwks_uri.as_deref()) {
            metadata.retain(|name, _| name == "token_endpoint_auth_signing_alg");
        }
        let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Value::from);
        let keys = [
            ("jwks", self.jwks.clone().map(Value::Object)),
            ("jwks_uri", said(self.jwks_uri.as_deref())),
            ("token_endpoint_auth_signing_alg", said(self.token_endpoint_auth_signing_alg.as_deref())),
        ];
        metadata.extend(keys.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        if serde_json::to_vec(&metadata).map_err(Failure::internal)?.len() > MAX_BYTES {
            return Err(refusal::invalid_client_metadata("Its keys are larger than 32 KiB."));
        }
        let keys = ClientKeys::read(&metadata, allow_loopback);
        client.keys = Some(keys.map_err(|fault| refusal::invalid_client_metadata(fault.0))?);
        Ok(())
    }

    fn apply_device(&self, client: &mut RegisteredClient, offers: Offers) -> Result<()> {
        let Some(wanted) = self.device.filter(|wanted| *wanted != client.may_use(DEVICE_CODE)) else { return Ok(()) };
        if !wanted {
            client.grant_types.retain(|name| name != DEVICE_CODE);
            let is_left = !client.redirect_uris.is_empty();
            return if is_left { Ok(()) } else { Err(asks_nobody()) };
        }
        if client.service_id.is_some() || client.redirect_uris.is_empty() {
            return Err(asks_nobody());
        }
        if client.sector.is_some() {
            return Err(refusal::no_names_on_devices());
        }
        if !offers.devices {
            return Err(no_devices());
        }
        client.grant_types.push(DEVICE_CODE.to_owned());
        Ok(())
    }

    fn apply_logout(&self, client: &mut RegisteredClient, offers: Offers) -> Result<()> {
        let present = Self::of(client);
        let uris = self.post_logout_redirect_uris.clone();
        let channel = self.backchannel_logout_uri.clone();
        let uris = uris.unwrap_or_else(|| present.post_logout_redirect_uris.clone().unwrap_or_default());
        let channel = channel.or_else(|| present.backchannel_logout_uri.clone()).filter(|text| !text.is_empty());
        if uris == present.post_logout_redirect_uris.unwrap_or_default() && channel == present.backchannel_logout_uri {
            return Ok(());
        }
        if !(uris.is_empty() && channel.is_none()) {
            if client.redirect_uris.is_empty() {
                return Err(asks_nobody());
            }
            if !offers.openid {
                return Err(not_told());
            }
        }
        // Where the operator's own are told may be on the operator's network.
        let wish = LogoutWish::read(&uris, channel.as_deref(), client.origin == OPERATOR)?;
        client.post_logout_redirect_uris = wish.redirect_uris;
        client.backchannel_logout_uri = wish.backchannel_uri;
        Ok(())
    }
}

fn is_said(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

fn texts(uris: &[RedirectUri]) -> Vec<String> {
    uris.iter().map(|uri| uri.as_str().to_owned()).collect()
}

/// Whoever asks nobody has nothing that comes of asking.
pub fn asks_nobody() -> Failure {
    Failure::bad_request("client.asks_nobody", "This client asks nobody, so no answer goes to it.")
}

fn not_told() -> Failure {
    refusal::invalid_client_metadata("Clients are told nothing of people here (openid_connect).")
}

fn no_devices() -> Failure {
    refusal::invalid_client_metadata("Devices are not let in with a code here (device_authorization).")
}
