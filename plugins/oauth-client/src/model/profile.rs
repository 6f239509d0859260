//! Who somebody is at a provider.

use belgie_api::ports::normalize_email;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who somebody is at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The account there: unique within the issuer, and never given to somebody else.
    pub provider_account_id: String,
    /// The address there.
    pub email: Option<String>,
    /// Whether the provider says that the person reads mail sent there.
    pub email_verified: bool,
    /// What to call the person.
    pub name: Option<String>,
    /// A picture: an https or `data:` address.
    pub image: Option<String>,
    /// Everything the provider said.
    pub raw: Value,
}

impl Profile {
    /// Reads the standard claims (OpenID Connect Core 1.0 section 5.1). Providers without OpenID Connect name the account
    /// `id`, as a text or a number. `None` without either.
    #[must_use]
    pub fn of_claims(claims: &Value) -> Option<Self> {
        let text = |key: &str| claims.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let number = || claims.get("id").and_then(Value::as_u64).map(|id| id.to_string());
        let subject = text("sub").or_else(|| text("id")).map(str::to_owned).or_else(number);
        Some(Self {
            provider_account_id: subject.filter(|sub| sub.len() <= 255)?,
            email: text("email").map(str::to_owned),
            email_verified: is_true(claims.get("email_verified")),
            name: text("name").map(str::to_owned),
            image: text("picture").filter(|url| url.starts_with("https://")).map(str::to_owned),
            raw: claims.clone(),
        })
    }

    /// The address as accounts are compared by it.
    #[must_use]
    pub fn normal_email(&self) -> Option<String> {
        self.email.as_deref().map(normalize_email).filter(|email| !email.is_empty())
    }
}

/// Whether a claim says yes: some providers write booleans as texts.
#[must_use]
pub fn is_true(claim: Option<&Value>) -> bool {
    match claim {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Profile;

    #[test]
    fn only_a_clear_yes_verifies_an_address() {
        for (claim, is_verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("TRUE "), false),
            (json!(1), false),
            (json!(null), false),
        ] {
            let claims = json!({ "sub": "1", "email": "a@b.example", "email_verified": claim });
            assert_eq!(Profile::of_claims(&claims).unwrap().email_verified, is_verified, "{claims}");
        }
        assert_eq!(Profile::of_claims(&json!({ "email": "a@b.example" })), None);
        assert_eq!(Profile::of_claims(&json!({ "sub": " " })), None);
        assert_eq!(Profile::of_claims(&json!({ "id": 7 })).unwrap().provider_account_id, "7");
        assert_eq!(Profile::of_claims(&json!({ "sub": "s", "id": 7 })).unwrap().provider_account_id, "s");
        let odd = Profile::of_claims(&json!({ "sub": "1", "picture": "javascript:alert(1)" })).unwrap();
        assert_eq!(odd.image, None);
    }
}
