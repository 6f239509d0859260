//! What can be done with teams, behind pages, endpoints, tools, commands and the application.

mod following;
mod members;
mod people;
mod teams;
mod work;

use std::sync::Arc;

use belgie_api::ports::Use;
use belgie_api::{Failure, Host, Result};
use belgie_organization::Organizations;

pub use self::following::Following;
pub use self::members::{PAGE, TeamMemberInfo};
pub use self::people::People;
pub use self::teams::{TeamDetails, TeamInfo, TeamPage};
use crate::lifecycle::{TeamLifecycle, TeamListeners};
use crate::model::settings::Settings;

/// The teams of this gateway: what handlers of an application take as `Use<Teams>`, and plugins get with
/// [`Mount::needed`](belgie_api::Mount::needed). Every act says who acts ([`Actor`](belgie_organization::Actor)) and asks
/// what they are in the organization and in the team.
pub struct Teams {
    host: Host,
    settings: Settings,
    listeners: TeamListeners,
}

impl Teams {
    /// Puts them together.
    #[must_use]
    pub fn new(host: Host, settings: Settings, listeners: TeamListeners) -> Self {
        Self { host, settings, listeners }
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// How the plugin is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds somebody who hears of what happens, from now on.
    pub fn listen(&self, listener: Arc<dyn TeamLifecycle>) {
        self.listeners.add(listener);
    }

    /// The organizations the teams belong to. They are asked for each time: they tell us of what happens to them, and
    /// two that held each other would never go.
    ///
    /// # Errors
    /// While plugins are still mounting, and when the gateway is gone.
    pub fn organizations(&self) -> Result<Use<Organizations>> {
        self.host.provided().ok_or_else(|| Failure::internal("teams are asked for without their organizations"))
    }
}
