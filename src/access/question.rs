//! "May they?", asked by an operator about somebody who is not here: the caller that such a call would have.

use std::sync::Arc;

use belgie_api::context::{ClientContext, UserContext};
use belgie_api::host::{PrincipalParts, principal};
use belgie_api::{Caller, ClientId, Failure, GrantBinding, Result, ScopeSet, UserId};

use super::caller::Callers;
use super::expression::Arguments;
use crate::identity::{Identity, PersonInfo};

/// The client of a question that names none.
const SOME_CLIENT: &str = "some-client";

/// What an operator wants to know.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Whom it is about: an e-mail address, or `usr_...`.
    pub user: String,
    /// For which organization the call would be made, by its name in URLs; `None` for the person alone.
    pub organization: Option<String>,
    /// Through which client, by its id; `None` for some client.
    pub client: Option<String>,
    /// With which scopes; `None` for those that agents get by default.
    pub scopes: Option<ScopeSet>,
    /// The tool.
    pub tool: String,
    /// Its arguments, when they are to be looked at.
    pub arguments: Option<Arguments>,
}

impl Question {
    /// Reads scopes as they are typed, with spaces between them.
    ///
    /// # Errors
    /// 400 when one of them is none.
    pub fn read_scopes(text: &str) -> Result<ScopeSet> {
        text.parse().map_err(|error: belgie_api::scope::InvalidScope| {
            Failure::bad_request("explain.scopes_invalid", format!("These are not scopes: {error}."))
                .hint("Write scopes with spaces: \"a b\".")
        })
    }

    /// Reads arguments as they are typed: a JSON object.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn read_arguments(text: &str) -> Result<Arguments> {
        serde_json::from_str(text).map_err(|error| {
            Failure::bad_request("explain.arguments_invalid", format!("The arguments are not a JSON object: {error}."))
                .hint("Write them as a client sends them: {\"amount\": 5}.")
        })
    }

    /// The account it is about.
    ///
    /// # Errors
    /// 404 when nobody signs in like this.
    pub async fn find_person(&self, identity: &Identity) -> Result<PersonInfo> {
        let wish = self.user.trim();
        let found = match wish.parse::<UserId>() {
            Ok(user) => identity.find_person(user).await?,
            Err(_) => identity.find_person_by_email(wish).await?,
        };
        found.ok_or_else(|| {
            Failure::not_found("explain.unknown_user", format!("Nobody has the address or id `{wish}`."))
                .hint("`belgie user list` and /admin/users show all accounts.")
        })
    }

    /// The caller that such a call would have.
    ///
    /// # Errors
    /// 404 when there is no such organization, or the person is not in it: then no grant for it lets anybody in.
    pub async fn caller(
        &self,
        person: &PersonInfo,
        identity: &Identity,
        callers: &Callers,
        by_default: &ScopeSet,
    ) -> Result<Caller> {
        let organization = match self.organization.as_deref().map(str::trim).filter(|slug| !slug.is_empty()) {
            None => None,
            Some(slug) => Some(callers.find_organization(slug).await?.ok_or_else(|| {
                Failure::not_found("explain.unknown_organization", format!("There is no organization `{slug}`."))
                    .hint("Give its name as it stands in URLs; without organizations leave it out.")
            })?),
        };
        let client = self.client.as_deref().map(str::trim).filter(|id| !id.is_empty()).unwrap_or(SOME_CLIENT);
        let principal = principal(PrincipalParts {
            user: UserContext {
                id: person.id,
                email: person.email.clone(),
                email_verified: person.is_verified,
                name: person.name.clone(),
                scopes: person.scopes.clone(),
            },
            client: ClientContext { id: ClientId::from_wire(client), name: client.to_owned() },
            session: None,
            presence: None,
            grant: None,
            token: None,
            scopes: self.scopes.clone().unwrap_or_else(|| by_default.clone()),
            binding: GrantBinding { organization, ..GrantBinding::default() },
            // Now is the moment the question is about.
            expires_at: identity.now(),
        });
        callers.establish(Arc::new(principal)).await?.ok_or_else(|| {
            let slug = self.organization.as_deref().unwrap_or_default().trim();
            Failure::not_found("explain.not_a_member", format!("{} is not in the organization `{slug}`.", person.email))
                .hint("A grant for an organization somebody is not in lets nobody in: every call is answered with 401.")
        })
    }
}
