//! How the host makes a [`Principal`] and a [`Caller`]. Nobody else may: a test of the gateway allows calls to this
//! module in its `auth` and `access` modules only.

mod nowhere;

use std::sync::Arc;

pub use self::nowhere::Nowhere;

use crate::caller::{Caller, CallerParts};
use crate::context::{ClientContext, OrgContext, ServiceContext, SubscriptionContext, TeamContext, UserContext};
use crate::id::{ClientId, GrantId, SessionId, TokenId, UserId};
use crate::ports::{Meters, Use};
use crate::principal::{GrantBinding, Presence, Principal};
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// Everything authentication found out.
pub struct PrincipalParts {
    /// The person, looked up just now; for a service what [`standing_for`] makes.
    pub user: UserContext,
    /// The service, when there is no person.
    pub service: Option<ServiceContext>,
    /// The program.
    pub client: ClientContext,
    /// The browser session, for a cookie.
    pub session: Option<SessionId>,
    /// How the person proved to be there, for a cookie.
    pub presence: Option<Presence>,
    /// The grant, for a token.
    pub grant: Option<GrantId>,
    /// The token's row, for a token.
    pub token: Option<TokenId>,
    /// What the credential may be used for.
    pub scopes: ScopeSet,
    /// For whom it lets act.
    pub binding: GrantBinding,
    /// When the credential ends.
    pub expires_at: Timestamp,
}

/// Makes a principal.
#[must_use]
pub fn principal(parts: PrincipalParts) -> Principal {
    let PrincipalParts { user, service, client, session, presence, grant, token, scopes, binding, expires_at } = parts;
    Principal {
        user,
        service,
        client,
        actors: Vec::new(),
        session,
        presence,
        grant,
        token,
        scopes,
        binding,
        expires_at,
    }
}

/// The same with clients that act for one another in it.
#[must_use]
pub fn acting(principal: Principal, actors: Vec<ClientId>) -> Principal {
    Principal { actors, ..principal }
}

/// The same with other scopes: the host adds those that the credential's own imply.
#[must_use]
pub fn with_scopes(principal: &Principal, scopes: ScopeSet) -> Principal {
    Principal { scopes, ..principal.clone() }
}

/// What stands where a person would, for a service: ids are random, so no account has this one.
#[must_use]
pub fn standing_for(service: &ServiceContext) -> UserContext {
    UserContext {
        id: UserId::from_uuid(service.id.uuid()),
        email: String::new(),
        email_verified: false,
        name: service.name.clone(),
        scopes: ScopeSet::new(),
    }
}

/// Everything the context sources found out.
#[derive(Default)]
pub struct Contexts {
    /// The organization of the grant.
    pub organization: Option<OrgContext>,
    /// The teams of the grant.
    pub teams: Vec<TeamContext>,
    /// The plan.
    pub subscription: Option<SubscriptionContext>,
    /// Whoever counts calls, if anybody does.
    pub meters: Option<Use<Meters>>,
}

/// Makes a caller.
#[must_use]
pub fn caller(principal: Arc<Principal>, contexts: Contexts) -> Caller {
    let Contexts { organization, teams, subscription, meters } = contexts;
    let meters = meters.map(|meters| Arc::downgrade(&meters.shared()));
    Caller(Arc::new(CallerParts { principal, organization, teams, subscription, meters }))
}

/// The same caller, of whose plan more is known.
#[must_use]
pub fn with_subscription(caller: &Caller, subscription: SubscriptionContext) -> Caller {
    Caller(Arc::new(CallerParts { subscription: Some(subscription), ..CallerParts::clone(&caller.0) }))
}
