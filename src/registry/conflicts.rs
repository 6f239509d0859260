//! What two plugins must not both have.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::plugin::{Manifest, MountParts, ScopeInfo};

use super::surface::CORE_ROUTES;
use crate::db::Ledger;

/// A plugin, after it has added what it has.
pub struct Mounted {
    /// What it is.
    pub manifest: Manifest,
    /// What it added.
    pub parts: MountParts,
    /// The nouns it claims on the command line.
    pub nouns: Vec<String>,
}

/// Every clash and every rule that is missing, one line each; empty when all is well.
#[must_use]
pub fn conflicts(mounted: &[Mounted], core_scopes: &[ScopeInfo], ledgers: &[Ledger]) -> Vec<String> {
    let mut problems: Vec<String> = mounted.iter().flat_map(|plugin| plugin.parts.problems.clone()).collect();
    let mut owners = Owners::default();
    for (methods, path, _) in CORE_ROUTES {
        for method in methods.split(' ') {
            owners.claim("route", &format!("{method} {path}"), "core");
        }
    }
    for scope in core_scopes {
        owners.claim("scope", &scope.name, "core");
    }
    for plugin in mounted {
        let id = plugin.manifest.id;
        for route in &plugin.parts.routes {
            owners.claim("route", &format!("{} {}", route.method, route.path), id);
        }
        for scope in &plugin.manifest.scopes {
            owners.claim("scope", &scope.name, id);
        }
        for tool in &plugin.parts.tools {
            owners.claim("tool", &tool.tool.name, id);
        }
        for noun in &plugin.nouns {
            owners.claim("command", noun, id);
        }
    }
    problems.extend(owners.problems);
    let servers: Vec<&str> =
        mounted.iter().filter(|p| p.parts.is_authorization_server).map(|p| p.manifest.id).collect();
    if servers.len() > 1 {
        problems
            .push(format!("there can be one authorization server, and these are two or more: {}", servers.join(", ")));
    }
    problems.extend(ledgers.iter().flat_map(foreign_tables));
    problems
}

/// Who has what, and what two want.
#[derive(Default)]
struct Owners {
    owner_of: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Owners {
    fn claim(&mut self, kind: &str, name: &str, owner: &str) {
        let key = format!("{kind} {name}");
        if let Some(first) = self.owner_of.insert(key, owner.to_owned()) {
            self.problems.push(format!("the {kind} `{name}` of `{owner}` is there already: `{first}` has it"));
        }
    }
}

/// Tables whose name does not begin with the id of their owner.
fn foreign_tables(ledger: &Ledger) -> Vec<String> {
    let prefix = format!("{}_", ledger.owner.replace('-', "_"));
    let tables = ["sqlite", "postgres"].into_iter().flat_map(|engine| tables(&ledger.texts(engine)));
    tables
        .filter(|table| !table.starts_with(&prefix))
        .map(|table| format!("the table `{table}` of `{}` must begin with `{prefix}`", ledger.owner))
        .collect()
}

/// The tables that migrations create, each by the name it has in the end.
pub fn tables(texts: &[String]) -> BTreeSet<String> {
    let first_word = |rest: &str| {
        let end = |c: char| c.is_whitespace() || matches!(c, '(' | ';');
        rest.trim_start_matches("IF NOT EXISTS ").split(end).next().map(ToOwned::to_owned)
    };
    let later_name = |name: &str| {
        let words = format!("ALTER TABLE {name} RENAME TO ");
        texts.iter().find_map(|text| first_word(text.split_once(&words)?.1))
    };
    let words = texts.iter().flat_map(|text| text.split("CREATE TABLE ").skip(1));
    words.filter_map(first_word).map(|name| later_name(&name).unwrap_or(name)).collect()
}
