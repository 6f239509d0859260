//! The one function that decides. Listing and calling ask it alike, so a tool that is listed can be called and a hidden
//! one cannot.

use std::collections::BTreeSet;

use belgie_api::{Caller, Rule, ScopeSet};

/// What somebody wants to do, with the rule that stands before it.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    kind: ActionKind,
    name: &'a str,
    rule: &'a Rule,
}

/// The kinds of things that can be done through MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// `tools/call`
    CallTool,
    /// `prompts/get`
    GetPrompt,
    /// `resources/read`, and subscribing to a resource
    ReadResource,
    /// `completion/complete`
    Complete,
    /// `tasks/get`, `tasks/update` and `tasks/cancel`
    UseTask,
    /// Anything a wrapped server is told or asked as a whole: its lists, its log level, notifications to it.
    UseServer,
}

impl<'a> Action<'a> {
    /// `name`: the tool, prompt, resource URI, task or wrapped server that is meant. `rule`: who may.
    #[must_use]
    pub const fn new(kind: ActionKind, name: &'a str, rule: &'a Rule) -> Self {
        Self { kind, name, rule }
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        self.kind
    }

    /// Who may.
    #[must_use]
    pub const fn rule(&self) -> &'a Rule {
        self.rule
    }

    /// What it is done to.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }
}

/// The proof that this caller may do this action, once. Only [`decide`] makes one, it cannot be copied, and whoever runs
/// the action takes the caller and the name from in here: forgetting the check does not compile.
#[derive(Debug)]
pub struct Permit<'a> {
    caller: &'a Caller,
    action: Action<'a>,
}

impl<'a> Permit<'a> {
    /// Who was let through.
    #[must_use]
    pub const fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// What was allowed.
    #[must_use]
    pub const fn action(&self) -> Action<'a> {
        self.action
    }
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Organization, role, team or permission is not theirs. Nobody is told that such a thing exists.
    #[error("there is no such thing for this caller")]
    Hidden,
    /// The credential does not reach that far; asking for these scopes would help (RFC 6750 section 3.1).
    #[error("these scopes are missing: {missing}")]
    Scope {
        /// All of what is missing, not the first of it.
        missing: ScopeSet,
    },
    /// The plan does not include it.
    #[error("the current plan does not include this")]
    Plan {
        /// Plans, any one of which would do; empty when the rule names none.
        plans: BTreeSet<String>,
        /// Features that the current plan lacks.
        entitlements: BTreeSet<String>,
    },
}

/// Decides whether the caller may. Pure: the same caller and rule have the same outcome.
///
/// # Errors
/// The first denial in the order organization, role, team and permission; then scopes; then the plan.
pub fn decide<'a>(caller: &'a Caller, action: Action<'a>) -> Result<Permit<'a>, Denial> {
    let rule = action.rule;
    // A rule with a text that is no scope stops the boot. Should one get here all the same, nobody can fulfil it.
    if !rule.invalid_scopes().is_empty() || !is_in_place(caller, rule) {
        return Err(Denial::Hidden);
    }
    if !caller.scopes().covers(rule.scopes()) {
        return Err(Denial::Scope { missing: caller.scopes().missing(rule.scopes()) });
    }
    check_plan(caller, rule)?;
    Ok(Permit { caller, action })
}

/// Whether a thing under this rule is shown to the caller. Missing scopes and a small plan do not hide it: the client
/// can ask for more scopes and the person for a larger plan, once they know what for.
#[must_use]
pub fn is_listed(caller: &Caller, rule: &Rule) -> bool {
    !matches!(decide(caller, Action::new(ActionKind::UseServer, "", rule)), Err(Denial::Hidden))
}

/// Whether the caller stands where the rule wants: in an organization, with a role, a team and the permissions.
fn is_in_place(caller: &Caller, rule: &Rule) -> bool {
    if !rule.needs_organization() {
        return true;
    }
    let Some(organization) = caller.organization() else { return false };
    let has_role = rule.roles().is_empty() || !rule.roles().is_disjoint(&organization.roles);
    let has_team = rule.teams().is_empty() || caller.teams().iter().any(|team| rule.teams().contains(&team.name));
    has_role && has_team && rule.permissions().is_subset(&organization.permissions)
}

fn check_plan(caller: &Caller, rule: &Rule) -> Result<(), Denial> {
    if rule.plans().is_empty() && rule.entitlements().is_empty() {
        return Ok(());
    }
    let plan = caller.subscription();
    let has_plan = rule.plans().is_empty() || plan.is_some_and(|plan| rule.plans().contains(&plan.plan));
    let lacking: BTreeSet<String> = match plan {
        Some(plan) => rule.entitlements().difference(&plan.entitlements).cloned().collect(),
        None => rule.entitlements().clone(),
    };
    if has_plan && lacking.is_empty() {
        return Ok(());
    }
    Err(Denial::Plan { plans: rule.plans().clone(), entitlements: lacking })
}
