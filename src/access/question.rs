//! "May they?", asked by an operator about somebody who is not here: the caller that such a call would have.

use std::sync::Arc;

use belgie_api::context::{ClientContext, UserContext};
use belgie_api::host::{PrincipalParts, principal};
use belgie_api::{Caller, ClientId, Failure, GrantBinding, Result, ScopeSet, UserId};

use super::caller::Callers;
use super::decide::ActionKind;
use super::expression::Arguments;
use crate::identity::{Identity, PersonInfo};

/// The client of a question that names none.
const SOME_CLIENT: &str = "some-client";

/// What a question is about: each is decided by the same [`decide`](super::decide()).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thing {
    /// A tool that would be called.
    #[default]
    Tool,
    /// A prompt that would be got.
    Prompt,
    /// A resource that would be read.
    Resource,
}

impl Thing {
    /// Reads the word for it; no word is a tool.
    ///
    /// # Errors
    /// 400 when it is another word.
    pub fn read(word: &str) -> Result<Self> {
        match word.trim() {
            "" | "tool" => Ok(Self::Tool),
            "prompt" => Ok(Self::Prompt),
            "resource" => Ok(Self::Resource),
            other => Err(Failure::bad_request("explain.unknown_kind", format!("Nothing is a `{other}`."))
                .hint("Ask about a tool, a prompt or a resource.")),
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }

    /// What would be done with it, before its name.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Tool => "call",
            Self::Prompt => "get the prompt",
            Self::Resource => "read the resource",
        }
    }

    /// What would be done with it, as rules know it.
    #[must_use]
    pub const fn kind(self) -> ActionKind {
        match self {
            Self::Tool => ActionKind::CallTool,
            Self::Prompt => ActionKind::GetPrompt,
            Self::Resource => ActionKind::ReadResource,
        }
    }
}

/// What an operator wants to know.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Whom it is about: an e-mail address, or `usr_...`.
    pub user: String,
    /// For which organization the call would be made, by its name in URLs; `None` for the person alone.
    pub organization: Option<String>,
    /// For which teams of the organization, by id or slug; none named, and every team of the person counts.
    pub teams: Vec<String>,
    /// Through which client, by its id; `None` for some client.
    pub client: Option<String>,
    /// With which scopes; `None` for those that agents get by default. What hangs on an account counts only where the account
    /// has it, as it does for a token.
    pub scopes: Option<ScopeSet>,
    /// What kind of thing it is about.
    pub thing: Thing,
    /// The name of the tool or prompt, or the URI of the resource.
    pub name: String,
    /// The arguments, when they are to be looked at.
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
    /// 404 when there is no such organization, or the person is not in it or in one of the teams: then no grant for them lets
    /// anybody in.
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
        let binding = match organization {
            Some(organization) => callers
                .bind(person.id, organization, &self.named_teams())
                .await?
                .ok_or_else(|| self.not_a_member(&person.email))?,
            None if !self.named_teams().is_empty() => {
                return Err(Failure::bad_request("explain.team_alone", "A team is one of an organization.")
                    .hint("Say which organization, too."));
            }
            None => GrantBinding::default(),
        };
        let asked = self.scopes.clone().unwrap_or_else(|| by_default.clone());
        let client = self.client.as_deref().map(str::trim).filter(|id| !id.is_empty()).unwrap_or(SOME_CLIENT);
        let principal = principal(PrincipalParts {
            user: UserContext {
                id: person.id,
                email: person.email.clone(),
                email_verified: person.is_verified,
                name: person.name.clone(),
                scopes: person.scopes.clone(),
            },
            service: None,
            client: ClientContext { id: ClientId::from_wire(client), name: client.to_owned() },
            session: None,
            presence: None,
            grant: None,
            token: None,
            // A token loses what its person's account has lost since, or never had.
            scopes: asked.within_account(&person.scopes),
            binding,
            // Now is the moment the question is about.
            expires_at: identity.now(),
        });
        callers.establish(Arc::new(principal)).await?.ok_or_else(|| self.not_a_member(&person.email))
    }

    fn named_teams(&self) -> Vec<String> {
        self.teams.iter().map(|team| team.trim().to_owned()).filter(|team| !team.is_empty()).collect()
    }

    fn not_a_member(&self, email: &str) -> Failure {
        let slug = self.organization.as_deref().unwrap_or_default().trim();
        let place = match self.named_teams().as_slice() {
            [] => format!("the organization `{slug}`"),
            teams => format!("the organization `{slug}`, or not in its teams {}", teams.join(", ")),
        };
        Failure::not_found("explain.not_a_member", format!("{email} is not in {place}."))
            .hint("A grant for an organization somebody is not in lets nobody in: every call is answered with 401.")
    }
}
