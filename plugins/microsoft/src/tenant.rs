//! Which tenants people may come from, and how that is read off a token.

use belgie_oauth_client::Claims;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

/// What stands for the tenant in the issuer of a shared description.
const PLACE: &str = "{tenantid}";

/// The tenant of all personal accounts.
const PERSONAL: Uuid = Uuid::from_u128(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);

/// Where people may come from.
#[derive(Clone, Debug)]
pub struct Tenant {
    authority: String,
    name: String,
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Everybody,
    Organizations,
    Consumers,
    One(Uuid),
    /// Known by a domain: its id is in its description.
    Named,
}

impl Tenant {
    /// `authority`: without a slash at its end. `name`: `common`, `organizations`, `consumers`, an id or a domain.
    pub fn new(authority: &str, name: &str) -> Self {
        let who = match name {
            "common" => Who::Everybody,
            "organizations" => Who::Organizations,
            "consumers" => Who::Consumers,
            other => Uuid::try_parse(other).map_or(Who::Named, Who::One),
        };
        Self { authority: authority.to_owned(), name: name.to_owned(), who }
    }

    /// Whether a text can be a tenant.
    pub fn is_name(name: &str) -> bool {
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        let is_known = matches!(name, "common" | "organizations" | "consumers") || Uuid::try_parse(name).is_ok();
        is_plain && (is_known || (name.contains('.') && !name.starts_with('.') && !name.ends_with('.')))
    }

    /// Whether people come in who belong to no tenant of the operator's.
    pub fn takes_strangers(&self) -> bool {
        match self.who {
            Who::Everybody | Who::Organizations | Who::Consumers => true,
            Who::One(tenant) => tenant == PERSONAL,
            Who::Named => false,
        }
    }

    /// Where the tenant is described.
    pub fn discovery_url(&self) -> Option<Url> {
        Url::parse(&format!("{}/{}/v2.0/.well-known/openid-configuration", self.authority, self.name)).ok()
    }

    fn issuer_for(&self, place: &str) -> String {
        format!("{}/{place}/v2.0", self.authority)
    }

    /// The tenant in an issuer of this authority.
    fn tenant_in(&self, issuer: &str) -> Option<Uuid> {
        let rest = issuer.strip_prefix(&self.authority)?.strip_prefix('/')?.strip_suffix("/v2.0")?;
        Uuid::try_parse(rest).ok().filter(|id| id.hyphenated().to_string() == rest)
    }

    /// Whether a description that calls itself this is that of the tenant.
    pub fn accepts_document(&self, issuer: &str) -> bool {
        match self.who {
            Who::Everybody | Who::Organizations => issuer == self.issuer_for(PLACE),
            Who::Consumers => issuer == self.issuer_for(PLACE) || self.tenant_in(issuer) == Some(PERSONAL),
            Who::One(id) => self.tenant_in(issuer) == Some(id),
            Who::Named => self.tenant_in(issuer).is_some(),
        }
    }

    /// The issuer of a token, when it is one the description allows: that of the tenant the token names, and of a tenant
    /// that people may come from.
    pub fn issuer_of(&self, known: &str, claims: &Claims) -> Option<String> {
        let said = claims.get("iss").and_then(Value::as_str)?;
        let of_issuer = self.tenant_in(said)?;
        // The answer of the authorization endpoint names no tenant beside its issuer; a token always does.
        if claims.len() > 1 {
            let named = claims.get("tid").and_then(Value::as_str)?;
            if Uuid::try_parse(named).ok()? != of_issuer {
                return None;
            }
        }
        let is_described = known == said || known == self.issuer_for(PLACE);
        let is_wanted = match self.who {
            Who::Everybody | Who::Named => true,
            Who::Organizations => of_issuer != PERSONAL,
            Who::Consumers => of_issuer == PERSONAL,
            Who::One(id) => of_issuer == id,
        };
        (is_described && is_wanted).then(|| said.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Tenant;

    const AUTHORITY: &str = "https://login.microsoftonline.com";
    const ONE: &str = "11111111-2222-3333-4444-555555555555";
    const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    fn issuer(tenant: &str) -> String {
        format!("{AUTHORITY}/{tenant}/v2.0")
    }

    fn accepted(name: &str, known: &str, iss: &str, tid: &str) -> bool {
        let claims = json!({ "iss": issuer(iss), "tid": tid, "sub": "x" });
        Tenant::new(AUTHORITY, name).issuer_of(&issuer(known), claims.as_object().unwrap()).is_some()
    }

    #[test]
    fn a_token_comes_from_the_tenant_it_names() {
        let template = "{tenantid}";
        assert!(accepted("common", template, ONE, ONE));
        assert!(accepted("common", template, PERSONAL, PERSONAL));
        assert!(!accepted("common", template, ONE, PERSONAL), "the issuer is of another tenant than `tid`");
        assert!(!accepted("common", template, "contoso", "contoso"), "a tenant is an id");
        assert!(!accepted("common", template, template, template));
        assert!(accepted("organizations", template, ONE, ONE));
        assert!(!accepted("organizations", template, PERSONAL, PERSONAL));
        assert!(accepted("consumers", PERSONAL, PERSONAL, PERSONAL));
        assert!(!accepted("consumers", template, ONE, ONE));
        assert!(accepted(ONE, ONE, ONE, ONE));
        assert!(!accepted(ONE, template, PERSONAL, PERSONAL));
        assert!(accepted("contoso.example", ONE, ONE, ONE));
        assert!(!accepted("contoso.example", ONE, PERSONAL, PERSONAL));
        let none = json!({ "iss": issuer(ONE), "sub": "x" });
        assert!(Tenant::new(AUTHORITY, "common").issuer_of(&issuer(template), none.as_object().unwrap()).is_none());
    }

    #[test]
    fn a_description_is_that_of_the_tenant() {
        let accepts = |name: &str, tenant: &str| Tenant::new(AUTHORITY, name).accepts_document(&issuer(tenant));
        assert!(accepts("common", "{tenantid}") && accepts("organizations", "{tenantid}"));
        assert!(!accepts("common", ONE));
        assert!(accepts("consumers", PERSONAL) && !accepts("consumers", ONE));
        assert!(accepts(ONE, ONE) && !accepts(ONE, PERSONAL) && !accepts(ONE, "{tenantid}"));
        assert!(accepts("contoso.example", ONE) && !accepts("contoso.example", "{tenantid}"));
    }

    #[test]
    fn a_tenant_cannot_lead_elsewhere() {
        for name in ["common", ONE, "contoso.onmicrosoft.com"] {
            assert!(Tenant::is_name(name), "{name}");
        }
        for name in ["", "x", "../evil", "a/b.c", "a.b?c", ".x", "x."] {
            assert!(!Tenant::is_name(name), "{name}");
        }
    }
}
