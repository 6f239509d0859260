//! The one decision. Lists and calls ask it alike, so what is listed can be called and what is hidden cannot; `explain`
//! shows it at work.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::{Caller, ScopeSet, host};

use super::expression::Arguments;
use super::guard::{Check, Finding, Guard, KnownArguments, Need, Stage};

/// What somebody wants to do, with everything that stands before it.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    kind: ActionKind,
    name: &'a str,
    guard: &'a Arc<Guard>,
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

impl ActionKind {
    /// The word for it on record.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CallTool => "tool.call",
            Self::GetPrompt => "prompt.get",
            Self::ReadResource => "resource.read",
            Self::Complete => "completion.ask",
            Self::UseTask => "task.use",
            Self::UseServer => "server.use",
        }
    }
}

impl<'a> Action<'a> {
    /// `name`: the tool, prompt, resource URI, task or wrapped server that is meant. `guard`: who may.
    #[must_use]
    pub const fn new(kind: ActionKind, name: &'a str, guard: &'a Arc<Guard>) -> Self {
        Self { kind, name, guard }
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        self.kind
    }

    /// Who may.
    #[must_use]
    pub const fn guard(&self) -> &'a Arc<Guard> {
        self.guard
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
    caller: Cow<'a, Caller>,
    action: Action<'a>,
}

impl<'a> Permit<'a> {
    /// Who was let through, under the plan that has let them through.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
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
    /// Organization, role, team or permission is not theirs, no person is behind the call where one has to be, teams were chosen
    /// where none may be, or a rule denies it to them. Nobody is told that such a thing
    /// exists.
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
        /// Meters on which the current plan includes nothing.
        meters: BTreeSet<String>,
    },
    /// The caller may, but not with these arguments.
    #[error("these arguments are not allowed")]
    Arguments,
    /// The arguments are larger than a rule looks at, so nobody can say whether they are allowed.
    #[error("the arguments are too large to be looked at")]
    TooLarge,
    /// It could not be decided, which is never a yes.
    #[error("it could not be decided")]
    Undecided,
}

/// What a denial means for a request before it is read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtPreflight {
    /// It goes on; what is denied is answered inside the protocol.
    Passes,
    /// 403 with a challenge: the client can ask for more scopes.
    AsksForScopes,
    /// 503: nobody can say whether it may go on.
    Unavailable,
}

impl Denial {
    /// The word for it, on record and in explanations.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Scope { .. } => "scope_missing",
            Self::Plan { .. } => "plan_too_small",
            Self::Arguments => "arguments_refused",
            Self::TooLarge => "arguments_too_large",
            Self::Undecided => "undecided",
        }
    }

    /// What it means before the request is read to its end.
    #[must_use]
    pub const fn at_preflight(&self) -> AtPreflight {
        match self {
            Self::Scope { .. } => AtPreflight::AsksForScopes,
            Self::Undecided => AtPreflight::Unavailable,
            Self::Hidden | Self::Plan { .. } | Self::Arguments | Self::TooLarge => AtPreflight::Passes,
        }
    }

    /// Whether lists show the thing all the same: the client can ask for more scopes, the person for a larger plan, and
    /// other arguments may be allowed.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        !matches!(self, Self::Hidden | Self::Undecided)
    }
}

/// Hears of every check that is made.
pub(super) trait Witness {
    /// Whether it wants to hear of those, too, that no longer change anything.
    const HEARS_ALL: bool;

    /// Hears what came of one.
    fn hear(&mut self, check: &Check, finding: &Finding);
}

impl Witness for () {
    const HEARS_ALL: bool = false;

    fn hear(&mut self, _: &Check, _: &Finding) {}
}

/// Decides whether the caller may, with these arguments; `None` are no arguments. Pure: the same caller, guard and
/// arguments have the same outcome.
///
/// # Errors
/// The first denial in the order person, organization, role, team and permission; what expressions ask of the caller; scopes; the
/// plan; what expressions ask of the arguments.
pub fn decide<'a>(caller: &'a Caller, action: Action<'a>, arguments: Option<&Arguments>) -> Result<Permit<'a>, Denial> {
    let caller = settle(caller, action.guard, KnownArguments::These(arguments))?;
    Ok(Permit { caller, action })
}

