//! The form of an application, as it is filled in.

use belgie_api::web::form;
use belgie_api::{Failure, Result};
use serde_json::{Map, Value, json};

use crate::model::client::RegisteredClient;
use crate::model::details::{ClientDetails, Offers};
use crate::model::owned::{ClientChange, ClientWish};
use crate::model::redirect::RedirectUri;

/// The form as it is filled in.
#[derive(Clone, Debug, Default)]
pub struct ClientForm {
    /// What people read.
    pub name: String,
    /// The web site.
    pub uri: String,
    /// Where answers go, one in a line.
    pub redirect_uris: String,
    /// Whether it is to have a secret.
    pub is_confidential: bool,
    /// Its public keys, as text.
    pub jwks: String,
    /// Where they are.
    pub jwks_uri: String,
    /// Whether devices are let in.
    pub has_devices: bool,
    /// Whether it knows people by names of its own.
    pub is_pairwise: bool,
    /// Where its sector is described.
    pub sector_identifier_uri: String,
    /// Where people go after signing out, one in a line.
    pub post_logout_redirect_uris: String,
    /// Where it is told of it.
    pub backchannel_logout_uri: String,
    /// Whether it needs a key for everything.
    pub dpop_bound: bool,
    /// Whether it sends its requests ahead.
    pub pushed_only: bool,
}

impl ClientForm {
    /// The form as it was sent.
    pub fn of(fields: &form::Fields) -> Self {
        let text = |name| form::value(fields, name).to_owned();
        let line = |name| form::value(fields, name).trim().to_owned();
        let ticked = |name| form::value(fields, name) == "yes";
        Self {
            name: text("name"),
            uri: text("uri"),
            redirect_uris: text("redirect_uris"),
            is_confidential: form::value(fields, "kind") == "confidential",
            jwks: text("jwks"),
            jwks_uri: line("jwks_uri"),
            has_devices: ticked("device"),
            is_pairwise: ticked("pairwise"),
            sector_identifier_uri: line("sector_identifier_uri"),
            post_logout_redirect_uris: text("post_logout_redirect_uris"),
            backchannel_logout_uri: line("backchannel_logout_uri"),
            dpop_bound: ticked("dpop"),
            pushed_only: ticked("pushed"),
        }
    }

    /// The application it asks for. With keys there is no secret, wherever it runs.
    ///
    /// # Errors
    /// `client.bad_keys` when the keys are no JSON.
    pub fn wish(&self) -> Result<ClientWish> {
        let details = ClientDetails {
            device: self.has_devices.then_some(true),
            subject_type: self.is_pairwise.then(|| "pairwise".to_owned()),
            sector_identifier_uri: Some(self.sector_identifier_uri.clone()),
            post_logout_redirect_uris: Some(lines(&self.post_logout_redirect_uris)).filter(|uris| !uris.is_empty()),
            backchannel_logout_uri: Some(self.backchannel_logout_uri.clone()),
            dpop_bound_access_tokens: self.dpop_bound.then_some(true),
            require_pushed_authorization_requests: self.pushed_only.then_some(true),
            ..self.keys()?
        };
        Ok(ClientWish {
            name: self.name.clone(),
            uri: self.uri.clone(),
            redirect_uris: lines(&self.redirect_uris),
            is_confidential: self.is_confidential && !details.has_keys(),
            scopes: String::new(),
            details,
        })
    }

    /// What it asks to be different about an application. What was not on the page stays.
    ///
    /// # Errors
    /// As [`wish`](Self::wish).
    pub fn change(&self, client: &RegisteredClient, offers: Offers) -> Result<ClientChange> {
        let asks = !client.redirect_uris.is_empty();
        let keys = if client.keys.is_some() { self.keys()? } else { ClientDetails::default() };
        // Of what is off here, and of the way by which it knows people, the page says nothing.
        let details = ClientDetails {
            device: Some(self.has_devices).filter(|_| asks && offers.devices && client.sector.is_none()),
            post_logout_redirect_uris: (asks && offers.openid).then(|| lines(&self.post_logout_redirect_uris)),
            backchannel_logout_uri: (asks && offers.openid).then(|| self.backchannel_logout_uri.clone()),
            dpop_bound_access_tokens: Some(self.dpop_bound).filter(|_| offers.dpop),
            require_pushed_authorization_requests: Some(self.pushed_only).filter(|_| asks && offers.pushed),
            ..keys
        };
        Ok(ClientChange {
            name: Some(self.name.clone()),
            uri: Some(self.uri.clone()),
            redirect_uris: asks.then(|| lines(&self.redirect_uris)),
            scopes: None,
            details,
        })
    }

    fn keys(&self) -> Result<ClientDetails> {
        let text = self.jwks.trim();
        let jwks: Option<Map<String, Value>> = match text {
            "" => None,
            text => Some(
                serde_json::from_str(text)
                    .map_err(|_| Failure::bad_request("client.bad_keys", "The keys are no JSON Web Key Set."))?,
            ),
        };
        Ok(ClientDetails { jwks, jwks_uri: Some(self.jwks_uri.clone()), ..ClientDetails::default() })
    }

    /// The form for the page. `has_more`: whether there is something in the part that is folded away.
    pub fn show(&self) -> Value {
        let texts = [
            &self.jwks,
            &self.jwks_uri,
            &self.sector_identifier_uri,
            &self.post_logout_redirect_uris,
            &self.backchannel_logout_uri,
        ];
        let ticks = [self.has_devices, self.is_pairwise, self.dpop_bound, self.pushed_only];
        json!({
            "name": self.name,
            "uri": self.uri,
            "redirect_uris": self.redirect_uris,
            "is_confidential": self.is_confidential,
            "jwks": self.jwks,
            "jwks_uri": self.jwks_uri,
            "has_devices": self.has_devices,
            "is_pairwise": self.is_pairwise,
            "sector_identifier_uri": self.sector_identifier_uri,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "dpop_bound": self.dpop_bound,
            "pushed_only": self.pushed_only,
            "has_more": texts.iter().any(|text| !text.trim().is_empty()) || ticks.contains(&true),
        })
    }
}

impl From<&RegisteredClient> for ClientForm {
    fn from(client: &RegisteredClient) -> Self {
        let details = ClientDetails::of(client);
        let jwks = details.jwks.and_then(|jwks| serde_json::to_string_pretty(&jwks).ok());
        let is_so = |said: Option<bool>| said == Some(true);
        Self {
            name: client.name.clone(),
            uri: client.uri.clone().unwrap_or_default(),
            redirect_uris: joined(&client.redirect_uris),
            is_confidential: client.secret_hash.is_some(),
            jwks: jwks.unwrap_or_default(),
            jwks_uri: details.jwks_uri.unwrap_or_default(),
            has_devices: is_so(details.device),
            is_pairwise: client.sector.is_some(),
            sector_identifier_uri: String::new(),
            post_logout_redirect_uris: joined(&client.post_logout_redirect_uris),
            backchannel_logout_uri: details.backchannel_logout_uri.unwrap_or_default(),
            dpop_bound: client.rules.dpop_bound,
            pushed_only: client.rules.pushed_only,
        }
    }
}

/// What stands in the lines of a field.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn joined(uris: &[RedirectUri]) -> String {
    uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join("\n")
}
