//! The decision at work, in words: what every rule asks, what the caller has, and what comes of it in each place. It is the
//! deciding itself that is heard here, not an account of it.

use belgie_api::context::TeamContext;
use belgie_api::{Caller, ScopeSet};
use serde::Serialize;

use super::decide::{AtPreflight, Denial, Witness, judge, under_free};
use super::expression::Arguments;
use super::guard::{Check, Finding, Guard, KnownArguments, Need, Origin};

/// What came of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The rule it belongs to: `code`, or `access[2]` of the file.
    pub rule: String,
    /// What the rule asks for.
    pub needed: String,
    /// What the caller has.
    pub has: String,
    /// `met`, `not met`, `open` (nobody knows before the arguments are there) or `failed`.
    pub outcome: &'static str,
    /// Why it failed.
    pub because: Option<String>,
}

/// What comes of it in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// A word for programs.
    pub outcome: &'static str,
    /// A sentence for people.
    pub says: String,
}

/// A decision with everything that led to it.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// Where the rules stand that were asked, in their order.
    pub rules: Vec<String>,
    /// Every check, in the order in which denials go before each other.
    pub steps: Vec<Step>,
    /// Before the request is read to its end.
    pub preflight: Column,
    /// In lists.
    pub list: Column,
    /// In the call.
    pub call: Column,
}

/// Decides and says how. `arguments`: those of the call, when they are known.
#[must_use]
pub fn trace(caller: &Caller, guard: &Guard, arguments: Option<&Arguments>) -> Trace {
    let known = arguments.map_or(KnownArguments::Nothing, |arguments| KnownArguments::These(Some(arguments)));
    // Where what everybody has opens it, that is what is explained.
    let is_closed = matches!(judge(caller, guard, known, &mut ()), Err(Denial::Plan { .. }));
    let free = under_free(caller).filter(|free| is_closed && judge(free, guard, known, &mut ()).is_ok());
    let caller = free.as_ref().unwrap_or(caller);
    let mut heard = Heard { caller, steps: Vec::new(), is_open: false };
    let foreseen =
        judge(caller, guard, KnownArguments::Nothing, &mut Heard { caller, steps: Vec::new(), is_open: false });
    let called = judge(caller, guard, known, &mut heard);
    Trace {
        rules: guard.origins().iter().map(Origin::to_string).collect(),
        preflight: at_preflight(foreseen.as_ref().err()),
        list: in_list(foreseen.as_ref().err()),
        call: in_call(called.err().as_ref(), heard.is_open),
        steps: heard.steps,
    }
}

struct Heard<'a> {
    caller: &'a Caller,
    steps: Vec<Step>,
    is_open: bool,
}

impl Witness for Heard<'_> {
    const HEARS_ALL: bool = true;

    fn hear(&mut self, check: &Check, finding: &Finding) {
        let (outcome, because) = match finding {
            Finding::Met => ("met", None),
            Finding::Unmet => ("not met", None),
            Finding::Open => ("open", None),
            Finding::TooMuch => {
                ("failed", Some("there is more in the arguments than an expression looks at".to_owned()))
            }
            Finding::Failed(reason) => ("failed", Some(reason.clone())),
        };
        self.is_open |= *finding == Finding::Open;
        self.steps.push(Step {
            rule: check.origin.to_string(),
            needed: needed(&check.need),
            has: has(&check.need, self.caller, finding),
            outcome,
            because,
        });
    }
}

fn at_preflight(denial: Option<&Denial>) -> Column {
    match denial.map(Denial::at_preflight) {
        None | Some(AtPreflight::Passes) => Column { outcome: "passes", says: "The request is let in.".to_owned() },
        Some(AtPreflight::AsksForScopes) => {
            let missing = denial.and_then(missing).unwrap_or_default();
            let says = format!("403 insufficient_scope: the client is asked to come back with the scopes {missing}.");
            Column { outcome: "insufficient_scope", says }
        }
        Some(AtPreflight::Unavailable) => {
            Column { outcome: "unavailable", says: "503: it could not be decided.".to_owned() }
        }
    }
}

