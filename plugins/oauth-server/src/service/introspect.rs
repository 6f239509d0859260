//! What resource servers are told of tokens (RFC 7662).

use belgie_api::{Holder, Result, VerifiedToken};
use serde_json::{Value, json};

use super::client_auth::ClientProof;
use super::verifier::Verifier;
use crate::model::refusal;

impl Verifier {
    /// What a token is to the resource server that asks: everything it needs to decide, or that it is not active (RFC 7662
    /// section 2.2). A token is as good here as it is at our own endpoint at this moment, and only for resources the
    /// asker answers for; of any other it learns nothing (section 4).
    ///
    /// # Errors
    /// `invalid_client` (status 401) from whoever has no secret, `unauthorized_client` (403) from a client that answers for
    /// no resource.
    pub async fn introspect(&self, asker: &ClientProof, token: &str) -> Result<Value> {
        let asker = asker.registered.as_ref().filter(|client| client.secret_hash.is_some());
        let asker = asker.ok_or_else(|| refusal::invalid_client("Only clients with a secret may ask about tokens."))?;
        if asker.resources.is_empty() {
            return Err(refusal::answers_for_nothing());
        }
        let inactive = json!({ "active": false });
        let Some(found) = self.find(token).await? else { return Ok(inactive) };
        let audience: Vec<&String> = found.audience.iter().filter(|uri| asker.resources.contains(uri)).collect();
        if audience.is_empty() || !self.is_behind(&found).await? {
            return Ok(inactive);
        }
        let subject = match &found.holder {
            Holder::Person(user) => json!(user),
            Holder::Service(service) => json!(service.id),
        };
        let mut answer = json!({
            "active": true,
            "scope": found.scopes.to_string(),
            "client_id": found.client.id,
            "token_type": "Bearer",
            "exp": found.expires_at.unix_seconds(),
            "sub": subject,
            "aud": audience,
            "iss": self.oauth().host().urls().issuer(),
            "jti": found.token,
        });
        if let (Some(organization), Some(members)) = (found.binding.organization, answer.as_object_mut()) {
            members.insert("organization".to_owned(), json!(organization));
            members.insert("teams".to_owned(), json!(found.binding.teams));
        }
        Ok(answer)
    }

    /// Whether somebody is still behind a token: the person, where it acts for an organization as they were there when they
    /// gave it, or the service.
    async fn is_behind(&self, found: &VerifiedToken) -> Result<bool> {
        let (oauth, binding) = (self.oauth(), &found.binding);
        match &found.holder {
            Holder::Person(user) => Ok(oauth.host().accounts().find(*user).await?.is_some()
                && oauth.stands(*user, binding, &found.audience).await?),
            Holder::Service(service) => oauth.service_stands(service.id, binding.organization).await,
        }
    }
}
