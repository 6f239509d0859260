//! Issuers whose assertions let somebody in: those that speak for people (ID-JAG, MCP enterprise-managed authorization), and those that
//! speak for programs (workload identity).

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::ClientId;
use belgie_api::resource::is_slug;
use belgie_api::settings::Section;
use serde_json::Value;
use url::Url;

use super::assertion::AssertionClaims;
use super::foreign_keys::read_keys_address;

/// The grant type (RFC 7523 section 2.1).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The `typ` of an assertion that speaks for a person (draft-ietf-oauth-identity-assertion-authz-grant section 4).
pub const ID_JAG: &str = "oauth-id-jag+jwt";

/// The profile as it is announced (MCP enterprise-managed authorization).
pub const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

/// The kinds an assertion of a workload may call itself.
pub const WORKLOAD_KINDS: [&str; 1] = ["jwt"];

/// An issuer the operator trusts (`[[plugins.oauth-server.issuers]]`).
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// `iss`, to the letter.
    pub issuer: String,
    /// Where it publishes its keys.
    pub jwks_uri: Url,
    /// Whether it speaks for people.
    pub speaks_for_people: bool,
    /// Domains whose addresses it may name, in lower case: it is believed that they are its people's.
    pub email_domains: BTreeSet<String>,
    /// The organization for which its people's clients act, by its name in URLs; `None` for the person alone.
    pub organization: Option<String>,
    /// The programs it speaks for.
    pub workloads: Vec<Workload>,
}

/// A program that is known by what its issuer says of it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The machine it is here, made with `client create --machine`.
    pub client: ClientId,
    /// What its issuer must say, to the letter.
    pub claims: BTreeMap<String, String>,
}

impl TrustedIssuer {
    /// Reads an entry; problems are noted in it.
    pub fn read(entry: &mut Section, allow_loopback: bool) -> Option<Self> {
        let issuer = entry.opt_string("issuer").filter(|issuer| !issuer.is_empty());
        let issuer = entry.require("issuer", issuer, "the `iss` of its assertions, to the letter");
        let jwks_uri = entry.opt_string("jwks_uri");
        let jwks_uri = entry.require("jwks_uri", jwks_uri, "the address of its keys");
        let keys = jwks_uri.as_deref().and_then(|text| read_keys_address(text, allow_loopback));
        if jwks_uri.is_some() && keys.is_none() {
            entry.complain(
                "jwks_uri",
                "this is no https address of a public host",
                "write one such as https://id.example/jwks",
            );
        }
        let speaks_for_people = entry.boolean("id_jag", false);
        let domains = entry.list("email_domains", &[]);
        let email_domains = domains.iter().map(|domain| domain.trim_start_matches('@').to_lowercase()).collect();
        let organization = entry.opt_parsed("organization", "an organization's name in URLs, such as acme", |text| {
            is_slug(text).then(|| text.to_owned()).ok_or_else(|| "not an organization's name in URLs".to_owned())
        });
        if organization.is_some() && !speaks_for_people {
            entry.complain("organization", "only people act for it here", "set id_jag = true, or leave it out");
        }
        let workloads: Vec<Workload> = entry.tables("workloads", Workload::read).into_iter().flatten().collect();
        if !speaks_for_people && workloads.is_empty() {
            entry.complain("id_jag", "this issuer speaks for nobody", "set id_jag = true, or name workloads");
        }
        Some(Self { issuer: issuer?, jwks_uri: keys?, speaks_for_people, email_domains, organization, workloads })
    }

    /// The machine that a workload is here, by what its issuer says: the first that fits.
    pub fn machine_for(&self, claims: &AssertionClaims) -> Option<&ClientId> {
        self.workloads.iter().find(|workload| workload.fits(claims)).map(|workload| &workload.client)
    }

    /// The address it names for a person, in lower case, if it may name it.
    pub fn email_in(&self, claims: &AssertionClaims) -> Option<String> {
        let email = claims.text("email")?.to_lowercase();
        let (_, domain) = email.rsplit_once('@')?;
        // An issuer that says of an address that it is not proven is believed.
        let is_denied = matches!(claims.more.get("email_verified"), Some(verified) if *verified != Value::Bool(true));
        (self.email_domains.contains(domain) && !is_denied).then_some(email)
    }
}

impl Workload {
    fn read(entry: &mut Section) -> Option<Self> {
        let client = entry.opt_string("client");
        let client = entry.require("client", client, "the id of a machine, made with `belgie client create --machine`");
        let claims = entry.map("claims");
        if claims.is_empty() {
            entry.complain(
                "claims",
                "nothing is asked of its assertions, so every program of this issuer would fit",
                "name claims and their values, such as claims = { sub = \"repo:acme/app:ref:refs/heads/main\" }",
            );
            return None;
        }
        Some(Self { client: ClientId::from_wire(client?), claims })
    }

    fn fits(&self, claims: &AssertionClaims) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|(name, value)| claims.text(name) == Some(value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::{AssertionClaims, TrustedIssuer, Workload};
    use serde_json::{Value, json};

    fn claims(more: Value) -> AssertionClaims {
        let mut claims = json!({ "iss": "https://ci.example", "sub": "repo:acme/app", "aud": "us", "exp": 1 });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(claims).unwrap()
    }

    fn issuer() -> TrustedIssuer {
        let rule = |pairs: &[(&str, &str)], client: &str| Workload {
            client: belgie_api::ClientId::from_wire(client),
            claims: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        TrustedIssuer {
            issuer: "https://ci.example".to_owned(),
            jwks_uri: "https://ci.example/jwks".parse().unwrap(),
            speaks_for_people: true,
            email_domains: ["acme.example".to_owned()].into(),
            organization: None,
            workloads: vec![
                rule(&[("sub", "repo:acme/app"), ("ref", "main")], "deploy"),
                rule(&[("sub", "repo:acme/app")], "build"),
            ],
        }
    }

    #[test]
    fn a_workload_fits_to_the_letter_and_the_first_rule_counts() {
        let machine = |more| issuer().machine_for(&claims(more)).map(ToString::to_string);
        assert_eq!(machine(json!({ "ref": "main" })).as_deref(), Some("deploy"));
        assert_eq!(machine(json!({ "ref": "main2" })).as_deref(), Some("build"));
        assert_eq!(machine(json!({ "ref": ["main"] })).as_deref(), Some("build"));
        assert_eq!(machine(json!({ "sub": "repo:acme/app2", "ref": "main" })), None);
    }

    #[test]
    fn an_issuer_names_people_of_its_own_domains_alone() {
        let email = |more| issuer().email_in(&claims(more));
        assert_eq!(email(json!({ "email": "Ada@Acme.example" })).as_deref(), Some("ada@acme.example"));
        for more in [
            json!({}),
            json!({ "email": "ada@evil.example" }),
            json!({ "email": "ada@acme.example.evil.example" }),
            json!({ "email": "ada@sub.acme.example" }),
            json!({ "email": "ada@acme.example", "email_verified": false }),
            json!({ "email": "ada@acme.example", "email_verified": "no" }),
            json!({ "email": ["ada@acme.example"] }),
        ] {
            assert_eq!(email(more.clone()), None, "{more}");
        }
    }
}
