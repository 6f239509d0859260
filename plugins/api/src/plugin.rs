//! What a plugin says of itself, and what it adds.

mod connections;
mod examined;
mod mount;
pub mod scopes;

use sqlx::migrate::Migrator;

pub use self::connections::{
    ClientsOfOrganizations, Connection, Connections, InOrganizations, Less, Narrowed, Narrowing,
    OrganizationConnection, OrganizationConnections, ToolUse,
};
pub use self::examined::{Checkup, Examined};
pub use self::mount::{AccountSection, DataExport, Job, Mount, MountParts, Purpose, Room, Route, SignInButton, Work};
pub use self::scopes::{ScopeGrant, ScopeHierarchy, ScopeInfo};
use crate::command::PluginCommand;
use crate::failure::Result;
use crate::ports::Host;
use crate::settings::Section;

/// A part of the gateway that can be left out. It speaks at two moments: it *says what it is*, before anything opens,
/// and it *mounts*, once, after the plugins it needs.
pub trait Plugin: Send + Sync + 'static {
    /// What the plugin is.
    fn manifest(&self) -> Manifest;

    /// Takes its settings from `[plugins.<id>]`. Problems are recorded in the section, all of them.
    fn configure(&mut self, _settings: &mut Section) {}

    /// Its tables, if it has any.
    fn migrations(&self) -> Option<Migrations> {
        None
    }

    /// Its pages, if it has any.
    fn templates(&self) -> Vec<Template> {
        Vec::new()
    }

    /// The commands it adds to the command line.
    fn commands(&self) -> Vec<PluginCommand> {
        Vec::new()
    }

    /// Whether it knows plans that are not in the file: then a rule may name a plan or a feature that no `[[plan]]` has. Without
    /// such a plugin that is a mistake, since nobody could ever meet the rule.
    fn knows_more_plans(&self) -> bool {
        false
    }

    /// Adds everything it has to the gateway.
    ///
    /// # Errors
    /// When it cannot work as it is configured; the boot stops and shows the failure.
    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()>;
}

/// What a plugin is.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Section of the configuration, table prefix (with `-` as `_`) and name of the template folder at once.
    pub id: &'static str,
    /// The plugin's own version.
    pub version: &'static str,
    /// Ids of plugins that must be there and are mounted before.
    pub needs: Vec<&'static str>,
    /// Scopes it brings.
    pub scopes: Vec<ScopeInfo>,
}

/// The tables of a plugin, in a ledger of its own: the same numbers for both engines.
pub struct Migrations {
    /// For the embedded engine.
    pub sqlite: Migrator,
    /// For the server.
    pub postgres: Migrator,
}

/// A page or fragment, with contexts it is rendered with at start-up under strict rules.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its name: `<plugin id>/<file>`. A file of this name in the override folder takes its place.
    pub name: &'static str,
    /// minijinja source.
    pub source: &'static str,
    /// A JSON list of complete contexts.
    pub samples: &'static str,
}
