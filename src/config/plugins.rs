//! `[plugins.<id>]`: one table per plugin, read by the plugin itself.

use std::collections::BTreeMap;

use belgie_api::settings::{Ledger, Problem, Problems, Section};

/// Keys at the top of the file. A plugin of such a name would share its environment variables with the core.
const CORE_SECTIONS: [&str; 10] =
    ["cookie", "database", "limits", "log", "mcp", "outbound", "server", "session", "sign-up", "urls"];

/// The plugins' tables, waiting to be read.
#[derive(Clone, Debug)]
pub struct PluginSections {
    tables: BTreeMap<String, Section>,
    ledger: Ledger,
}

impl PluginSections {
    pub(super) fn read(root: &mut Section) -> Self {
        let tables = root.children("plugins").into_iter().collect();
        Self { tables, ledger: root.ledger().clone() }
    }

    /// The settings of the plugin `id`; an empty table if the file has none, which the environment may still fill.
    /// Whoever takes it calls [`Section::finish`] when the plugin has read it.
    #[must_use]
    pub fn section(&self, id: &str) -> Section {
        let empty = || Section::new(format!("plugins.{id}"), toml::Table::new(), &self.ledger);
        self.tables.get(id).cloned().unwrap_or_else(empty)
    }

    /// Whether the file has a table for the plugin `id`, be it an empty one.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.tables.contains_key(id)
    }

    /// The ids of the tables in the file, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// Where the plugins' problems are noted.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends the reading of the whole configuration once every plugin of `ids` (all there are) has read its section.
    ///
    /// # Errors
    /// Everything noted so far, tables of plugins that do not exist, and `BELGIE_*` variables that nobody read.
    pub fn finish(&self, ids: &[&str]) -> Result<(), Problems> {
        for id in self.ids().filter(|id| !ids.contains(id)) {
            let known =
                if ids.is_empty() { "there are none".to_owned() } else { format!("known are {}", ids.join(", ")) };
            let message = "there is no such plugin in this build";
            self.ledger.add(Problem::new(format!("plugins.{id}"), message, format!("take the table out; {known}")));
        }
        for id in ids.iter().filter(|id| CORE_SECTIONS.contains(&id.replace('_', "-").as_str())) {
            let message = "the core has a section of this name, so their environment variables are the same";
            self.ledger.add(Problem::new(format!("plugins.{id}"), message, "give the plugin another id"));
        }
        self.ledger.check_environment();
        self.ledger.verdict()
    }
}
