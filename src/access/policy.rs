//! `[[access]]` of the operator's file: rules for things by their names, beside those in code. They add up, so the file can
//! narrow what code allows and never widen it.

use std::sync::Arc;

use belgie_api::Rule;

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
        if mistakes.is_empty() { Ok(Self { entries: compiled.into() }) } else { Err(mistakes) }
    }

    /// Whether the file says anything at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the file says anything about a thing of this name.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.is_for(name))
    }

    /// Everything that stands before a thing of this name, whose own rule is `rule`.
    #[must_use]
    pub fn guard(&self, rule: &Rule, name: &str) -> Guard {
        let mut guard = Guard::of(rule);
        for (index, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.is_for(name)) {
            guard.add(Origin::File(index), &entry.rule, entry.when.as_ref());
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
