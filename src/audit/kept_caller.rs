//! What is kept of a caller, so that a decision can be made again later: what the caller was for whom, and no names of people.

use std::collections::BTreeSet;

use belgie_api::context::SubscriptionStatus;
use belgie_api::{Caller, ClientId, GrantId, ScopeSet, ServiceId, SessionId, TeamId, TokenId};
use serde::{Deserialize, Serialize};

/// A caller at the moment of a decision. Address and name of the person are not kept: they go with the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCaller {
    /// `bearer` or `cookie`.
    pub credential: String,
    /// The browser session.
    pub session: Option<SessionId>,
    /// The service, when no person was behind the call.
    pub service: Option<KeptService>,
    /// The grant behind the token.
    pub grant: Option<GrantId>,
    /// The token.
    pub token: Option<TokenId>,
    /// The clients that acted for one another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<ClientId>,
    /// What the client called itself.
    pub client_name: String,
    /// Whether the address of the account was proven.
    pub email_verified: bool,
    /// Scopes of the account itself.
    pub user_scopes: ScopeSet,
    /// Scopes of the credential.
    pub scopes: ScopeSet,
    /// The organization the call was made for.
    pub organization: Option<KeptOrganization>,
    /// The teams the call was made for.
    pub teams: Vec<KeptTeam>,
    /// The teams that were chosen for the credential, whoever is still in them; none where all count, and `None` where an earlier
    /// version did not write it down.
    #[serde(default)]
    pub chosen_teams: Option<BTreeSet<TeamId>>,
    /// The plan.
    pub subscription: Option<KeptPlan>,
}

/// A program of an organization's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptService {
    /// The service.
    pub id: ServiceId,
    /// What the organization called it.
    pub name: String,
}

/// An organization, and what the caller was in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOrganization {
    /// Its name in URLs.
    pub slug: String,
    /// The caller's roles.
    pub roles: BTreeSet<String>,
    /// What they allowed.
    pub permissions: BTreeSet<String>,
}

/// A team, and what the caller was in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTeam {
    /// The team.
    pub id: TeamId,
    /// Its name in rules.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The caller's roles.
    pub roles: BTreeSet<String>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlan {
    /// Its name in the configuration.
    pub plan: String,
    /// How it stood with it; where an earlier version did not write it down, it counts as paid.
    #[serde(default = "paid")]
    pub status: SubscriptionStatus,
    /// What it opened.
    pub entitlements: BTreeSet<String>,
    /// The meters of which it included something.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub meters: BTreeSet<String>,
}

const fn paid() -> SubscriptionStatus {
    SubscriptionStatus::Active
}

impl KeptCaller {
    /// What is kept of this caller.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let principal = caller.principal();
        Self {
            credential: principal.kind().to_owned(),
            session: principal.session(),
            service: caller.service().map(|own| KeptService { id: own.id, name: own.name.clone() }),
            grant: principal.grant(),
            token: principal.token(),
            actors: caller.actors().to_vec(),
            client_name: storable(&caller.client().name),
            email_verified: caller.user().email_verified,
            user_scopes: caller.user().scopes.clone(),
            scopes: caller.scopes().clone(),
            organization: caller.organization().map(|own| KeptOrganization {
                slug: own.slug.clone(),
                roles: own.roles.clone(),
                permissions: own.permissions.clone(),
            }),
            teams: caller
                .teams()
                .iter()
                .map(|team| KeptTeam {
                    id: team.id,
                    slug: team.slug.clone(),
                    name: team.name.clone(),
                    roles: team.roles.clone(),
                })
                .collect(),
            chosen_teams: Some(principal.binding().teams.clone()),
            subscription: caller.subscription().map(|own| KeptPlan {
                plan: own.plan.clone(),
                status: own.status,
                entitlements: own.entitlements.clone(),
                meters: own.quotas.keys().cloned().collect(),
            }),
        }
    }
}

/// A text that somebody has sent, as both engines take it: Postgres knows no NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
