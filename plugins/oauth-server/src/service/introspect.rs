//! What resource servers are told of tokens (RFC 7662).

use belgie_api::{Holder, Result, VerifiedToken};
use serde_json::{Value, json};

use super::client_auth::ClientProof;
use super::today::Today;
use super::verifier::{Found, Verifier};
use crate::model::access_token::Confirmation;
use crate::model::dpop::DPOP_TYPE;
use crate::model::exchange::act_claim;
use crate::model::refusal;

impl Verifier {
    /// What a token is to the resource server that asks: everything it needs to decide, or that it is not active (RFC 7662
    /// section 2.2). A token is as good here as it is at our own endpoint at this moment, and only for resources the
    /// asker answers for; of any other it learns nothing (section 4).
    ///
    /// # Errors
    /// `invalid_client` (status 401) from whoever did not prove who they are, `unauthorized_client` (403) from a client that answers for
    /// no resource.
    pub async fn introspect(&self, asker: &ClientProof, token: &str) -> Result<Value> {
        let asker = asker.confidential();
        let asker = asker
            .ok_or_else(|| refusal::invalid_client("Only clients that prove who they are may ask about tokens."))?;
        if asker.resources.is_empty() {
            return Err(refusal::answers_for_nothing());
        }
        let inactive = json!({ "active": false });
        let Some(Found { token: found, subject }) = self.find(token).await? else { return Ok(inactive) };
        let audience: Vec<String> =
            found.audience.iter().filter(|uri| asker.resources.contains(uri)).cloned().collect();
        let Some(today) = self.today_of(&found).await?.filter(|_| !audience.is_empty()) else { return Ok(inactive) };
        let subject = match (&found.holder, subject) {
            (Holder::Person(_), Some(subject)) => json!(subject),
            (Holder::Person(user), None) => json!(user),
            (Holder::Service(service), _) => json!(service.id),
        };
        let mut answer = json!({
            "active": true,
            // The asker does not know what implies what here, and learns nothing of what counts elsewhere.
            "scope": self.oauth().had_at(&self.oauth().closed(&today.scopes)?, &audience)?.to_string(),
            "client_id": found.client.id,
            "token_type": if found.key.is_some() { DPOP_TYPE } else { "Bearer" },
            "exp": found.expires_at.unix_seconds(),
            "sub": subject,
            "aud": audience,
            "iss": self.oauth().host().urls().issuer(),
            "jti": found.token,
        });
        if let (Some(organization), Some(members)) = (today.binding.organization, answer.as_object_mut()) {
            members.insert("organization".to_owned(), json!(organization));
            members.insert("teams".to_owned(), json!(today.binding.teams));
        }
        if let (Some(key), Some(members)) = (&found.key, answer.as_object_mut()) {
            members.insert("cnf".to_owned(), json!(Confirmation::of(key)));
        }
        if let (Some(act), Some(members)) = (act_claim(&found.actors), answer.as_object_mut()) {
            members.insert("act".to_owned(), act);
        }
        Ok(answer)
    }

    /// What a token still gives: the person, where it acts for an organization as they were there when they gave it, or the
    /// service is behind it; `None` when nobody is.
    async fn today_of(&self, found: &VerifiedToken) -> Result<Option<Today>> {
        let (oauth, binding) = (self.oauth(), found.binding.clone());
        match &found.holder {
            Holder::Person(user) => oauth.today(*user, &found.scopes, binding, &found.audience).await,
            Holder::Service(service) => {
                let is_there = oauth.service_reaches(service.id, binding.organization, &found.audience).await?;
                Ok(is_there.then(|| Today { scopes: found.scopes.clone(), binding }))
            }
        }
    }
}
