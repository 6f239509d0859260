//! Clients that belong to somebody: a person, or an organization.

use belgie_api::{OrgId, Timestamp, UserId};
use serde_json::{Value, json};

use super::client::RegisteredClient;
use super::details::ClientDetails;

/// Where a client comes from that a person made, for themselves or for an organization.
pub const OWNER: &str = "owner";

/// What lets somebody manage the clients of an organization.
pub const CLIENT_MANAGE: &str = "client:manage";

/// Whose a client is, and whether the operator vouches for it.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct StandingColumns {
    /// The person it belongs to.
    pub owner_user_id: Option<UserId>,
    /// The organization it belongs to.
    pub owner_organization_id: Option<OrgId>,
    /// When an operator said that people need not be asked about it.
    pub trusted_at: Option<Timestamp>,
}

/// Whose a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A person's.
    Person(UserId),
    /// An organization's.
    Organization(OrgId),
}

impl StandingColumns {
    /// Those of a client that is made for somebody.
    pub fn of(owner: Owner) -> Self {
        match owner {
            Owner::Person(user) => Self { owner_user_id: Some(user), ..Self::default() },
            Owner::Organization(organization) => Self { owner_organization_id: Some(organization), ..Self::default() },
        }
    }

    /// Whose it is; `None` for one of the operator's, or one that registered itself.
    pub fn owner(&self) -> Option<Owner> {
        let person = self.owner_user_id.map(Owner::Person);
        self.owner_organization_id.map(Owner::Organization).or(person)
    }
}

/// Who may make clients for themselves and for organizations; an operator at the command line always may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCreation {
    /// Nobody.
    Nobody,
    /// Operators.
    #[default]
    Operators,
    /// Everybody who has an account.
    People,
}

/// A client as its owner wants it.
#[derive(Clone, Debug, Default)]
pub struct ClientWish {
    /// What people read on the consent page.
    pub name: String,
    /// Its web site; may be empty.
    pub uri: String,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Whether it has a secret.
    pub is_confidential: bool,
    /// What it gets when it asks for no scope, with spaces between.
    pub scopes: String,
    /// The rest.
    pub details: ClientDetails,
}

/// What is to be different about a client; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    /// Its name.
    pub name: Option<String>,
    /// Its web site; empty for none.
    pub uri: Option<String>,
    /// Where answers may go.
    pub redirect_uris: Option<Vec<String>>,
    /// What it gets when it asks for no scope, with spaces between.
    pub scopes: Option<String>,
    /// The rest.
    pub details: ClientDetails,
}

impl RegisteredClient {
    /// The client as its owner and operators are told of it: nothing secret.
    pub fn describe(&self) -> Value {
        let mut described = json!({
            "client_id": self.id,
            "client_name": self.name,
            "client_uri": self.uri,
            "redirect_uris": self.redirect_uris,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
            "subject_type": if self.sector.is_some() { "pairwise" } else { "public" },
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "token_endpoint_auth_method": self.auth_method,
            "application_type": self.application_type,
            "grant_types": self.grant_types,
            "scope": self.scopes.to_string(),
            "service": self.service_id,
            "organization": self.organization_id,
            "answers_for": self.resources,
            "client_secret_expires_at": self.secrets.secret_expires_at,
            "previous_secret_ends_at": self.secrets.previous_secret_ends_at,
            "origin": self.origin,
            "owner_user": self.standing.owner_user_id,
            "owner_organization": self.standing.owner_organization_id,
            "trusted": self.standing.trusted_at.is_some(),
            "created_at": self.created_at,
            "last_used_at": self.last_used_at,
        });
        if let Some(members) = described.as_object_mut() {
            // Public keys, and where they are.
            let keys = self.keys.as_ref().and_then(|keys| serde_json::to_value(keys).ok());
            members.extend(keys.and_then(|keys| keys.as_object().cloned()).into_iter().flatten());
            members.extend(self.rules.members());
        }
        described
    }
}
