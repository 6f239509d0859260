//! `[[access]]` of the operator's file: rules for things by their names, beside those in code. They add up, so the file can
//! narrow what code allows and never widen it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belgie_api::{Plan, Rule, Scope, access};

use super::expression::{Expression, Language};
use super::guard::{Guard, Origin};
use super::pattern::Pattern;

/// One entry, read and not yet compiled.
pub struct RawEntry<'a> {
    /// Names or patterns of tools, prompts and resources.
    pub names: &'a [String],
    /// What it asks for.
    pub rule: &'a Rule,
    /// What it asks for besides.
    pub when: Option<&'a str>,
}

/// All entries of the file, compiled.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    entries: Arc<[Entry]>,
    opened: Arc<Opened>,
}

/// What plans open: it is open under them alone.
#[derive(Debug, Default)]
struct Opened {
    names: Vec<(Pattern, String)>,
    scopes: BTreeMap<Scope, BTreeSet<String>>,
}

impl Opened {
    fn of(plans: &[Plan]) -> Self {
        let mut opened = Self::default();
        for plan in plans {
            opened.names.extend(plan.tools.iter().map(|name| (Pattern::new(name), plan.name.clone())));
            for scope in plan.scopes.iter() {
                opened.scopes.entry(scope.clone()).or_default().insert(plan.name.clone());
            }
        }
        opened
    }

    /// For each reason why a thing is open under some plans alone, those plans.
    fn plans_for(&self, guard: &Guard, name: &str) -> Vec<BTreeSet<String>> {
        let by_name = self.names.iter().filter(|(pattern, _)| pattern.matches(name)).map(|(_, plan)| plan.clone());
        let by_name: BTreeSet<String> = by_name.collect();
        let by_scope = guard.scopes().iter().filter_map(|scope| self.scopes.get(scope)).cloned();
        std::iter::once(by_name).filter(|plans| !plans.is_empty()).chain(by_scope).collect()
    }
}

#[derive(Debug)]
struct Entry {
    names: Vec<Pattern>,
    rule: Rule,
    when: Option<Arc<Expression>>,
}

impl Policy {
    /// Compiles the entries.
    ///
    /// # Errors
    /// What is wrong with their expressions: which entry, and a sentence.
    pub fn compile<'a>(entries: impl IntoIterator<Item = RawEntry<'a>>) -> Result<Self, Vec<(usize, String)>> {
        let language = Language::new();
        let (mut compiled, mut mistakes) = (Vec::new(), Vec::new());
        for (index, RawEntry { names, rule, when }) in entries.into_iter().enumerate() {
            let when = match when.map(|text| language.compile(text)).transpose() {
                Ok(when) => when.map(Arc::new),
                Err(mistake) => {
                    mistakes.push((index, mistake));
                    continue;
                }
            };
            let names = names.iter().map(|name| Pattern::new(name)).collect();
            compiled.push(Entry { names, rule: rule.clone(), when });
        }
        let entries = compiled.into();
        if mistakes.is_empty() { Ok(Self { entries, opened: Arc::default() }) } else { Err(mistakes) }
    }

    /// Adds what these plans open.
    #[must_use]
    pub fn with_plans(mut self, plans: &[Plan]) -> Self {
        self.opened = Arc::new(Opened::of(plans));
        self
    }

    /// Whether the file says anything at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.opened.names.is_empty() && self.opened.scopes.is_empty()
    }

    /// Whether the file says anything about a thing of this name.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.is_for(name))
            || !self.opened.scopes.is_empty()
            || self.opened.names.iter().any(|(pattern, _)| pattern.matches(name))
    }

    /// Everything that stands before a thing of this name, whose own rule is `rule`.
    #[must_use]
    pub fn guard(&self, rule: &Rule, name: &str) -> Guard {
        let mut guard = Guard::of(rule);
        for (index, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.is_for(name)) {
            guard.add(Origin::File(index), &entry.rule, entry.when.as_ref());
        }
        for plans in self.opened.plans_for(&guard, name) {
            let rule = plans.into_iter().fold(access(), |rule, plan| rule.plan(&plan));
            guard.add(Origin::Plans, &rule, None);
        }
        guard
    }

    /// Patterns that none of these names matches, each with its entry.
    #[must_use]
    pub fn idle_patterns<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<(usize, String)> {
        let patterns = self
            .entries
            .iter()
            .enumerate()
            .flat_map(|(index, entry)| entry.names.iter().map(move |pattern| (index, pattern)));
        let idle = patterns.filter(|(_, pattern)| !names.clone().any(|name| pattern.matches(name)));
        idle.map(|(index, pattern)| (index, pattern.to_string())).collect()
    }
}

impl Entry {
    fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }
}
