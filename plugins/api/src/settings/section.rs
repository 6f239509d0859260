//! A TOML table being read: what it holds, what was asked of it, and what is left over.

use std::{collections::BTreeSet, fmt};

use super::{
    Ledger, Origin, Problem,
    ledger::place,
    nearest::nearest,
    raw::{Fault, Found, Raw, Shape},
};

/// One table of the configuration. Every method named after a kind of value reads one key of it; a bad value is
/// noted in the ledger and the default returned, so that reading goes on.
///
/// Reading ends with [`finish`](Self::finish), which reports the keys nobody asked for. Sections opened inside another
/// with [`section`](Self::section), [`children`](Self::children) and [`tables`](Self::tables) are finished for you.
#[derive(Clone)]
pub struct Section {
    path: String,
    table: toml::Table,
    known: BTreeSet<String>,
    /// Entries of a `[[list]]` have no name of their own, hence no environment variables.
    has_variables: bool,
    ledger: Ledger,
}

/// What came of looking at a key.
pub(super) enum Attempt<T> {
    Absent,
    Bad,
    Good(T, Origin),
}

impl Section {
    /// The table at `path` (empty for the whole file), reporting to `ledger`.
    #[must_use]
    pub fn new(path: impl Into<String>, table: toml::Table, ledger: &Ledger) -> Self {
        Self { path: path.into(), table, known: BTreeSet::new(), has_variables: true, ledger: ledger.clone() }
    }

    /// Where this table is, such as `session` or `plugins.oauth-server`; empty for the whole file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The book this section reports to.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The full path of `key` in this section.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Accepts `variable` (a full name) as another environment variable for `key`. Say so before reading `key`.
    pub fn alias(&mut self, key: &str, variable: &str) {
        self.ledger.alias(&self.path_of(key), variable);
    }

    /// Notes a problem with `key`, for checks that compare several values.
    pub fn complain(&self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.ledger.complain(&self.path_of(key), message, remedy);
    }

    /// Notes that `key` must be given when it was not. A value that was given but bad is not reported twice.
    ///
    /// Hands `value` back, so that it wraps the reading: `let id = s.opt_string("client_id")` and then
    /// `let id = s.require("client_id", id, "the id Google gave your application")`.
    pub fn require<T>(&self, key: &str, value: Option<T>, what: &str) -> Option<T> {
        let path = self.path_of(key);
        if value.is_none() && self.ledger.is_unset(&path) {
            let variable =
                if self.has_variables { format!(" or {}", super::environment_name(&path)) } else { String::new() };
            self.ledger.add(Problem::new(
                &path,
                "it is required and not set",
                format!("set `{path}`{variable} to {what}"),
            ));
        }
        value
    }

    /// Replaces how the value of `key`, already read, is shown in the effective configuration.
    pub fn show_as(&self, key: &str, shown: &str) {
        let path = self.path_of(key);
        let origin = self.ledger.origin(&path).unwrap_or(Origin::Default);
        self.ledger.record(&path, Some(super::raw::quoted(shown)), origin);
    }

