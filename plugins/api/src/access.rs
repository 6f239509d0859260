//! What a tool asks of its caller, written where the tool is defined.

use std::collections::{BTreeMap, BTreeSet};

use crate::scope::{Scope, ScopeSet};

/// The needs of one tool, resource, prompt or wrapped server. All of them must be met; a signed-in caller is always one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    scopes: ScopeSet,
    needs_person: bool,
    needs_organization: bool,
    needs_all_teams: bool,
    organizations: BTreeSet<String>,
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
    permissions_there: BTreeSet<String>,
    teams: BTreeSet<String>,
    plans: BTreeSet<String>,
    entitlements: BTreeSet<String>,
    meters: BTreeMap<String, u64>,
    is_denial: bool,
    invalid_scopes: Vec<String>,
}

/// Begins a rule: anybody who is signed in, until more is asked for.
#[must_use]
pub fn access() -> Rule {
    Rule::default()
}

impl Rule {
    /// Asks for an OAuth scope; several calls ask for all of them. A text that is no scope stops the boot.
    #[must_use]
    pub fn scope(mut self, name: &str) -> Self {
        match name.parse::<Scope>() {
            Ok(scope) => self.scopes.insert(scope),
            Err(_) => self.invalid_scopes.push(name.to_owned()),
        }
        self
    }

    /// Asks for a person behind the call, who answers for it: for a service, and for a client that acts for itself, the thing
    /// is not there.
    #[must_use]
    pub fn by_person(mut self) -> Self {
        self.needs_person = true;
        self
    }

    /// Asks that no teams were chosen for whoever calls: for an agent that acts for some teams alone the thing is not there.
    #[must_use]
    pub fn all_teams(mut self) -> Self {
        self.needs_all_teams = true;
        self
    }

    /// Asks that the call is made for an organization.
    #[must_use]
    pub fn organization(mut self) -> Self {
        self.needs_organization = true;
        self
    }

    /// Asks that the call is made for this organization, by its id (`org_...`) or by a name it has or ever had in URLs; several
    /// calls ask for any one of them. A name of no organization is whoever's takes it first; an id is nobody else's.
    #[must_use]
    pub fn organization_named(mut self, name: &str) -> Self {
        self.organizations.insert(name.to_owned());
        self.organization()
    }

    /// Asks for a role in the organization; several calls ask for any one of them. Roles have names in lower case, so the
    /// case it is written in does not count.
    #[must_use]
    pub fn role(mut self, name: &str) -> Self {
        self.roles.insert(name.to_lowercase());
        self.organization()
    }

    /// Asks for a permission in the organization, as `resource:action`; several calls ask for all of them. Written in any case,
    /// as a role.
    #[must_use]
    pub fn permission(mut self, name: &str) -> Self {
        self.permissions.insert(name.to_lowercase());
        self.organization()
    }

    /// Asks for a permission of whoever acts for an organization, and for nothing of whoever acts for a person alone; several
    /// calls ask for all of them.
    #[must_use]
    pub fn permission_there(mut self, name: &str) -> Self {
        self.permissions_there.insert(name.to_lowercase());
        self
    }

    /// Asks for membership of the team of this name in URLs; several calls ask for any one of them.
    #[must_use]
    pub fn team(mut self, slug: &str) -> Self {
        self.teams.insert(slug.to_owned());
        self.organization()
    }

    /// Asks for a plan; several calls ask for any one of them.
    #[must_use]
    pub fn plan(mut self, name: &str) -> Self {
        self.plans.insert(name.to_owned());
        self
    }

    /// Asks for a feature of the plan; several calls ask for all of them.
    #[must_use]
    pub fn entitlement(mut self, name: &str) -> Self {
        self.entitlements.insert(name.to_owned());
        self
    }

    /// Asks for a plan that includes something of a meter, and counts each call that succeeds as one unit on it.
    #[must_use]
    pub fn meter(self, name: &str) -> Self {
        self.meter_units(name, 1)
    }

    /// The same with a number of units; 0 counts nothing and asks for the plan alone. Where a plan has a price for the tool,
    /// that counts instead.
    #[must_use]
    pub fn meter_units(mut self, name: &str, units: u64) -> Self {
        self.meters.insert(name.to_owned(), units);
        self
    }

    /// Turns the rule round: whoever meets all it says may not, and for them the thing is not there. A rule that says
    /// nothing else is met by everybody.
    #[must_use]
    pub fn deny(mut self) -> Self {
        self.is_denial = true;
        self
    }

    /// The scopes asked for.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Whether a person behind the call is asked for.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        self.needs_person
    }

    /// Whether it is asked that no teams were chosen.
    #[must_use]
    pub fn needs_all_teams(&self) -> bool {
        self.needs_all_teams
    }

    /// Whether an organization is asked for.
    #[must_use]
    pub fn needs_organization(&self) -> bool {
        self.needs_organization
    }

    /// Organizations by id or name in URLs, any one of which will do; empty when none is asked for.
    #[must_use]
    pub fn organizations(&self) -> &BTreeSet<String> {
        &self.organizations
    }

    /// Roles, any one of which will do; empty when none is asked for.
    #[must_use]
    pub fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    /// Permissions, all of which are asked for.
    #[must_use]
    pub fn permissions(&self) -> &BTreeSet<String> {
        &self.permissions
    }

    /// Permissions, all of which are asked for of whoever acts for an organization.
    #[must_use]
    pub fn permissions_there(&self) -> &BTreeSet<String> {
        &self.permissions_there
    }

    /// Teams, any one of which will do; empty when none is asked for.
    #[must_use]
    pub fn teams(&self) -> &BTreeSet<String> {
        &self.teams
    }

    /// Plans, any one of which will do; empty when none is asked for.
    #[must_use]
    pub fn plans(&self) -> &BTreeSet<String> {
        &self.plans
    }

    /// Features of the plan, all of which are asked for.
    #[must_use]
    pub fn entitlements(&self) -> &BTreeSet<String> {
        &self.entitlements
    }

    /// Meters on which calls are counted, with how many units each.
    #[must_use]
    pub fn meters(&self) -> &BTreeMap<String, u64> {
        &self.meters
    }

    /// Whether whoever meets the rule may not.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.is_denial
    }

    /// Texts handed to [`scope`](Self::scope) that break the scope grammar; any of them stops the boot.
    #[must_use]
    pub fn invalid_scopes(&self) -> &[String] {
        &self.invalid_scopes
    }
}
