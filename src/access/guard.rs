//! Everything that stands before one thing: the rule beside it in the code and what the operator's file adds, taken apart
//! once into checks in the order in which they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use belgie_api::context::SubscriptionStatus;
use belgie_api::{Caller, OrgId, Rule, ScopeSet};

use super::expression::{Arguments, Expression, Fault};

/// FNV-1a of 64 bits (RFC 9923).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Beside the thing, in code.
    Code,
    /// In the operator's file: which `[[access]]` it is, counted from 0.
    File(usize),
    /// In the operator's file: what its plans open, all `[[plan]]` together.
    Plans,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("code"),
            Self::File(index) => write!(f, "access[{index}]"),
            Self::Plans => f.write_str("plan"),
        }
    }
}

/// In which order denials go before each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A person behind the call, organization, role, permission and team.
    Place,
    /// What an expression asks of the caller alone.
    Condition,
    /// What the credential may be used for.
    Scope,
    /// What the plan includes.
    Plan,
    /// What an expression asks of the arguments.
    Arguments,
}

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub enum Need {
    /// A scope that is none: nobody has it. It stops the boot, and here it stops everybody.
    Impossible,
    /// That a person is behind the call.
    Person,
    /// That the call is made for an organization.
    Organization,
    /// For one of these.
    Organizations {
        /// By id.
        ids: BTreeSet<OrgId>,
        /// By a name in URLs it has or ever had.
        slugs: BTreeSet<String>,
    },
    /// One of these roles.
    Roles(BTreeSet<String>),
    /// All of these permissions.
    Permissions(BTreeSet<String>),
    /// All of these permissions, of whoever acts for an organization.
    PermissionsThere(BTreeSet<String>),
    /// That no teams were chosen for whoever calls.
    AllTeams,
    /// One of these teams.
    Teams(BTreeSet<String>),
    /// All of these scopes.
    Scopes(ScopeSet),
    /// One of these plans, if any is named, and all of these features.
    Plan {
        /// Any one of them will do; with none, any plan will.
        plans: BTreeSet<String>,
        /// All of them are asked for.
        entitlements: BTreeSet<String>,
    },
    /// A plan that includes something of all of these meters.
    Meters(BTreeSet<String>),
    /// What an expression asks of the caller alone.
    OfCaller(Arc<Expression>),
    /// What it asks of the arguments.
    OfArguments(Arc<Expression>),
    /// That not all of these are met.
    Not(Vec<Need>),
}

/// What came of looking at a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is met.
    Met,
    /// It is not.
    Unmet,
    /// Nobody knows before the arguments are there.
    Open,
    /// There is more in the arguments than is looked at.
    TooMuch,
    /// It could not be found out. For operators.
    Failed(String),
}

/// What is known of the arguments.
#[derive(Clone, Copy, Debug)]
pub enum KnownArguments<'a> {
    /// Nothing yet: a list is made, or a request looked at before it is read to its end.
    Nothing,
    /// These, or that there are none.
    These(Option<&'a Arguments>),
}

/// A need with where it comes from and when it is asked.
#[derive(Clone, Debug)]
pub struct Check {
    pub(super) stage: Stage,
    pub(super) need: Need,
    pub(super) origin: Origin,
}

/// All that is asked of whoever wants to use a thing. Every rule must be met.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// In the order of their stages; of one stage, in the order of the rules.
    checks: Vec<Check>,
    scopes: ScopeSet,
    /// On which meters it is counted, with how many units each.
    meters: BTreeMap<String, u64>,
    origins: Vec<Origin>,
    fingerprint: OnceLock<i64>,
    /// Whether what stands behind it changes nothing.
    is_read_only: bool,
}

