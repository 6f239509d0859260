//! How plans reach callers, and refused callers the plans, without anybody knowing the plugin that sells them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::context::SubscriptionContext;
use crate::failure::Result;
use crate::id::{OrgId, TeamId, UserId};
use crate::plan::Plan;
use crate::principal::Principal;

/// Who has a plan, and pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BillingSubject {
    /// A person, for what they do in their own name.
    User {
        /// Who.
        user: UserId,
    },
    /// An organization.
    Organization {
        /// Which.
        organization: OrgId,
    },
    /// A team of an organization.
    Team {
        /// Of which.
        organization: OrgId,
        /// Which.
        team: TeamId,
    },
}

impl BillingSubject {
    /// Those under whose plan a call may be made, the nearest first. Whoever acts for an organization never falls back to a
    /// plan of their own. Of teams those count that were chosen for the grant: that somebody is in a team does not say that a
    /// call is made for it.
    ///
    /// `teams`: those the caller acts for.
    #[must_use]
    pub fn behind(principal: &Principal, teams: impl IntoIterator<Item = TeamId>) -> Vec<Self> {
        let binding = principal.binding();
        let Some(organization) = binding.organization else {
            return vec![Self::User { user: principal.user().id }];
        };
        let chosen = teams.into_iter().filter(|team| binding.teams.contains(team));
        let teams = chosen.map(|team| Self::Team { organization, team });
        teams.chain([Self::Organization { organization }]).collect()
    }

    /// Whether what a principal is called under depends on it.
    #[must_use]
    pub fn is_behind(&self, principal: &Principal) -> bool {
        let binding = principal.binding();
        match self {
            Self::User { user } => binding.organization.is_none() && principal.user().id == *user,
            Self::Organization { organization } => binding.organization == Some(*organization),
            Self::Team { organization, team } => {
                binding.organization == Some(*organization) && binding.teams.contains(team)
            }
        }
    }
}

/// What a refused call lacked.
#[derive(Clone, Copy)]
pub struct Lacking<'a> {
    /// The tool that was called.
    pub tool: &'a str,
    /// Plans, any one of which would do; empty when no plan was named.
    pub plans: &'a BTreeSet<String>,
    /// Features that the caller's plan lacks.
    pub entitlements: &'a BTreeSet<String>,
    /// Meters on which the caller's plan includes nothing.
    pub meters: &'a BTreeSet<String>,
    /// Whether a plan would let the call through: it meets every rule before the tool, and not only the one that has refused.
    pub would_do: &'a (dyn Fn(&Plan) -> bool + Send + Sync),
}

impl fmt::Debug for Lacking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("Lacking");
        parts.field("tool", &self.tool).field("plans", &self.plans).field("entitlements", &self.entitlements);
        parts.field("meters", &self.meters);
        parts.finish_non_exhaustive()
    }
}

/// Where somebody gets what a refused call lacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayOut {
    /// A page of ours. It names nobody, and does nothing for anybody but the person behind the call.
    pub url: String,
    /// What people call the plans that would do, the smallest first.
    pub titles: Vec<String>,
}

/// Knows who has which plan, as it is now.
#[async_trait]
pub trait SubscriptionContexts: Send + Sync {
    /// The plan of one of these: the largest, and of equals that of the first. `None` when none has any and there is none
    /// that everybody has.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn find(&self, subjects: &[BillingSubject]) -> Result<Option<SubscriptionContext>>;

    /// Where the caller gets what a call lacked; `None` when nothing that can be bought would help.
    fn way_out(&self, caller: &Caller, lacking: Lacking<'_>) -> Option<WayOut>;
}

/// Whoever knows plans, as [`Mount::subscriptions`](crate::Mount::subscriptions) provides it.
pub struct Subscriptions(pub Arc<dyn SubscriptionContexts>);
