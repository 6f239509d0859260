//! The parts of a [`Caller`](crate::Caller).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::id::{ClientId, OrgId, ServiceId, TeamId, UserId};
use crate::scope::ScopeSet;

/// The person behind a call. Behind that of a service there is none: then this stands for the service, under an id that no
/// account has, with its name, and with neither an address nor scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserContext {
    /// The account.
    pub id: UserId,
    /// The address the account signs in with.
    pub email: String,
    /// Whether it is proven that the person reads mail sent there.
    pub email_verified: bool,
    /// The name the person gave; may be empty.
    pub name: String,
    /// Scopes of the account itself, such as `admin`; what pages and the operator's tools ask for.
    pub scopes: ScopeSet,
}

/// The program that calls on the person's behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientContext {
    /// The OAuth client, `web` for our own pages, `personal` for a personal access token.
    pub id: ClientId,
    /// The name the client gave itself; not to be trusted.
    pub name: String,
}

/// A program of an organization's own that calls with no person behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceContext {
    /// The service.
    pub id: ServiceId,
    /// What the organization calls it.
    pub name: String,
}

/// The organization a call is made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgContext {
    /// The organization.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// The caller's roles in it, in lower case.
    pub roles: BTreeSet<String>,
    /// What those roles allow, as `resource:action`, in lower case.
    pub permissions: BTreeSet<String>,
}

/// A team inside the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TeamContext {
    /// The team.
    pub id: TeamId,
    /// Its name in URLs and rules; it stays.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The caller's roles in it.
    pub roles: BTreeSet<String>,
}

/// The plan a call is made under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionContext {
    /// The plan's name in the configuration.
    pub plan: String,
    /// Features the plan opens.
    pub entitlements: BTreeSet<String>,
}
