//! Asking the issuer about a token (RFC 7662).

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::builder::ResourceServer;
use crate::issuer::answer;
use crate::refusal::Reason;
use crate::token::{Claims, Token};

/// The client this server is at the issuer.
pub(crate) struct Asker {
    pub(crate) client: String,
    pub(crate) secret: SecretString,
}

#[derive(Deserialize)]
struct Answer {
    active: bool,
    #[serde(flatten)]
    rest: Value,
}

impl ResourceServer {
    /// What the issuer says of a token at this moment.
    pub(crate) async fn ask(&self, asker: &Asker, text: &str) -> Result<Token, Reason> {
        let issuer = self.issuer();
        let place = issuer.metadata().await.map_err(Reason::Unavailable)?.introspection_endpoint.clone();
        let place = place.ok_or_else(|| Reason::Unavailable("the issuer answers no introspection".to_owned()))?;
        let client = encoded(&asker.client);
        let request = issuer
            .http()
            .post(place)
            .basic_auth(client, Some(encoded(asker.secret.expose_secret())))
            .form(&[("token", text), ("token_type_hint", "access_token")]);
        let answer: Answer = answer(request).await.map_err(Reason::Unavailable)?;
        if !answer.active {
            return Err(Reason::InvalidToken);
        }
        let claims: Claims = serde_json::from_value(answer.rest).map_err(|_| Reason::InvalidToken)?;
        self.in_force(claims)
    }
}

/// RFC 6749 section 2.3.1: both parts are encoded as form values before they are joined.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
