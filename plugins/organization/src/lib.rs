#![doc = include_str!("../README.md")]

mod actor;
mod commands;
mod context;
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

pub use crate::actor::Actor;
pub use crate::lifecycle::{DomainJoin, Inviter, Lifecycle, Listeners};
pub use crate::model::invitation::{Invitation, InvitationStatus};
pub use crate::model::member::{Member, Membership, Powers};
pub use crate::model::organization::{
    NewOrganization, Organization as OrganizationRecord, OrganizationChanges, read_name,
};
pub use crate::model::permission;
pub use crate::model::role::{ADMIN, MEMBER, OWNER, Role, Roles, has_any_role, has_role, read_roles};
pub use crate::model::service::NewServiceToken;
pub use crate::model::settings::Settings;
pub use crate::service::{
    AgentDetails, AgentInfo, AgentPage, Attempt, Details, MemberInfo, NewInvitation, Organizations, PAGE, RoleInfo,
    ShownInvitation, TeamChoice,
};
use crate::service::{HostedServices, People, TIDY_EVERY};

/// Organizations, as a plugin.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    settings: Settings,
    listeners: Listeners,
}

impl Organization {
    /// Organizations with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, listeners: Listeners::default() }
    }

    /// Adds somebody who hears of what happens to organizations.
    #[must_use]
    pub fn listener(self, listener: impl Lifecycle + 'static) -> Self {
        self.listeners.add(Arc::new(listener));
        self
    }
}

impl Plugin for Organization {
    fn manifest(&self) -> Manifest {
        let scope = |name: &'static str, description: &'static str| ScopeInfo::on_request(name, description);
        Manifest {
            id: "organization",
            version: env!("CARGO_PKG_VERSION"),
            needs: Vec::new(),
            scopes: vec![
                scope(tools::ORG_READ, "See the organization it acts for, who is in it and what is on its record"),
                scope(
                    tools::ORG_MANAGE,
                    "Invite people into the organization it acts for, and change its members, roles, services and settings",
                )
                .implying(tools::ORG_READ),
            ],
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
        let organizations = Arc::new(Organizations::new(host.clone(), self.settings.clone(), self.listeners.clone()));
        mount
            .provide(Arc::clone(&organizations))
            .organizations(Arc::new(context::Contexts(Arc::clone(&organizations))))
            .services(Arc::new(HostedServices(Arc::clone(&organizations))))
            .verifier(Arc::new(HostedServices(Arc::clone(&organizations))))
            .tools(tools::tools(Arc::clone(&organizations)))
            .account_section(Arc::new(pages::Section(Arc::clone(&organizations))))
            .veto(Arc::new(People(Arc::clone(&organizations))))
            .data_export(Arc::new(People(Arc::clone(&organizations))));
        routes::api::mount(&organizations, mount);
        routes::pages::mount(&organizations, mount);
        mount.job("organization.purge", TIDY_EVERY, move || {
            let organizations = Arc::clone(&organizations);
            async move { organizations.purge().await }
        });
        Ok(())
    }
}