    /// Reads the sub-table `key`, which may be absent, with `read`, and finishes it.
    pub fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Section) -> T) -> T {
        self.known.insert(key.to_owned());
        let table = match self.table.get(key) {
            None => toml::Table::new(),
            Some(toml::Value::Table(table)) => table.clone(),
            Some(_) => {
                let path = self.path_of(key);
                self.ledger.add(Problem::new(&path, "expected a table", format!("write it as a table: [{path}]")));
                toml::Table::new()
            }
        };
        let mut section = self.child(self.path_of(key), table, self.has_variables);
        let value = read(&mut section);
        section.finish();
        value
    }

    /// The sub-tables of `key` under the names the operator chose (`[upstreams.notes]`), in order of name.
    /// Call [`finish`](Self::finish) on each once it is read.
    #[must_use]
    pub fn children(&mut self, key: &str) -> Vec<(String, Section)> {
        self.section(key, |parent| {
            let table = std::mem::take(&mut parent.table);
            let entries = table.into_iter().filter_map(|(name, value)| {
                let path = parent.path_of(&name);
                if let toml::Value::Table(table) = value {
                    Some((name, parent.child(path, table, parent.has_variables)))
                } else {
                    parent.ledger.add(Problem::new(
                        &path,
                        "expected a table",
                        format!("write it as a table: [{path}]"),
                    ));
                    None
                }
            });
            entries.collect()
        })
    }

    /// The tables of this very section under the names the operator chose (`[plugins.oauth-client.acme]`), in order of
    /// name: every table that no reader has asked for before. Call [`finish`](Self::finish) on each once it is read.
    #[must_use]
    pub fn named_tables(&mut self) -> Vec<(String, Section)> {
        let tables = self.table.iter().filter(|(name, _)| !self.known.contains(*name));
        let tables = tables.filter_map(|(name, value)| Some((name.clone(), value.as_table()?.clone())));
        let tables: Vec<(String, toml::Table)> = tables.collect();
        self.known.extend(tables.iter().map(|(name, _)| name.clone()));
        let open = |(name, table): (String, toml::Table)| {
            let section = self.child(self.path_of(&name), table, self.has_variables);
            (name, section)
        };
        tables.into_iter().map(open).collect()
    }

    /// Reads every entry of the list of tables `[[key]]` with `read`, in the order of the file, and finishes each.
    pub fn tables<T>(&mut self, key: &str, mut read: impl FnMut(&mut Section) -> T) -> Vec<T> {
        self.known.insert(key.to_owned());
        let path = self.path_of(key);
        let wrong =
            || Problem::new(&path, "expected a list of tables", format!("write every entry as a table: [[{path}]]"));
        let items = match self.table.get(key) {
            None => Vec::new(),
            Some(toml::Value::Array(items)) => items.clone(),
            Some(_) => {
                self.ledger.add(wrong());
                Vec::new()
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            if let toml::Value::Table(table) = item {
                let mut section = self.child(format!("{path}[{index}]"), table, false);
                values.push(read(&mut section));
                section.finish();
            } else {
                self.ledger.add(wrong());
            }
        }
        values
    }

    /// Ends the reading: notes every key that nobody asked for, with the nearest known key.
    pub fn finish(self) {
        for key in self.table.keys().filter(|key| !self.known.contains(*key)) {
            let names = self.known.iter().map(String::as_str);
            let elsewhere = || self.ledger.key_named(key).filter(|path| *path != self.path_of(key));
            let hint = nearest(key, names.clone()).map(str::to_owned).or_else(elsewhere);
            let hint = hint.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let known = match names.collect::<Vec<_>>().as_slice() {
                [] => "none".to_owned(),
                names => names.join(", "),
            };
            self.ledger.add(Problem::new(self.path_of(key), "unknown key", format!("{hint}Known here: {known}")));
        }
    }

    /// Looks at `key`, notes a problem if it is not of this shape, and records the value if it is.
    pub(super) fn attempt<T>(&mut self, key: &str, usual: Option<&T>, shape: &Shape<'_, T>) -> Attempt<T> {
        let path = self.path_of(key);
        let Some(found) = self.find(key) else {
            return Attempt::Absent;
        };
        match (shape.read)(&found.raw) {
            Ok(value) => {
                self.ledger.record(&path, Some((shape.show)(&value)), found.origin.clone());
                Attempt::Good(value, found.origin)
            }
            Err(_) if usual.is_none() && found.raw.is_blank() => Attempt::Absent,
            Err(fault) => {
                let message = match fault {
                    Fault::Kind => {
                        format!("expected {}, found {}", shape.expected, found.raw.kind())
                    }
                    Fault::Because(reason) => reason,
                };
                let otherwise =
                    usual.map_or_else(String::new, |value| format!(" for the default, {}", (shape.show)(value)));
                let remedy = format!("set it to {}, or take it out{otherwise}", shape.expected);
                self.ledger.add(Problem::new(place(&path, &found.origin), message, remedy));
                Attempt::Bad
            }
        }
    }

    /// Reads `key`; `usual` when it is absent or bad.
    pub(super) fn usually<T>(&mut self, key: &str, usual: T, shape: &Shape<'_, T>) -> T {
        match self.attempt(key, Some(&usual), shape) {
            Attempt::Good(value, _) => value,
            Attempt::Bad => usual,
            Attempt::Absent => {
                self.ledger.record(&self.path_of(key), Some((shape.show)(&usual)), Origin::Default);
                usual
            }
        }
    }

    /// Reads `key`; `None` when it is absent, blank or bad.
    pub(super) fn maybe<T>(&mut self, key: &str, shape: &Shape<'_, T>) -> Option<T> {
        match self.attempt(key, None, shape) {
            Attempt::Good(value, _) => Some(value),
            Attempt::Bad => None,
            Attempt::Absent => {
                self.ledger.record(&self.path_of(key), None, Origin::Default);
                None
            }
        }
    }

    fn find(&mut self, key: &str) -> Option<Found> {
        self.known.insert(key.to_owned());
        let in_file = self.table.get(key).cloned();
        if self.has_variables {
            self.ledger.find(&self.path_of(key), in_file)
        } else {
            in_file.map(|value| Found { raw: Raw::Toml(value), origin: Origin::File })
        }
    }

    fn child(&self, path: String, table: toml::Table, has_variables: bool) -> Self {
        Self { path, table, known: BTreeSet::new(), has_variables, ledger: self.ledger.clone() }
    }
}

impl fmt::Debug for Section {
    // The table may hold secrets, so only its place is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("path", &self.path).finish_non_exhaustive()
    }
}
