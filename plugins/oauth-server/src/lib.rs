#![doc = include_str!("../README.md")]

mod claims;
mod commands;
mod forms;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod model;
mod own;
mod pages;
mod routes;
mod service;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use belgie_api::command::PluginCommand;
use belgie_api::plugin::{ClientsOfOrganizations, Migrations, ScopeInfo, Template};
use belgie_api::ports::Proofs;
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};

pub use crate::claims::{About, Claims};
pub use crate::forms::Forms;
use crate::model::dpop::Binding;
pub use crate::model::settings::Settings;
pub use crate::model::step::Step;
use crate::own::Own;
pub use crate::pages::interaction::{Interaction, Interactions};
use crate::service::{
    FORGET_EVERY, FORGET_PROOFS_EVERY, HeldKeys, LOOK_EVERY, Logouts, Memberships, OAuth, People, TELL_EVERY,
    TIDY_EVERY, Verifier,
};
pub use crate::steps::{Requests, Steps, Underway};

/// The authorization server, as a plugin.
#[derive(Clone, Debug, Default)]
pub struct OAuthServer {
    settings: Settings,
    own: Own,
}

impl OAuthServer {
    /// An authorization server with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, own: Own::default() }
    }

    /// Adds what an application says of people and connections.
    #[must_use]
    pub fn with_claims(mut self, claims: impl Claims + 'static) -> Self {
        self.own.claims = Some(Arc::new(claims));
        self
    }

    /// Lets an application make ids of clients, and write tokens in a form of its own.
    #[must_use]
    pub fn with_forms(mut self, forms: impl Forms + 'static) -> Self {
        self.own.forms = Some(Arc::new(forms));
        self
    }

    /// Lets an application say which of its pages a person sees before an agent is let in.
    #[must_use]
    pub fn with_steps(mut self, steps: impl Steps + 'static) -> Self {
        self.own.steps = Some(Arc::new(steps));
        self
    }

    /// Lets an application find authorization requests that it keeps.
    #[must_use]
    pub fn with_requests(mut self, requests: impl Requests + 'static) -> Self {
        self.own.requests = Some(Arc::new(requests));
        self
    }
}

impl Plugin for OAuthServer {
    fn manifest(&self) -> Manifest {
        let mut scopes =
            vec![ScopeInfo::by_default(tools::CONNECTIONS_READ, "See which agents are connected to your account")];
        scopes.push(ScopeInfo::on_request(tools::CLIENTS_READ, "See the applications you have made"));
        scopes.push(
            ScopeInfo::on_request(tools::CLIENTS_WRITE, "Make, change and delete applications of yours")
                .implying(tools::CLIENTS_READ),
        );
        if self.settings.openid_connect {
            scopes.extend(model::openid::scopes());
        }
        Manifest { id: "oauth-server", version: env!("CARGO_PKG_VERSION"), needs: Vec::new(), scopes }
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
        commands::commands(&self.settings)
    }

    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()> {
        let oauth = Arc::new(OAuth::new(host.clone(), self.settings.clone()).with_own(self.own.clone()));
        mount
            .authorization_server()
            .resources_elsewhere(self.settings.resources.iter().cloned())
            .provide(Arc::new(self.settings.clone()))
            .provide(Arc::new(Interactions(Arc::clone(&oauth))))
            .provide(Arc::new(ClientsOfOrganizations { page: "/account/clients" }))
            .verifier(Arc::new(Verifier::new(Arc::clone(&oauth))))
            .observer(Arc::new(Memberships(Arc::clone(&oauth))))
            .veto(Arc::new(People(Arc::clone(&oauth))))
            .data_export(Arc::new(People(Arc::clone(&oauth))))
            .connections(Arc::new(People(Arc::clone(&oauth))))
            .organization_connections(Arc::new(People(Arc::clone(&oauth))))
            .purpose(Arc::new(People(Arc::clone(&oauth))))
            .account_section(Arc::new(pages::Connections(Arc::clone(&oauth))))
            .tools(tools::tools(Arc::clone(&oauth)));
        if self.settings.openid_connect {
            tell_of_logouts(&oauth, mount);
        }
        if self.settings.dpop.binding != Binding::Off {
            bind_to_keys(&oauth, mount);
        }
        routes::mount(&oauth, mount);
        let forgetting = Arc::clone(&oauth);
        mount.job("oauth-server.forget_answers", FORGET_EVERY, move || {
            let oauth = Arc::clone(&forgetting);
            async move { oauth.forget_answers().await }
        });
        mount.job("oauth-server.purge", TIDY_EVERY, move || {
            let oauth = Arc::clone(&oauth);
            async move { oauth.purge().await }
        });
        Ok(())
    }
}

/// Tokens are bound to keys where clients show one.
fn bind_to_keys(oauth: &Arc<OAuth>, mount: &mut Mount) {
    mount.provide(Arc::new(Proofs(Arc::new(HeldKeys(Arc::clone(oauth))))));
    let forgetting = Arc::clone(oauth);
    mount.job("oauth-server.forget_proofs", FORGET_PROOFS_EVERY, move || {
        let oauth = Arc::clone(&forgetting);
        async move { oauth.forget_proofs().await }
    });
}

/// Clients are told when sessions end, however they end.
fn tell_of_logouts(oauth: &Arc<OAuth>, mount: &mut Mount) {
    mount.observer(Arc::new(Logouts(Arc::clone(oauth))));
    let telling = Arc::clone(oauth);
    mount.job("oauth-server.logouts", TELL_EVERY, move || {
        let oauth = Arc::clone(&telling);
        async move { oauth.tell_logouts().await }
    });
    let looking = Arc::clone(oauth);
    mount.job("oauth-server.lapsed_logins", LOOK_EVERY, move || {
        let oauth = Arc::clone(&looking);
        async move { oauth.note_lapsed_logins().await }
    });
}
