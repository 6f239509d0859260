#![doc = include_str!("../README.md")]

mod client;
mod commands;
mod context;
mod model;
mod pages;
mod routes;
mod service;
mod store;
mod tools;

use std::sync::Arc;

use belgie_api::command::PluginCommand;
use belgie_api::plugin::{Migrations, Template};
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};

pub use crate::client::{Refused, VERSION};
pub use crate::model::settings::Settings;
pub use crate::model::subscription::Shown;
pub use crate::service::{
    Account, AccountUsage, Billing, Bought, MeterUsage, Replayed, Reported, ShareUsage, Standing, Which, Wish,
};
pub use crate::store::events::Kept;
pub use crate::store::meter_calls::{Call, Sums};
pub use crate::store::meter_usage::{OfMeter, Stand};

/// Plans sold through Stripe, as a plugin. It is off until it has a secret key.
#[derive(Clone, Debug, Default)]
pub struct Stripe {
    settings: Settings,
}

impl Stripe {
    /// Plans with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Stripe {
    /// Counting goes on for whatever is left of it, whether or not the file still has meters.
    fn mount_meters(&self, billing: &Arc<Billing>, mount: &mut Mount) {
        if !billing.host().plans().meters().is_empty() {
            mount.tools(tools::tools(billing));
        }
        mount.metering(Arc::new(context::Counting(Arc::clone(billing))));
        let reporting = Arc::clone(billing);
        mount.job("stripe.meter.report", service::REPORT_EVERY, move || {
            let billing = Arc::clone(&reporting);
            async move { billing.report_usage().await.map(drop) }
        });
        let billing = Arc::clone(billing);
        mount.job("stripe.meter.leases", self.settings.lease() / 4, move || {
            let billing = Arc::clone(&billing);
            async move { billing.look_after_leases().await }
        });
    }
}

impl Plugin for Stripe {
    fn manifest(&self) -> Manifest {
        Manifest { id: "stripe", version: env!("CARGO_PKG_VERSION"), needs: Vec::new(), scopes: Vec::new() }
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
        if self.settings.secret_key.is_none() {
            return Ok(());
        }
        if host.plans().all().iter().all(belgie_api::Plan::is_free) {
            tracing::warn!("Stripe is set up, and no [[plan]] has a price: there is nothing to sell");
        }
        let billing = Billing::new(host.clone(), self.settings.clone())?;
        mount.provide(Arc::clone(&billing)).subscriptions(Arc::new(context::Contexts(Arc::clone(&billing))));
        routes::mount(&billing, mount);
        self.mount_meters(&billing, mount);
        mount.job("stripe.events", service::EVERY, move || {
            let billing = Arc::clone(&billing);
            async move { billing.catch_up().await }
        });
        Ok(())
    }
}