fn in_list(denial: Option<&Denial>) -> Column {
    match denial {
        None => Column { outcome: "listed", says: "It is listed.".to_owned() },
        Some(denial) if denial.is_listed() => {
            Column { outcome: "listed", says: "It is listed: what is missing can be got.".to_owned() }
        }
        Some(_) => Column { outcome: "hidden", says: "It is not listed.".to_owned() },
    }
}

fn in_call(denial: Option<&Denial>, is_open: bool) -> Column {
    let outcome = denial.map_or(if is_open { "open" } else { "allowed" }, Denial::word);
    let says = match denial {
        None if is_open => "It runs if the arguments are allowed.".to_owned(),
        None => "It runs.".to_owned(),
        Some(Denial::Hidden) => "It is as unknown as something that never was.".to_owned(),
        Some(Denial::Scope { missing }) => format!("It is refused: the scopes {missing} are missing."),
        Some(Denial::Plan { .. }) => "It is refused: the plan does not include it.".to_owned(),
        Some(Denial::Arguments) => "It is refused: it is not allowed with these arguments.".to_owned(),
        Some(Denial::TooLarge) => "It is refused: the arguments are larger than a rule looks at.".to_owned(),
        Some(Denial::Undecided) => "It ends with an internal error, and nothing runs.".to_owned(),
    };
    Column { outcome, says }
}

fn missing(denial: &Denial) -> Option<ScopeSet> {
    match denial {
        Denial::Scope { missing } => Some(missing.clone()),
        _ => None,
    }
}

fn needed(need: &Need) -> String {
    match need {
        Need::Impossible => "a scope that is none, which nobody has".to_owned(),
        Need::Person => "a person behind the call".to_owned(),
        Need::AllTeams => "to act for no chosen teams alone".to_owned(),
        Need::PermissionsThere(all) => format!("in an organization the permission {}", every(all)),
        Need::Organization => "to act for an organization".to_owned(),
        Need::Organizations { ids, slugs } => {
            format!("to act for {}", any(slugs.iter().cloned().chain(ids.iter().map(ToString::to_string))))
        }
        Need::Roles(roles) => format!("the role {}", any(roles)),
        Need::Permissions(all) => format!("the permission {}", every(all)),
        Need::Teams(teams) => format!("to be in the team {}", any(teams)),
        Need::Scopes(scopes) => format!("the scope {}", every(scopes.iter().map(belgie_api::Scope::as_str))),
        Need::Plan { plans, entitlements } => {
            let plans = (!plans.is_empty()).then(|| format!("the plan {}", any(plans)));
            let features = (!entitlements.is_empty()).then(|| format!("a plan with {}", every(entitlements)));
            plans.into_iter().chain(features).collect::<Vec<_>>().join(", and ")
        }
        Need::Meters(meters) => format!("a plan that includes {}", every(meters)),
        Need::OfCaller(expression) if expression.looks_at_arguments() => {
            format!("what `{}` asks of the caller", expression.text())
        }
        Need::OfArguments(expression) if expression.looks_at_caller() => {
            format!("what `{}` asks of the arguments", expression.text())
        }
        Need::OfCaller(expression) | Need::OfArguments(expression) => format!("`{}`", expression.text()),
        Need::Not(needs) if needs.is_empty() => "what nobody has: it is denied to everybody".to_owned(),
        Need::Not(needs) => {
            let needs: Vec<String> = needs.iter().map(needed).collect();
            format!("to be none of those it is denied to: {}", needs.join(", and "))
        }
    }
}