impl Guard {
    /// The guard of a thing that has this rule and nothing else.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        let mut guard = Self::default();
        guard.add(Origin::Code, rule, None);
        guard
    }

    /// Adds a rule, with the expression that goes with it.
    pub fn add(&mut self, origin: Origin, rule: &Rule, when: Option<&Arc<Expression>>) {
        let needs = needs_of(rule, when);
        self.fingerprint = OnceLock::new();
        self.origins.push(origin);
        if !rule.invalid_scopes().is_empty() {
            self.checks.push(Check { stage: Stage::Place, need: Need::Impossible, origin });
        }
        if rule.is_denial() {
            let stage = needs.iter().map(Need::stage).fold(Stage::Place, Stage::of_denial);
            self.checks.push(Check { stage, need: Need::Not(needs), origin });
        } else {
            self.scopes = self.scopes.union(rule.scopes());
            for (meter, units) in rule.meters() {
                // Rules add up, and a call is counted once on a meter: by the dearest of them.
                let own = self.meters.entry(meter.clone()).or_default();
                *own = (*own).max(*units);
            }
            self.checks.extend(needs.into_iter().map(|need| Check { stage: need.stage(), need, origin }));
        }
        self.checks.sort_by_key(|check| check.stage);
    }

    /// Says whether what stands behind it changes nothing: then it stays open while a payment is missing.
    #[must_use]
    pub fn read_only(mut self, is_read_only: bool) -> Self {
        self.is_read_only = is_read_only;
        self
    }

    /// Whether it lets a caller with this plan do what stands behind it at all: where a payment is missing, nothing is changed.
    pub(super) fn suits_standing(&self, caller: &Caller) -> bool {
        let is_unpaid = caller.subscription().is_some_and(|own| own.status == SubscriptionStatus::ReadOnly);
        self.is_read_only || !is_unpaid
    }

    /// What is asked, in order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Where its rules stand.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// All scopes it asks for.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// On which meters calls are counted, with how many units each unless the caller's plan has a price of its own.
    #[must_use]
    pub fn meters(&self) -> &BTreeMap<String, u64> {
        &self.meters
    }

    /// A number that stands for what is asked, wherever it is written: guards that ask for the same have the same. It goes
    /// on record with each decision.
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        *self.fingerprint.get_or_init(|| {
            let mut hash = FNV_OFFSET;
            for Check { stage, need, .. } in &self.checks {
                for byte in format!("{stage:?} {need:?};").bytes() {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
                }
            }
            hash.cast_signed()
        })
    }

    /// Whether it asks for something of the arguments, so that nobody can say without them whether it is met.
    #[must_use]
    pub fn reads_arguments(&self) -> bool {
        self.checks.iter().any(|check| check.need.reads_arguments())
    }

    /// Of these arguments those it looks at; `None` when it looks at none.
    #[must_use]
    pub fn arguments_it_reads(&self, arguments: Option<&Arguments>) -> Option<Arguments> {
        if !self.reads_arguments() {
            return None;
        }
        let all = arguments.into_iter().flatten();
        let is_read = |name: &str| self.checks.iter().any(|check| check.need.reads_argument(name));
        Some(all.filter(|(name, _)| is_read(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Whether it asks for something that goes with the account: the address or the name of the person.
    #[must_use]
    pub fn looks_at_person(&self) -> bool {
        self.checks.iter().any(|check| check.need.looks_at_person())
    }

    /// Whether it asks which teams were chosen for the credential.
    #[must_use]
    pub fn looks_at_choice(&self) -> bool {
        let asks = |need: &Need| matches!(need, Need::AllTeams);
        let is_asked = |need: &Need| asks(need) || matches!(need, Need::Not(needs) if needs.iter().any(asks));
        self.checks.iter().any(|check| is_asked(&check.need))
    }

    /// Whether what is allowed may be allowed no longer once the caller's place in an organization has changed, or their
    /// plan.
    #[must_use]
    pub fn depends_on_place(&self) -> bool {
        // Denials and expressions may look at it, too.
        self.checks.iter().any(|check| !matches!(check.need, Need::Scopes(_)))
    }
}

impl Stage {
    /// When a denial is asked that has a need of the stage `other`: hidden things are hidden before anything else is said,
    /// unless an expression has to be asked.
    fn of_denial(self, other: Self) -> Self {
        match other {
            Self::Condition | Self::Arguments => self.max(other),
            _ => self,
        }
    }
}

impl Need {
    fn reads_arguments(&self) -> bool {
        match self {
            Self::OfArguments(_) => true,
            Self::Not(needs) => needs.iter().any(Self::reads_arguments),
            _ => false,
        }
    }

    fn reads_argument(&self, name: &str) -> bool {
        match self {
            Self::OfArguments(expression) => expression.looks_at(name),
            Self::Not(needs) => needs.iter().any(|need| need.reads_argument(name)),
            _ => false,
        }
    }

    fn looks_at_person(&self) -> bool {
        match self {
            Self::OfCaller(expression) | Self::OfArguments(expression) => expression.looks_at_person(),
            Self::Not(needs) => needs.iter().any(Self::looks_at_person),
            _ => false,
        }
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Scopes(_) => Stage::Scope,
            Self::Plan { .. } | Self::Meters(_) => Stage::Plan,
            Self::OfCaller(_) => Stage::Condition,
            Self::OfArguments(_) => Stage::Arguments,
            _ => Stage::Place,
        }
    }

    /// Looks whether it is met.
    pub(super) fn look(&self, caller: &Caller, known: KnownArguments<'_>) -> Finding {
        let organization = caller.organization();
        let is_met = match self {
            Self::Impossible => false,
            Self::Person => caller.service().is_none(),
            Self::Organization => organization.is_some(),
            // Whoever may rename an organization leaves no rule by it, and comes under none they did not name for good.
            Self::Organizations { ids, slugs } => organization.is_some_and(|own| {
                ids.contains(&own.id) || slugs.contains(&own.slug) || !slugs.is_disjoint(&own.former_slugs)
            }),
            Self::Roles(roles) => organization.is_some_and(|own| !roles.is_disjoint(&own.roles)),
            Self::Permissions(all) => organization.is_some_and(|own| all.is_subset(&own.permissions)),
            Self::PermissionsThere(all) => organization.is_none_or(|own| all.is_subset(&own.permissions)),
            Self::AllTeams => caller.principal().binding().teams.is_empty(),
            // A team stands for nothing without the organization it is in.
            Self::Teams(teams) => {
                organization.is_some() && caller.teams().iter().any(|team| teams.contains(&team.slug))
            }
            Self::Scopes(scopes) => caller.scopes().covers(scopes),
            Self::Plan { plans, entitlements } => {
                let plan = caller.subscription();
                let has_plan = plans.is_empty() || plan.is_some_and(|plan| plans.contains(&plan.plan));
                has_plan && plan.map_or(entitlements.is_empty(), |plan| entitlements.is_subset(&plan.entitlements))
            }
            Self::Meters(meters) => {
                caller.subscription().is_some_and(|plan| meters.iter().all(|meter| plan.quotas.contains_key(meter)))
            }
            Self::OfCaller(expression) => return Finding::of(expression.ask_of_caller(caller)),
            Self::OfArguments(expression) => {
                return match known {
                    KnownArguments::Nothing => Finding::Open,
                    KnownArguments::These(arguments) => Finding::of(expression.ask_of_arguments(caller, arguments)),
                };
            }
            Self::Not(needs) => return not_all(needs, caller, known),
        };
        if is_met { Finding::Met } else { Finding::Unmet }
    }
}

impl Finding {
    fn of(answer: Result<bool, Fault>) -> Self {
        match answer {
            Ok(true) => Self::Met,
            Ok(false) => Self::Unmet,
            Err(Fault::TooMuch) => Self::TooMuch,
            Err(Fault::Failed(account)) => Self::Failed(account),
        }
    }
}

/// One need that is not met is enough for the denial not to apply; only then may another one have failed.
fn not_all(needs: &[Need], caller: &Caller, known: KnownArguments<'_>) -> Finding {
    let mut turned = Finding::Unmet;
    for need in needs {
        match need.look(caller, known) {
            Finding::Unmet => return Finding::Met,
            Finding::Open if turned == Finding::Unmet => turned = Finding::Open,
            failed @ (Finding::Failed(_) | Finding::TooMuch) => turned = failed,
            Finding::Met | Finding::Open => {}
        }
    }
    turned
}

/// One of these: what reads as an id is one, since a name in URLs has no underscore.
fn organizations(names: &BTreeSet<String>) -> Need {
    let (mut ids, mut slugs) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        match name.parse() {
            Ok(id) => drop(ids.insert(id)),
            Err(_) => drop(slugs.insert(name.clone())),
        }
    }
    Need::Organizations { ids, slugs }
}

fn needs_of(rule: &Rule, when: Option<&Arc<Expression>>) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |is_asked: bool, need: &dyn Fn() -> Need| {
        if is_asked {
            needs.push(need());
        }
    };
    let has = |set: &BTreeSet<String>| !set.is_empty();
    let is_named = has(rule.organizations());
    let is_plain = !is_named && !has(rule.roles()) && !has(rule.permissions()) && !has(rule.teams());
    add(rule.needs_person(), &|| Need::Person);
    add(rule.needs_organization() && is_plain, &|| Need::Organization);
    add(is_named, &|| organizations(rule.organizations()));
    add(has(rule.roles()), &|| Need::Roles(rule.roles().clone()));
    add(has(rule.permissions()), &|| Need::Permissions(rule.permissions().clone()));
    add(has(rule.permissions_there()), &|| Need::PermissionsThere(rule.permissions_there().clone()));
    add(rule.needs_all_teams(), &|| Need::AllTeams);
    add(has(rule.teams()), &|| Need::Teams(rule.teams().clone()));
    add(!rule.scopes().is_empty(), &|| Need::Scopes(rule.scopes().clone()));
    add(has(rule.plans()) || has(rule.entitlements()), &|| Need::Plan {
        plans: rule.plans().clone(),
        entitlements: rule.entitlements().clone(),
    });
    add(!rule.meters().is_empty(), &|| Need::Meters(rule.meters().keys().cloned().collect()));
    if let Some(when) = when {
        add(when.looks_at_caller(), &|| Need::OfCaller(Arc::clone(when)));
        add(when.looks_at_arguments(), &|| Need::OfArguments(Arc::clone(when)));
    }
    needs
}
