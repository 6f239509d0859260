//! The parts of a [`Caller`](crate::Caller).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, OrgId, ServiceId, TeamId, UserId};
use crate::ports::BillingSubject;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

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

/// A program that calls with no person behind it: an organization's own, or a client that acts for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceContext {
    /// The service.
    pub id: ServiceId,
    /// What its organization, or the operator, calls it.
    pub name: String,
}

/// The organization a call is made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgContext {
    /// The organization.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// The names in URLs it had before; none of them is ever another's. Rules go by them as well, and nobody is told of them.
    #[serde(skip)]
    pub former_slugs: BTreeSet<String>,
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
    /// How it stands with it.
    pub status: SubscriptionStatus,
    /// Who has it; `None` for the plan that everybody has who has no other.
    pub subject: Option<BillingSubject>,
    /// When what is paid for began.
    pub period_start: Option<Timestamp>,
    /// When it ends, and the next begins unless it `ends_at` that.
    pub period_end: Option<Timestamp>,
    /// From when the months are counted in which so much is included, where that is not when the period began: whoever changes how
    /// often is paid begins another period, and no other quota.
    #[serde(skip)]
    pub counted_from: Option<Timestamp>,
    /// When it ends for good, if that is settled.
    pub ends_at: Option<Timestamp>,
    /// For how many it was bought.
    pub seats: Option<u32>,
    /// What the configuration says of the plan to the application.
    pub limits: BTreeMap<String, String>,
    /// What it includes, by meter.
    pub quotas: BTreeMap<String, QuotaContext>,
    /// How many calls whoever has it may make in a minute; what the file says of a plan of this name goes before it.
    #[serde(skip)]
    pub calls_per_minute: Option<NonZeroU32>,
    /// What everybody has who pays for nothing, where this plan opens only what changes nothing any more (`read_only`): it goes on
    /// opening all that it opens.
    #[serde(skip)]
    pub free: Option<Arc<SubscriptionContext>>,
    /// Until when all this is true, if nobody says otherwise before.
    #[serde(skip)]
    pub valid_until: Option<Timestamp>,
}

/// What a plan includes of a meter. How much of it is used is known for the meters that the call itself is counted on, as it
/// is with this call; for the others nobody has looked yet: [`Caller::quotas`](crate::Caller::quotas) does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QuotaContext {
    /// Units that are in the price of a month.
    pub included: u64,
    /// Units that are used, those of this call and of others that run among them.
    pub used: Option<u64>,
    /// Units that are left of what is included.
    pub remaining: Option<u64>,
    /// When counting begins anew.
    pub resets_at: Option<Timestamp>,
    /// Units that a call of a tool costs under the plan instead of what its rule says, by the name of the tool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, u64>,
}

/// How it stands with a plan that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// Nobody pays for it.
    Free,
    /// The days that cost nothing.
    Trialing,
    /// Paid.
    Active,
    /// The last payment failed, and the time to put that right is running.
    PastDue,
    /// That time is over: what changes nothing is open, and all else is closed.
    ReadOnly,
}

impl SubscriptionContext {
    /// A plan of which nothing else is known.
    #[must_use]
    pub const fn of(plan: String, entitlements: BTreeSet<String>, status: SubscriptionStatus) -> Self {
        Self {
            plan,
            entitlements,
            status,
            subject: None,
            period_start: None,
            period_end: None,
            counted_from: None,
            ends_at: None,
            seats: None,
            limits: BTreeMap::new(),
            quotas: BTreeMap::new(),
            calls_per_minute: None,
            free: None,
            valid_until: None,
        }
    }
}
