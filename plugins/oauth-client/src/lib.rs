#![doc = include_str!("../README.md")]

mod handle;
mod model;
mod pages;
pub mod presets;
mod provider;
mod routes;
mod service;
mod store;
mod strategy;

use std::sync::Arc;

use belgie_api::plugin::{Migrations, Template};
use belgie_api::ports::LinkedSubjects;
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};

pub use secrecy;

pub use crate::handle::{OAuthClient, ProviderClient, mount_provider};
pub use crate::model::flow::{FinishedFlow, FlowOptions};
pub use crate::model::profile::{Profile, is_true};
pub use crate::model::refusal::user_info_missing;
pub use crate::model::settings::{AuthMethod, Pkce, ProviderSettings, ResponseMode, SignUp, StateStrategy};
pub use crate::model::tokens::TokenSet;
pub use crate::provider::{Claims, Line, Metadata, Provider};
use crate::service::{Engine, People};
pub use crate::service::{ForeignAccount, LinkedAccountChanges, LinkedAccountInfo, Tokens};
pub use crate::strategy::{Standard, Strategy};

/// The shape of a door, for providers without a picture of their own.
const ICON: &str = concat!(
    r#"<g fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round">"#,
    r#"<path d="M14 3h4.5A1.5 1.5 0 0 1 20 4.5v15a1.5 1.5 0 0 1-1.5 1.5H14M3.5 12H15m-4.5-4.5L15 12l-4.5 4.5"/></g>"#,
);

/// The engine, as a plugin: it signs people in with the providers of `[plugins.oauth-client.<id>]` and with those that other
/// plugins add to it.
#[derive(Debug, Default)]
pub struct OAuthClientPlugin {
    providers: Vec<Arc<Provider>>,
}

impl OAuthClientPlugin {
    /// Adds a provider in a program.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }
}

impl Plugin for OAuthClientPlugin {
    fn manifest(&self) -> Manifest {
        Manifest { id: "oauth-client", version: env!("CARGO_PKG_VERSION"), needs: Vec::new(), scopes: Vec::new() }
    }

    fn configure(&mut self, settings: &mut Section) {
        for (id, mut section) in settings.named_tables() {
            let read = ProviderSettings::new(&id, &id).read(&mut section);
            if !read.is_on() && read.client_secret.is_none() {
                section.complain("client_id", "it is required and not set", "set it to the id the provider gave you");
            }
            section.finish();
            self.providers.push(Arc::new(Provider::new(read, Standard, ICON)));
        }
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

    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()> {
        let engine = Arc::new(Engine::new(host.clone()));
        for provider in &self.providers {
            engine.add(Arc::clone(provider))?;
            mount.sign_in_button(provider.button());
        }
        let people = Arc::new(People(Arc::downgrade(&engine)));
        mount
            .provide(Arc::new(OAuthClient(Arc::clone(&engine))))
            .provide(Arc::new(LinkedSubjects(Arc::clone(&people) as _)))
            .ways_in(Arc::clone(&people) as _)
            .data_export(Arc::clone(&people) as _)
            .examined(Arc::clone(&people) as _)
            .veto(people)
            .account_section(Arc::new(pages::LinkedAccounts(Arc::clone(&engine))));
        routes::mount(&engine, mount);
        Ok(())
    }
}
