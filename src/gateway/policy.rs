//! `[[access]]` of the file, checked against what else there is.

use std::collections::BTreeSet;

use belgie_api::plugin::{MountParts, ScopeInfo};
use belgie_api::resource::{OF_ORGANIZATION, SHARED};
use belgie_api::{Plans, Plugin, Rule, Scope};

use crate::access::{Policy, RawEntry};
use crate::config::{AccessEntry, Draft, unknown_meters};

/// Compiles the entries and notes what is wrong with them.
pub fn compile(draft: &Draft, plugins: &[Box<dyn Plugin>], core_scopes: &[ScopeInfo]) -> Policy {
    let of_plugins = plugins.iter().flat_map(|plugin| plugin.manifest().scopes);
    let all = of_plugins.chain(core_scopes.iter().chain(draft.scopes()).cloned());
    let explained: BTreeSet<String> =
        all.filter(|scope| is_had_here(scope, draft.base())).map(|scope| scope.name.into_owned()).collect();
    for (index, entry) in draft.access().iter().enumerate() {
        for scope in entry.rule.scopes().iter().filter(|scope| !explained.contains(scope.as_str())) {
            draft.complain(
                &format!("access[{index}].scopes"),
                format!("nobody explains the scope `{scope}`, so no consent page could offer it"),
                "name a scope that `belgie surface` shows, or explain this one with a [[scope]]",
            );
        }
    }
    for (index, plan) in draft.plans().all().iter().enumerate() {
        for scope in plan.scopes.iter().filter(|scope| !explained.contains(scope.as_str())) {
            draft.complain(
                &format!("plan[{index}].scopes"),
                format!("nobody explains the scope `{scope}`, so no consent page could offer it"),
                "name a scope that `belgie surface` shows, or explain this one with a [[scope]]",
            );
        }
    }
    complain_of_plans(draft, knows_more_plans(plugins));
    match Policy::compile(draft.access().iter().map(raw)) {
        Ok(policy) => policy.with_plans(draft.plans().all()),
        Err(mistakes) => {
            for (index, mistake) in mistakes {
                draft.complain(
                    &format!("access[{index}].when"),
                    format!("this expression does not work: {mistake}"),
                    "write a condition such as `arguments.amount < 100`",
                );
            }
            Policy::default()
        }
    }
}

/// Whether a token for an endpoint of ours can have it. `base`: our public address, without a slash at its end.
fn is_had_here(scope: &ScopeInfo, base: &str) -> bool {
    let is_ours = |place: &String| [SHARED, OF_ORGANIZATION].contains(&place.strip_prefix(base).unwrap_or(place));
    scope.resources.is_empty() || scope.resources.iter().any(is_ours)
}

/// Whether an application brings plans that are not in the file.
pub fn knows_more_plans(plugins: &[Box<dyn Plugin>]) -> bool {
    plugins.iter().any(|plugin| plugin.knows_more_plans())
}

/// Plans and features that no `[[plan]]` has: nobody could ever meet the entry. Without any, whoever sells plans knows them; and
/// with `more` of them elsewhere, only those meet it. Meters stand in the file alone.
fn complain_of_plans(draft: &Draft, more: bool) {
    let plans = draft.plans();
    if plans.all().is_empty() {
        return;
    }
    let known = plans.all().iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>().join(", ");
    for (index, entry) in draft.access().iter().enumerate() {
        for plan in entry.rule.plans().iter().filter(|plan| !more && plans.find(plan).is_none()) {
            let remedy = format!(
                "name a [[plan]] of this file: {known}; or give the plugin that sells plans a source that knows it \
                 (`Stripe::default().plans(source)`)"
            );
            draft.complain(&format!("access[{index}].plans"), format!("there is no plan `{plan}`"), remedy);
        }
        let is_opened = |feature: &String| plans.all().iter().any(|plan| plan.entitlements.contains(feature));
        for feature in entry.rule.entitlements().iter().filter(|feature| !more && !is_opened(feature)) {
            draft.complain(
                &format!("access[{index}].entitlements"),
                format!("no plan opens `{feature}`"),
                "add it to the `entitlements` of a [[plan]]",
            );
        }
        for meter in unknown_meters(plans, entry.rule.meters().keys()) {
            let remedy = format!("add [[meter]] with name = \"{meter}\" and [plan.quotas.{meter}] to a plan");
            draft.complain(&format!("access[{index}].meter"), format!("there is no meter `{meter}`"), remedy);
        }
    }
}

/// The same of rules in code, one sentence each.
pub fn unknown_plans(plans: &Plans, all: &MountParts, more: bool) -> Vec<String> {
    if plans.all().is_empty() {
        return Vec::new();
    }
    let of_tools = all.tools.iter().filter_map(|tool| tool.rule.as_ref());
    let of_servers = all.guarded.iter().flat_map(|server| std::iter::once(&server.rule).chain(server.tools.values()));
    let rules: Vec<&Rule> = of_tools.chain(of_servers).collect();
    let asked: BTreeSet<&String> = rules.iter().flat_map(|rule| rule.plans()).collect();
    let unknown = asked.into_iter().filter(|plan| !more && plans.find(plan).is_none());
    let meters = unknown_meters(plans, rules.iter().flat_map(|rule| rule.meters().keys()));
    unknown
        .map(|plan| format!("a rule asks for the plan `{plan}`, which no [[plan]] is"))
        .chain(meters.into_iter().map(|meter| format!("a rule counts on the meter `{meter}`, which no [[meter]] is")))
        .collect()
}

fn raw(entry: &AccessEntry) -> RawEntry<'_> {
    RawEntry { names: &entry.tools, rule: &entry.rule, when: entry.when.as_deref() }
}

/// Entries that are for nothing there is, one sentence each. Prompts, resources and most tools of wrapped servers are known
/// only when they are asked for, so with such a server nothing is said.
pub fn idle(policy: &Policy, all: &MountParts) -> Vec<String> {
    if !all.guarded.is_empty() {
        return Vec::new();
    }
    let names = all.tools.iter().map(|tool| tool.tool.name.as_ref());
    let say = |(index, name): (usize, String)| {
        format!("access[{index}].tools: there is nothing here that `{name}` could mean, so it protects nothing")
    };
    policy.idle_patterns(names).into_iter().map(say).collect()
}

/// Scopes that a rule asks for and nobody explains: no consent page could ever offer them.
pub fn unexplained_scopes(all: &MountParts, scopes: &[ScopeInfo], base: &str) -> Vec<String> {
    let tool_rules = all.tools.iter().filter_map(|tool| tool.rule.as_ref());
    let guard_rules =
        all.guarded.iter().flat_map(|guarded| std::iter::once(&guarded.rule).chain(guarded.tools.values()));
    let asked: BTreeSet<&Scope> = tool_rules.chain(guard_rules).flat_map(|rule| rule.scopes().iter()).collect();
    asked
        .into_iter()
        .filter(|scope| !scopes.iter().any(|known| known.name == scope.as_str() && is_had_here(known, base)))
        .map(|scope| {
            format!(
                "a rule asks for the scope `{scope}`, which nobody explains for the endpoints of this host: add it with \
                 `Builder::scope` or [[scope]]"
            )
        })
        .collect()
}