fn has(need: &Need, caller: &Caller, finding: &Finding) -> String {
    let nothing = || "acts for no organization".to_owned();
    let organization = caller.organization();
    let of_organization =
        |what: &dyn Fn(&belgie_api::context::OrgContext) -> String| organization.map_or_else(nothing, what);
    match need {
        Need::Impossible => "nothing that would do".to_owned(),
        Need::Person => caller
            .service()
            .map_or_else(|| "a person".to_owned(), |service| format!("the service {}, and no person", service.name)),
        Need::AllTeams => match caller.principal().binding().teams.len() {
            0 => "acts for no chosen teams".to_owned(),
            chosen => format!("acts for chosen teams alone, {chosen} of them"),
        },
        Need::Organization => of_organization(&|own| format!("acts for {}", own.slug)),
        Need::Organizations { .. } => of_organization(&|own| match list("once", &own.former_slugs) {
            _ if own.former_slugs.is_empty() => format!("acts for {} ({})", own.slug, own.id),
            once => format!("acts for {} ({}, {once})", own.slug, own.id),
        }),
        Need::Roles(_) => of_organization(&|own| format!("{}: {}", own.slug, list("the role", &own.roles))),
        Need::Permissions(_) | Need::PermissionsThere(_) => {
            of_organization(&|own| format!("{}: {}", own.slug, list("the permission", &own.permissions)))
        }
        Need::Teams(_) => {
            let teams: Vec<&str> = caller.teams().iter().map(|TeamContext { slug, .. }| slug.as_str()).collect();
            of_organization(&|own| format!("{}: {}", own.slug, list("the team", &teams)))
        }
        Need::Scopes(_) => list("the scope", caller.scopes().iter().map(belgie_api::Scope::as_str)),
        Need::Plan { .. } => caller.subscription().map_or_else(
            || "no plan".to_owned(),
            |plan| format!("the plan {} with {}", plan.plan, list("the feature", &plan.entitlements)),
        ),
        Need::Meters(_) => caller.subscription().map_or_else(
            || "no plan".to_owned(),
            |plan| format!("the plan {}, which includes {}", plan.plan, list("the meter", plan.quotas.keys())),
        ),
        Need::OfCaller(_) | Need::OfArguments(_) => match finding {
            Finding::Met => "just that".to_owned(),
            Finding::Unmet => "something else".to_owned(),
            Finding::Open => "no arguments yet".to_owned(),
            Finding::TooMuch => "more than it looks at".to_owned(),
            Finding::Failed(_) => "something that it cannot be asked of".to_owned(),
        },
        Need::Not(needs) if needs.is_empty() => "nothing that would help".to_owned(),
        Need::Not(needs) => {
            let is_plain = |need: &&Need| !matches!(need, Need::OfCaller(_) | Need::OfArguments(_));
            let has: Vec<String> = needs.iter().filter(is_plain).map(|need| has(need, caller, finding)).collect();
            let turned = match finding {
                Finding::Met => "so it is not denied",
                Finding::Unmet => "so it is denied",
                Finding::Open => "and no arguments yet",
                Finding::TooMuch => "and more arguments than it looks at",
                Finding::Failed(_) => "something that it cannot be asked of",
            };
            has.into_iter().chain([turned.to_owned()]).collect::<Vec<_>>().join("; ")
        }
    }
}

fn any(texts: impl IntoIterator<Item: AsRef<str>>) -> String {
    joined(texts, " or ")
}

fn every(texts: impl IntoIterator<Item: AsRef<str>>) -> String {
    joined(texts, " and ")
}

fn list(what: &str, texts: impl IntoIterator<Item: AsRef<str>>) -> String {
    let texts = joined(texts, ", ");
    if texts.is_empty() { format!("no {}", what.trim_start_matches("the ")) } else { format!("{what} {texts}") }
}

fn joined(texts: impl IntoIterator<Item: AsRef<str>>, between: &str) -> String {
    texts.into_iter().map(|text| text.as_ref().to_owned()).collect::<Vec<_>>().join(between)
}
