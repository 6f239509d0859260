//! Who is calling, for whom and under which plan: what every tool is handed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use rmcp::ErrorData;
use rmcp::handler::server::common::{AsRequestContext, FromContextPart};
use serde::Serialize;
use serde_json::json;

use crate::context::{
    ClientContext, OrgContext, QuotaContext, ServiceContext, SubscriptionContext, TeamContext, UserContext,
};
use crate::failure::Failure;
use crate::id::{ClientId, GrantId, SessionId};
use crate::ports::Meters;
use crate::principal::Principal;
use crate::scope::{Scope, ScopeSet};
use crate::tools::Denied;

/// The caller of a tool. Cheap to clone; take it as an argument: `async fn export(caller: Caller, ...)`.
///
/// Only the host can make one, so a tool that has it was called by somebody who was authenticated.
#[derive(Clone)]
pub struct Caller(pub(crate) Arc<CallerParts>);

#[derive(Clone)]
pub(crate) struct CallerParts {
    pub(crate) principal: Arc<Principal>,
    pub(crate) organization: Option<OrgContext>,
    pub(crate) teams: Vec<TeamContext>,
    pub(crate) subscription: Option<SubscriptionContext>,
    /// Weak: a caller is remembered by what whoever counts holds as a rule, and would keep itself otherwise.
    pub(crate) meters: Option<Weak<Meters>>,
}

impl Caller {
    /// The authenticated party behind the call.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.0.principal
    }

    /// The person; behind the call of a [service](Self::service) there is none, and this stands for the service.
    #[must_use]
    pub fn user(&self) -> &UserContext {
        self.0.principal.user()
    }

    /// The program that calls on the person's behalf.
    #[must_use]
    pub fn client(&self) -> &ClientContext {
        self.0.principal.client()
    }

    /// The clients that act for one another in this call, when it is made with a token that was given for another one: the client
    /// itself first, and last the one the person let in. Empty for every other call.
    #[must_use]
    pub fn actors(&self) -> &[ClientId] {
        self.0.principal.actors()
    }

    /// The service, when a program calls with no person behind it: one of the organization the call is made for, or a client
    /// that acts for itself and for no organization.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceContext> {
        self.0.principal.service()
    }

    /// The browser session, when that is the credential.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.0.principal.session()
    }

    /// Whether an operator wears the session of this person, to see what they see: then it proves nothing of the person.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        self.principal().presence().is_some_and(|presence| presence.impersonator.is_some())
    }

    /// The grant behind the token, when a token is the credential.
    #[must_use]
    pub fn grant(&self) -> Option<GrantId> {
        self.0.principal.grant()
    }

    /// What the credential may be used for.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        self.0.principal.scopes()
    }

    /// The organization the call is made for, if it is made for one.
    #[must_use]
    pub fn organization(&self) -> Option<&OrgContext> {
        self.0.organization.as_ref()
    }

    /// The teams of that organization the call is made for.
    #[must_use]
    pub fn teams(&self) -> &[TeamContext] {
        &self.0.teams
    }

    /// The plan the call is made under, if there is one.
    #[must_use]
    pub fn subscription(&self) -> Option<&SubscriptionContext> {
        self.0.subscription.as_ref()
    }

    /// How it stands with every quota of the plan, by meter: what [`subscription`](Self::subscription) says of the meters that this call
    /// is counted on, for all of them and as of now. It asks the database once, each time, so ask when it matters.
    ///
    /// # Errors
    /// When the database does not answer, or the gateway is gone.
    pub async fn quotas(&self) -> crate::Result<BTreeMap<String, QuotaContext>> {
        match &self.0.meters {
            Some(meters) => {
                let meters = meters.upgrade().ok_or_else(|| Failure::internal("the gateway is gone"))?;
                meters.0.quotas(self).await
            }
            None => Ok(self.subscription().map(|plan| plan.quotas.clone()).unwrap_or_default()),
        }
    }

    /// The organization, for tools that make no sense without one.
    ///
    /// # Errors
    /// When the call is made for no organization.
    pub fn org(&self) -> Result<&OrgContext, Denied> {
        self.organization()
            .ok_or_else(|| Denied::new("access.no_organization", "This connection acts for no organization."))
    }

    /// Asks for a scope that only the arguments make necessary; what is known beforehand belongs in the tool's rule.
    ///
    /// # Errors
    /// When the credential lacks it.
    pub fn require_scope(&self, name: &str) -> Result<(), Denied> {
        if self.scopes().has_named(name) {
            return Ok(());
        }
        Err(Denied::new("access.scope_missing", format!("This call needs the scope `{name}`.")).with_scope(name))
    }

    /// Asks for a feature of the plan.
    ///
    /// # Errors
    /// When the plan does not open it.
    pub fn require_entitlement(&self, name: &str) -> Result<(), Denied> {
        if self.subscription().is_some_and(|plan| plan.entitlements.contains(name)) {
            return Ok(());
        }
        Err(Denied::new("access.plan_too_small", format!("The current plan does not include `{name}`.")))
    }

    /// The caller as the tools and the traces show it: no secrets, every slot present.
    #[must_use]
    pub fn describe(&self) -> serde_json::Value {
        let principal = self.principal();
        json!({
            "user": { "id": self.user().id, "email": self.user().email, "name": self.user().name },
            "service": self.service(),
            "client": self.client(),
            "actors": self.actors(),
            "session": principal.session(),
            "grant": principal.grant(),
            "scopes": self.scopes().iter().map(Scope::as_str).collect::<Vec<_>>(),
            "organization": self.organization(),
            "teams": self.teams(),
            "subscription": self.subscription(),
            "expires_at": principal.expires_at(),
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("user", &self.user().id).field("client", &self.client().id).finish()
    }
}

impl Serialize for Caller {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.describe().serialize(serializer)
    }
}

impl<C: AsRequestContext> FromContextPart<C> for Caller {
    /// Fails closed: a tool that is reached without a caller does not run.
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        crate::tools::caller_of(&context.as_request_context().extensions)
    }
}
