//! Who somebody is, from what the provider signed and what it tells besides.

use belgie_api::Result;
use serde_json::Value;

use super::Engine;
use crate::model::account::Identity;
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Line};

impl Engine {
    /// Reads the profile: from the signed claims first; what they lack, from the profile endpoint.
    ///
    /// # Errors
    /// `user_info_missing`, or when the provider does not answer.
    pub(super) async fn read_profile(
        &self,
        line: &Line<'_>,
        tokens: &TokenSet,
        verified: Option<(Claims, String)>,
        user: Option<&str>,
    ) -> Result<(Profile, Identity)> {
        let (strategy, settings) = (line.provider.strategy(), line.provider.settings());
        let (mut claims, issuer) = match verified {
            Some((claims, issuer)) => (self.fill_up(line, tokens, claims).await?, issuer),
            None => {
                let said = strategy.get_userinfo(line, tokens).await?;
                let said = said.ok_or_else(|| refusal::user_info_missing("there is no profile endpoint"))?;
                (said, line.metadata.issuer.clone().unwrap_or_default())
            }
        };
        if let (Some(claims), Some(name)) = (claims.as_object_mut(), user.and_then(name_of)) {
            claims.entry("name").or_insert_with(|| name.into());
        }
        let mut profile = strategy.map_profile(settings, &claims)?;
        strategy.complete(line, tokens, &mut profile).await;
        let subject = profile.provider_account_id.clone();
        Ok((profile, Identity { provider: settings.id.clone(), issuer, subject }))
    }

    async fn fill_up(&self, line: &Line<'_>, tokens: &TokenSet, mut claims: Claims) -> Result<Value> {
        let is_complete = ["email", "name"].iter().all(|name| claims.contains_key(*name));
        if is_complete || tokens.access_token.is_none() {
            return Ok(Value::Object(claims));
        }
        match line.provider.strategy().get_userinfo(line, tokens).await {
            Ok(Some(Value::Object(more))) => merge(&mut claims, more)?,
            Ok(_) => {}
            // The signed claims say who it is; the rest is welcome and no more.
            Err(failure) => tracing::warn!(error = ?failure, "a provider does not tell more about somebody"),
        }
        Ok(Value::Object(claims))
    }
}

/// Adds what the profile endpoint says and the signed claims lack. It must speak of the same person (OpenID Connect Core
/// 1.0 section 5.3.2), and its word about an address counts for that address only.
fn merge(claims: &mut Claims, mut more: Claims) -> Result<()> {
    if more.get("sub") != claims.get("sub") {
        return Err(refusal::unverified("the profile endpoint speaks of somebody else"));
    }
    if !claims.contains_key("email") {
        claims.remove("email_verified");
    } else if claims.get("email") != more.get("email") {
        more.remove("email_verified");
    }
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
    Ok(())
}

/// The name in what Apple sends along, once. The browser carries it unsigned, so nothing else in it counts.
fn name_of(user: &str) -> Option<String> {
    let user: Value = serde_json::from_str(user).ok()?;
    let name = user.get("name")?;
    let parts = ["firstName", "lastName"].into_iter().filter_map(|key| name.get(key)?.as_str());
    let name = parts.filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{merge, name_of};
    use crate::provider::Claims;

    fn claims(value: serde_json::Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_profile_endpoint_adds_but_never_contradicts() {
        let mut signed = claims(json!({ "sub": "1", "email": "a@b.example" }));
        merge(&mut signed, claims(json!({ "sub": "1", "email": "c@d.example", "email_verified": true, "name": "A" })))
            .unwrap();
        assert_eq!(signed, claims(json!({ "sub": "1", "email": "a@b.example", "name": "A" })));
        assert!(merge(&mut signed, claims(json!({ "sub": "2" }))).is_err());
        assert!(merge(&mut signed, Claims::new()).is_err());
    }

    #[test]
    fn of_what_the_browser_carries_only_the_name_counts() {
        let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"evil@x.example"}"#;
        assert_eq!(name_of(user).as_deref(), Some("Ada Lovelace"));
        assert_eq!(name_of(r#"{"email":"x@y.example"}"#), None);
        assert_eq!(name_of("nonsense"), None);
    }
}
