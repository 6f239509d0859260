//! What came of the play.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::expect::{Broken, shorten};

/// What came of the whole play.
#[derive(Clone, Debug)]
pub struct Report {
    /// The steps that were taken, in order; a broken one is the last.
    pub steps: Vec<StepReport>,
    /// How long all of it took.
    pub took: Duration,
}

/// What came of one step.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// The part of the play it belongs to, for people.
    pub chapter: &'static str,
    /// Its name for machines; it does not change.
    pub name: &'static str,
    /// What happens, for people.
    pub title: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What was seen on the way.
    pub notes: Notes,
    /// What went wrong, if something did.
    pub broken: Option<Broken>,
}

/// Facts worth showing, in order. Secrets in them are shortened already.
#[derive(Clone, Debug, Default)]
pub struct Notes(Vec<(&'static str, String)>);

impl Notes {
    /// Notes a fact.
    pub fn add(&mut self, label: &'static str, fact: impl Into<String>) {
        self.0.push((label, fact.into()));
    }

    /// Notes that a secret was seen, without telling it.
    pub fn add_secret(&mut self, label: &'static str, secret: &str) {
        self.add(label, shorten(secret));
    }

    /// Labels and facts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(label, fact)| (*label, fact.as_str()))
    }

    /// The fact under this label, if it was noted.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == label).map(|(_, fact)| fact)
    }

    fn to_json(&self) -> Map<String, Value> {
        self.iter().map(|(label, fact)| (label.to_ascii_lowercase().replace(' ', "_"), fact.into())).collect()
    }
}

impl Report {
    /// Whether every step held what it promises.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.broken.is_none())
    }

    /// The report for machines: `{ok, ms, steps: [{name, ms, ok, details}]}`; the details of a broken step also have
    /// `expected` and `came`. Times are in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(StepReport::to_json).collect();
        json!({ "ok": self.is_ok(), "ms": milliseconds(self.took), "steps": steps })
    }
}

impl StepReport {
    fn to_json(&self) -> Value {
        let mut details = self.notes.to_json();
        if let Some(Broken { expected, came }) = &self.broken {
            details.insert("expected".to_owned(), expected.as_str().into());
            details.insert("came".to_owned(), came.as_str().into());
        }
        json!({
            "name": self.name,
            "ms": milliseconds(self.took),
            "ok": self.broken.is_none(),
            "details": details,
        })
    }
}

/// To a microsecond; finer digits are noise.
fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}