/// The same decision before the arguments are known: what depends on them counts as met. Nothing can be run with it.
///
/// # Errors
/// As [`decide`].
pub fn foresee(caller: &Caller, guard: &Guard) -> Result<(), Denial> {
    settle(caller, guard, KnownArguments::Nothing).map(drop)
}

/// The caller under the plan that opens a thing behind this guard, as far as is known before the arguments are: their own, unless it
/// opens only what changes nothing any more, and what everybody has opens this one.
#[must_use]
pub fn standing<'a>(caller: &'a Caller, guard: &Guard) -> Cow<'a, Caller> {
    settle(caller, guard, KnownArguments::Nothing).unwrap_or(Cow::Borrowed(caller))
}

/// Under which plan the caller may. Whoever has paid before is let through wherever whoever never paid is.
fn settle<'a>(caller: &'a Caller, guard: &Guard, known: KnownArguments<'_>) -> Result<Cow<'a, Caller>, Denial> {
    match judge(caller, guard, known, &mut ()) {
        Ok(()) => Ok(Cow::Borrowed(caller)),
        Err(denial @ Denial::Plan { .. }) => {
            let free = under_free(caller).filter(|other| judge(other, guard, known, &mut ()).is_ok());
            free.map(Cow::Owned).ok_or(denial)
        }
        Err(denial) => Err(denial),
    }
}

/// The caller under what everybody has, if their own plan opens only what changes nothing any more.
pub(super) fn under_free(caller: &Caller) -> Option<Caller> {
    let free = caller.subscription()?.free.as_deref()?;
    Some(host::with_subscription(caller, free.clone()))
}

/// Whether a thing behind this guard is shown to the caller.
#[must_use]
pub fn is_listed(caller: &Caller, guard: &Guard) -> bool {
    foresee(caller, guard).err().is_none_or(|denial| denial.is_listed())
}

/// Whether the caller must not know of a thing behind this guard.
#[must_use]
pub fn is_hidden(caller: &Caller, guard: &Guard) -> bool {
    matches!(foresee(caller, guard), Err(Denial::Hidden))
}

/// Goes through the checks. They stand in the order in which denials go before each other, so the first one counts.
pub(super) fn judge<W: Witness>(
    caller: &Caller,
    guard: &Guard,
    known: KnownArguments<'_>,
    witness: &mut W,
) -> Result<(), Denial> {
    let mut first = Ok(());
    for check in guard.checks() {
        let finding = match check.need.look(caller, known) {
            // What is counted is opened by a plan, too.
            Finding::Met
                if matches!(check.need, Need::Plan { .. } | Need::Meters(_)) && !guard.suits_standing(caller) =>
            {
                Finding::Unmet
            }
            finding => finding,
        };
        witness.hear(check, &finding);
        if let Some(denial) = denial(check, finding, caller, guard) {
            if !W::HEARS_ALL {
                return Err(denial);
            }
            first = first.and(Err(denial));
        }
    }
    first
}

fn denial(check: &Check, finding: Finding, caller: &Caller, guard: &Guard) -> Option<Denial> {
    match finding {
        Finding::Met | Finding::Open => None,
        Finding::TooMuch => Some(Denial::TooLarge),
        Finding::Failed(_) => {
            // What went wrong may repeat what was sent, so the log says only where.
            tracing::warn!(access.rule = %check.origin, "an expression could not be evaluated, so nobody is let through");
            Some(Denial::Undecided)
        }
        Finding::Unmet => Some(match (&check.need, check.stage) {
            (Need::Scopes(_), _) => Denial::Scope { missing: caller.scopes().missing(guard.scopes()) },
            (Need::Plan { plans, entitlements }, _) => {
                let own = caller.subscription().map(|plan| &plan.entitlements);
                let is_lacking = |name: &&String| own.is_none_or(|own| !own.contains(*name));
                let lacking = entitlements.iter().filter(is_lacking).cloned().collect();
                Denial::Plan { plans: plans.clone(), entitlements: lacking, meters: BTreeSet::new() }
            }
            (Need::Meters(meters), _) => {
                let own = caller.subscription().map(|plan| &plan.quotas);
                let is_lacking = |name: &&String| own.is_none_or(|own| !own.contains_key(*name));
                let meters = meters.iter().filter(is_lacking).cloned().collect();
                Denial::Plan { plans: BTreeSet::new(), entitlements: BTreeSet::new(), meters }
            }
            (_, Stage::Arguments) => Denial::Arguments,
            _ => Denial::Hidden,
        }),
    }
}
