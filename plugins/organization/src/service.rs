//! What can be done with organizations, behind pages, endpoints, tools, commands and the application.

mod agents;
mod answers;
mod attempts;
mod invitations;
mod letter;
mod limits;
mod members;
mod one_agent;
mod organizations;
mod ownership;
mod people;
mod record;
mod roles;
mod services;
mod sought;
mod teams;
mod tidy;
mod work;

use std::sync::Arc;

use belgie_api::Host;

pub use self::agents::{AgentInfo, AgentPage};
pub use self::answers::ShownInvitation;
pub use self::attempts::Attempt;
pub use self::invitations::NewInvitation;
pub use self::members::{MemberInfo, PAGE};
pub use self::one_agent::{AgentDetails, TeamChoice};
pub use self::organizations::Details;
pub use self::people::People;
pub(crate) use self::record::person_in;
pub use self::roles::RoleInfo;
pub use self::services::HostedServices;
pub use self::sought::Sought;
pub use self::tidy::TIDY_EVERY;
use crate::lifecycle::{Lifecycle, Listeners};
use crate::model::settings::Settings;

/// The organizations of this gateway: what handlers of an application take as `Use<Organizations>`, and plugins get with
/// [`Mount::needed`](belgie_api::Mount::needed). Every act says who acts; an [`Actor`](crate::Actor) that is a person can do
/// what their roles allow, and nothing at all where they are no member: there the answer is that of an organization that
/// does not exist.
pub struct Organizations {
    host: Host,
    settings: Settings,
    listeners: Listeners,
}

impl Organizations {
    /// Puts them together.
    #[must_use]
    pub fn new(host: Host, settings: Settings, listeners: Listeners) -> Self {
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
    pub fn listen(&self, listener: Arc<dyn Lifecycle>) {
        self.listeners.add(listener);
    }
}
