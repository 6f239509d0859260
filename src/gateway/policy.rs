//! `[[access]]` of the file, checked against what else there is.

use std::collections::BTreeSet;

use belgie_api::Plugin;
use belgie_api::plugin::{MountParts, ScopeInfo};

use crate::access::{Policy, RawEntry};
use crate::config::{AccessEntry, Draft};

/// Compiles the entries and notes what is wrong with them.
pub fn compile(draft: &Draft, plugins: &[Box<dyn Plugin>], core_scopes: &[ScopeInfo]) -> Policy {
    let of_plugins = plugins.iter().flat_map(|plugin| plugin.manifest().scopes);
    let explained: BTreeSet<String> =
        of_plugins.chain(core_scopes.iter().cloned()).map(|scope| scope.name.into_owned()).collect();
    for (index, entry) in draft.access().iter().enumerate() {
        for scope in entry.rule.scopes().iter().filter(|scope| !explained.contains(scope.as_str())) {
            draft.complain(
                &format!("access[{index}].scopes"),
                format!("nobody explains the scope `{scope}`, so no consent page could offer it"),
                "name a scope that `belgie surface` shows, or let a plugin or the application explain this one",
            );
        }
    }
    match Policy::compile(draft.access().iter().map(raw)) {
        Ok(policy) => policy,
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
