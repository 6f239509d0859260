#![doc = include_str!("../README.md")]

mod commands;
mod lifecycle;
mod model;
mod pages;
mod routes;
mod service;
mod store;
mod tools;

use std::sync::Arc;

use belgie_api::command::PluginCommand;
use belgie_api::plugin::{Migrations, ScopeInfo, Template};
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};
use belgie_organization::Organizations;

pub use crate::lifecycle::{TeamLifecycle, TeamListeners};
pub use crate::model::member::{InTeam, LEAD, Need, TeamMember, TeamMembership, TeamPowers};
pub use crate::model::settings::Settings;
pub use crate::model::team::{NewTeam, Team as TeamRecord};
use crate::service::{Following, People};
pub use crate::service::{PAGE, TeamDetails, TeamInfo, TeamMemberInfo, TeamPage, Teams};

/// Teams of organizations, as a plugin. It needs that of organizations.
#[derive(Clone, Debug, Default)]
pub struct Team {
    settings: Settings,
    listeners: TeamListeners,
}

impl Team {
    /// Teams with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, listeners: TeamListeners::default() }
    }

    /// Adds somebody who hears of what happens to teams.
    #[must_use]
    pub fn listener(self, listener: impl TeamLifecycle + 'static) -> Self {
        self.listeners.add(Arc::new(listener));
        self
    }
}

impl Plugin for Team {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "team",
            version: env!("CARGO_PKG_VERSION"),
            needs: vec!["organization"],
            scopes: vec![ScopeInfo::on_request(
                tools::TEAM_MANAGE,
                "Make, rename and delete teams of the organization it acts for, and say who is in them",
            )],
        }
    }

    fn configure(&mut self, settings: &mut Section) {
        self.settings = Settings::read(settings);
    }

    fn migrations(&self) -> Option<Migrations> {
        Some(Migrations {
            sqlite: sqlx::migrate!("migrations/sqlite"),
            postgres: sqlx::migrate!("migrations/postgres"),
        })
    }

    fn templates(&self) -> Vec<Template> {
        pages::templates()
    }

    fn commands(&self) -> Vec<PluginCommand> {
        commands::commands()
    }

    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()> {
        let teams = Arc::new(Teams::new(host.clone(), self.settings.clone(), self.listeners.clone()));
        mount.needed::<Organizations>()?.listen(Arc::new(Following(Arc::clone(&teams))));
        mount
            .provide(Arc::clone(&teams))
            .teams(Arc::new(People(Arc::clone(&teams))))
            .tools(tools::tools(Arc::clone(&teams)))
            .data_export(Arc::new(People(Arc::clone(&teams))));
        routes::api::mount(&teams, mount);
        routes::pages::mount(&teams, mount);
        Ok(())
    }
}
