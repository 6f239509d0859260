//! From a principal to a caller: who it is becomes who it is, for whom and under which plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::{OrgContext, SubscriptionContext, TeamContext};
use belgie_api::host::{self, Contexts};
use belgie_api::plugin::ScopeHierarchy;
use belgie_api::ports::{BillingSubject, Meters, Organizations, Provided, Subscriptions, Teams, Usage, Use};
use belgie_api::{Caller, GrantBinding, OrgId, Principal, Result, TeamId, UserId};

/// Makes callers: asks whoever knows organizations, teams and plans what the person is there now, and under which plan.
#[derive(Clone, Default)]
pub struct Callers {
    organizations: Option<Use<Organizations>>,
    teams: Option<Use<Teams>>,
    subscriptions: Option<Use<Subscriptions>>,
    meters: Option<Use<Meters>>,
    hierarchy: Arc<ScopeHierarchy>,
}

impl Callers {
    /// Asks the plugins that provide the contexts; where none does, there is no such context. `hierarchy`: what scopes imply.
    #[must_use]
    pub fn new(provided: &Provided, hierarchy: Arc<ScopeHierarchy>) -> Self {
        Self {
            organizations: provided.find(),
            teams: provided.find(),
            subscriptions: provided.find(),
            meters: provided.find(),
            hierarchy,
        }
    }

    /// Whoever knows plans, if anybody does.
    #[must_use]
    pub fn plans(&self) -> Option<Use<Subscriptions>> {
        self.subscriptions.clone()
    }

    /// Whoever counts calls, if anybody does.
    #[must_use]
    pub fn meters(&self) -> Option<Use<Meters>> {
        self.meters.clone()
    }

    /// The caller behind a principal. `None` when the credential lets act for an organization in which the person is no
    /// more, or again: then it lets act for nobody, and never for the person alone instead. A service whose organization is
    /// gone is nobody, too; one that was never bound to any is a client that acts for itself.
    ///
    /// The caller has the scopes of the credential and those they imply: a broader scope satisfies whatever asks for a narrower one
    /// (MCP authorization, "Scope Challenge Handling").
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn establish(&self, principal: Arc<Principal>) -> Result<Option<Caller>> {
        let principal = self.with_implied(principal);
        if principal.binding().organization.is_none() {
            let subscription = self.subscription(&principal, &[]).await?;
            let contexts = Contexts { subscription, meters: self.meters.clone(), ..Contexts::default() };
            return Ok(Some(host::caller(principal, contexts)));
        }
        let Some(organization) = self.organization(&principal).await? else { return Ok(None) };
        let teams = self.teams(&principal, &organization).await?;
        let subscription = self.subscription(&principal, &teams).await?;
        let contexts = Contexts { organization: Some(organization), teams, subscription, meters: self.meters.clone() };
        Ok(Some(host::caller(principal, contexts)))
    }

    fn with_implied(&self, principal: Arc<Principal>) -> Arc<Principal> {
        let scopes = self.hierarchy.closed(principal.scopes());
        if scopes == *principal.scopes() { principal } else { Arc::new(host::with_scopes(&principal, scopes)) }
    }

    /// The organization of this name in URLs.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn find_organization(&self, slug: &str) -> Result<Option<OrgId>> {
        let Some(organizations) = &self.organizations else { return Ok(None) };
        Ok(organizations.0.find_by_slug(slug).await?.map(|organization| organization.id))
    }

    /// Every name in URLs that an organization has or had.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn slugs_of(&self, organization: OrgId) -> Result<BTreeSet<String>> {
        match &self.organizations {
            Some(organizations) => organizations.0.list_slugs(organization).await,
            None => Ok(BTreeSet::new()),
        }
    }

    /// The binding of a grant that would be made now; `None` when the person is not in the organization. `teams`: ids or
    /// slugs, all of which the person must be in.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn bind(&self, user: UserId, organization: OrgId, teams: &[String]) -> Result<Option<GrantBinding>> {
        let Some(organizations) = &self.organizations else { return Ok(None) };
        let own = match &self.teams {
            Some(known) if !teams.is_empty() => known.0.list_of_user(user, organization).await?,
            _ => Vec::new(),
        };
        let find = |named: &String| {
            let is_meant = |team: &&TeamContext| team.slug == *named || team.id.to_string() == *named;
            own.iter().find(is_meant).map(|team| team.id)
        };
        let Some(chosen) = teams.iter().map(find).collect::<Option<BTreeSet<TeamId>>>() else { return Ok(None) };
        organizations.bind(self.teams.as_deref(), user, organization, chosen).await
    }

    async fn organization(&self, principal: &Principal) -> Result<Option<OrgContext>> {
        let (Some(organizations), Some(id)) = (&self.organizations, principal.binding().organization) else {
            return Ok(None);
        };
        if let Some(service) = principal.service() {
            return organizations.0.find_service(service.id, id).await;
        }
        // A browser session is chosen anew with every request; it has no stay it was made for.
        if principal.session().is_some() {
            return organizations.0.find(principal.user().id, id).await;
        }
        organizations.find_for(principal.user().id, principal.binding()).await
    }

    async fn subscription(&self, principal: &Principal, teams: &[TeamContext]) -> Result<Option<SubscriptionContext>> {
        let Some(subscriptions) = &self.subscriptions else { return Ok(None) };
        let subjects = BillingSubject::behind(principal, teams.iter().map(|team| team.id));
        subscriptions.0.find(&subjects).await
    }

    async fn teams(&self, principal: &Principal, organization: &OrgContext) -> Result<Vec<TeamContext>> {
        match &self.teams {
            Some(teams) if principal.service().is_none() => {
                teams.list_for(principal.user().id, organization.id, principal.binding()).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// The caller as a tool sees it whose call is counted: with what is used of the meters it is counted on.
#[must_use]
pub fn with_usage(caller: &Caller, usages: &[Usage]) -> Caller {
    let Some(mut subscription) = caller.subscription().filter(|_| !usages.is_empty()).cloned() else {
        return caller.clone();
    };
    for usage in usages {
        if let Some(quota) = subscription.quotas.get_mut(&usage.meter) {
            quota.used = Some(usage.used);
            quota.remaining = Some(usage.remaining);
            quota.resets_at = Some(usage.resets_at);
        }
    }
    host::with_subscription(caller, subscription)
}

/// The caller behind a principal that lets act for the person alone, without the plan they have: what a page asks for.
#[must_use]
pub fn personal(principal: Arc<Principal>) -> Caller {
    host::caller(principal, Contexts::default())
}
